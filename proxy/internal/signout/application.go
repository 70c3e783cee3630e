package signout

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/answer"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// Takes reports whether a request signs out at the application, and was sent by
// a page of this site. Another site can make a browser send such a request as
// well; then only the application handles it.
func (h *Handler) Takes(x *exchange.Exchange) bool {
	if !slices.Contains(h.Paths, x.R.URL.Path) {
		return false
	}
	site, mode := x.R.Header.Get("Sec-Fetch-Site"), x.R.Header.Get("Sec-Fetch-Mode")
	switch x.R.Method {
	case http.MethodGet:
		return site == "same-origin" && mode == "navigate"
	case http.MethodPost, http.MethodPut, http.MethodDelete:
		return site == "same-origin" || site == "" && x.R.Header.Get("Origin") == x.Origin()
	default:
		return false
	}
}

// AtApplication lets the application answer a request for which Takes is true,
// and then signs the user out, even if the application fails. A page load ends
// at the page that confirms the sign-out; a script gets the application's
// answer. r is the request as the application would get it.
func (h *Handler) AtApplication(x *exchange.Exchange, r *http.Request, next func(http.ResponseWriter, *http.Request) error) error {
	var said answer.Answer
	failed := next(&said, r)
	ended, there, err := h.endAll(x)
	if err != nil {
		x.Fail(fault.From(errors.Join(err, failed)), "/")
		return nil
	}
	x.RenewVisit()
	x.SetArrivals(nil)
	if mode := x.R.Header.Get("Sec-Fetch-Mode"); mode != "navigate" {
		if failed == nil {
			said.Replay(x.W)
		}
		return failed
	}
	for _, line := range said.Sent()["Set-Cookie"] {
		if !x.Cookies.Owns(line) {
			x.W.Header().Add("Set-Cookie", line)
		}
	}
	h.answer(x, ended, there, url.Values{})
	return nil
}
