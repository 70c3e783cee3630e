package proxy

import (
	"net/http"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// framedPath is where a sign-in ends that a frame has begun, below the prefix.
const framedPath = "/framed"

// frames are the destinations of page loads that do not fill a window (Fetch Metadata).
var frames = []string{"iframe", "frame", "embed", "object", "fencedframe"}

// framed reports whether r is a page load inside a frame. The sign-in page refuses to be framed, so such a load cannot be led
// there, but it can be shown a page. Browsers that send no Sec-Fetch headers do not say where a page will stand.
func framed(r *http.Request) bool {
	return loads(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
}

// frame answers a page load inside a frame where somebody has to sign in first: with a page that opens the sign-in in a window
// of its own. Browsers keep the session cookie (SameSite=Lax) from frames of other sites; there only the application
// itself can be opened.
func (g *Gate) frame(w http.ResponseWriter, r *http.Request, at Resolved) {
	to := page.FrameLinks{Own: g.wayBack(at.Asked.RequestURI())}
	if r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		to.SignIn = g.signInFor(g.cfg.Prefix + framedPath)
	}
	g.invite(w.Header())
	g.pages.Framed(w, r, to, g.brand(r, at))
}

// unframed answers GET framed, in the window that a frame has opened: whoever has signed in may close it. Everybody else is led
// to the sign-in, which says what is amiss with those who have signed in and may not pass.
func (g *Gate) unframed(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	if err != nil {
		g.fail(w, r, at, fault.From(err), "/")
		return
	}
	if session != nil {
		if _, ok := g.settled(r, at, g.judge(session)).(pass); ok {
			g.pages.SignedInFromFrame(w, r, session.User.Username, g.brand(r, at))
			return
		}
	}
	if !navigates(r) {
		g.fail(w, r, at, fault.New(fault.SignInRequired, nil), "/")
		return
	}
	g.redirect(w, g.signInFor(g.cfg.Prefix+framedPath))
}
