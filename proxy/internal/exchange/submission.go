package exchange

import (
	"net/http"
	"slices"
	"strings"
)

// LatePath is where a form goes on that came without a session, below the prefix.
const LatePath = "/late"

// LateAt returns where a form goes on that came without a session, and where the
// sign-in before it ends.
func (s *Shared) LateAt() string { return s.ownAt(LatePath, "") }

// Submits reports whether r is a form that a browser sends in a window: its
// response will fill the window.
func Submits(r *http.Request) bool {
	if r.Method != http.MethodPost || partial(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && !slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
	}
	return namesHTML(r) && r.Header.Get("Upgrade") == ""
}

// SentByThisSite reports whether a page of this site has sent the request. What
// is not said counts as another site.
func (x *Exchange) SentByThisSite() bool {
	origin := x.R.Header["Origin"]
	if len(origin) > 1 || len(x.R.Header["Sec-Fetch-Site"]) > 1 {
		return false
	}
	own := len(origin) == 1 && strings.EqualFold(origin[0], x.Origin())
	switch x.R.Header.Get("Sec-Fetch-Site") {
	case "same-origin": // a page with the referrer policy no-referrer says null
		return own || len(origin) == 0 || origin[0] == "null"
	case "":
		return own
	default:
		return false
	}
}
