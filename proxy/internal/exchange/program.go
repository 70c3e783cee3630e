package exchange

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Shows reports whether the request shows a credential of a scheme that
// programs may use. Basic does not count if another site may have caused the
// request: once a user has typed a name and password, the browser also sends
// them with such requests.
func (x *Exchange) Shows() bool {
	return x.Programs.Allows(x.Credential.Scheme) && !x.borrowed()
}

// borrowed reports whether another site may have made the browser send the
// credential.
func (x *Exchange) borrowed() bool {
	if x.Credential.Scheme != programs.Basic {
		return false
	}
	lines := x.R.Header["Sec-Fetch-Site"]
	return slices.ContainsFunc(lines, func(site string) bool { return site != "same-origin" && site != "none" })
}

// Standing returns what is known about the request's credential. It asks
// neither the store nor authentik.
func (x *Exchange) Standing() programs.Standing {
	if !x.Programs.Allows(x.Credential.Scheme) {
		return programs.Standing{}
	}
	return x.Programs.Known(x.Credential)
}

// TryCredential asks authentik about the request's credential, as Programs.Try
// does.
func (x *Exchange) TryCredential() (*session.Session, error) {
	shown := x.Credential
	shown.Site = x.Origin()
	return x.Programs.Try(x.Context(), x.Visitor(nil), shown)
}

// Again returns a function that asks authentik about the credential again while
// the request runs. may says whether a session may go on; its error says that
// authentik could not be asked.
func (x *Exchange) Again(s *session.Session, may func(s *session.Session, tried bool, cause error) bool) session.Again {
	known, shown, v, uid := x.Programs, x.Credential, x.Visitor(nil), s.User.UID
	scheme, host := x.At.Scheme, x.At.Host
	return func(backgroundCtx context.Context) (*session.Session, bool) {
		if s := known.Known(shown).Session; s != nil && s.User.UID == uid && may(s, false, nil) {
			return s, true
		}
		again := shown
		again.Site = Origin(Resolved{Scheme: scheme, Host: host})
		s, err := known.Try(backgroundCtx, v, again)
		return s, s != nil && s.User.UID == uid && may(s, true, err)
	}
}

// HideCredential removes the credential from a request that goes to the
// application.
func HideCredential(r *http.Request) { delete(r.Header, "Authorization") }

// offer says in the response which credentials programs may send (RFC 9110,
// 11.6.1). Browsers do not get it: they would open their own password window,
// which no page controls, and would keep the password until they are closed.
func (x *Exchange) offer() {
	if x.Programs == nil || x.fromBrowser() {
		return
	}
	realm := `realm="` + realm(x.At.Host) + `"`
	h := x.W.Header()
	if x.Programs.Allows(programs.Basic) {
		h.Add("Www-Authenticate", "Basic "+realm+`, charset="UTF-8"`)
	}
	if x.Programs.Allows(programs.Bearer) {
		h.Add("Www-Authenticate", "Bearer "+realm)
	}
}

// fromBrowser reports whether a request may come from a browser. Over plain HTTP
// browsers send no Sec-Fetch headers.
func (x *Exchange) fromBrowser() bool {
	for name := range x.R.Header {
		if name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return strings.HasPrefix(x.R.UserAgent(), "Mozilla/") || slices.ContainsFunc(x.Sent, x.Cookies.mentions)
}

// realm returns the host for use between quotes.
func realm(host string) string {
	odd := func(r rune) bool {
		plain := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-:[]", r)
		return !plain
	}
	if host == "" || strings.ContainsFunc(host, odd) {
		return "authentik"
	}
	return host
}
