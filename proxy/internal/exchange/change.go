package exchange

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// An AppCookie is a cookie of the application. A browser keeps several cookies
// of one name for different paths and domains, so the name is not enough.
type AppCookie struct{ Name, Path, Domain string }

// ForUser prepares the browser for a user. If its last user here was another
// one, or is not known, the application's cookies expire and its data is
// cleared, so that the application does not continue with the other user's
// account.
func (x *Exchange) ForUser(uid string) {
	if x.knowsUser(uid) {
		return
	}
	mark := x.markOf(uid)
	c := x.cookie(x.Cookies.user, mark) //nolint:gosec // It has all attributes.
	c.MaxAge = int(BrowserLife / time.Second)
	x.setCookie(c)
	for _, app := range append(x.handedOver(), x.AppCookies...) {
		x.setCookie(&http.Cookie{ //nolint:gosec // Secure where the site is.
			Name: app.Name, Path: app.Path, Domain: app.Domain, MaxAge: -1,
			Secure: x.At.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	if len(x.ClearSiteData) > 0 {
		x.W.Header().Set("Clear-Site-Data", `"`+strings.Join(x.ClearSiteData, `", "`)+`"`)
	}
}

// knowsUser reports whether ForUser would change nothing.
func (x *Exchange) knowsUser(uid string) bool {
	nothing := len(x.AppCookies) == 0 && len(x.HandedOver) == 0 && len(x.ClearSiteData) == 0
	return nothing || x.markedWith(x.markOf(uid))
}

// FromElsewhere is ForUser for a request of a user who may have signed in at
// another host of the cookie's domain. It returns r without the cookies of the
// previous user. The browser drops them with the next page load: other
// responses may be cached, and a cached response must not set cookies.
func (x *Exchange) FromElsewhere(r *http.Request, uid string) {
	if x.Cookies.domain == "" || x.knowsUser(uid) {
		return
	}
	if intent.Navigates(r) {
		x.ForUser(uid)
	}
	stale := append(x.handedOver(), x.AppCookies...)
	StripNamed(r.Header, func(name string) bool {
		return slices.ContainsFunc(stale, func(c AppCookie) bool { return c.Name == name })
	})
}

// markSize is the size of a user's mark, in bytes. The mark does not reveal the
// user without the gate's key.
const markSize = 16

// markedWith reports whether the browser's last user has this mark. A second
// cookie of the name counts as another user, since another host may have
// planted it.
func (x *Exchange) markedWith(mark string) bool {
	found, other := false, false
	for value := range CookieValues(x.Sent, x.Cookies.user.in(x.At.Scheme)) {
		found = found || value == mark
		other = other || value != mark
	}
	return found && !other
}

// handedOver returns the cookies of the request that the gate may have handed over.
func (x *Exchange) handedOver() (all []AppCookie) {
	for _, c := range (&http.Request{Header: http.Header{"Cookie": x.Sent}}).Cookies() {
		one := AppCookie{Name: c.Name, Path: "/"}
		given := rules.MatchesAny(x.HandedOver, c.Name)
		if given && !x.Cookies.Owns(c.Name+"="+c.Value) && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}
