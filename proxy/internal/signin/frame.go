package signin

import (
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// frame answers a page load inside a frame that needs a sign-in first: with a
// page that opens the sign-in in a window of its own. Browsers keep the session
// cookie (SameSite=Lax) from frames of other sites; there only the application
// itself can be opened.
func (h *Handler) frame(x *exchange.Exchange) {
	to := page.FrameLinks{Own: x.WayBack(x.At.Asked.RequestURI())}
	if x.R.Header.Get("Sec-Fetch-Site") != "cross-site" {
		to.SignIn = h.SignInAt(h.FramedAt()) + x.Asking
	}
	x.Invite()
	h.Pages.Framed(x.W, x.R, to, x.Brand(x))
}

// Unframe answers GET framed, in the window that a frame has opened: a visitor
// who has signed in may close it. All others are led to the sign-in, which says
// what is wrong with those who have signed in and may not pass.
func (h *Handler) Unframe(x *exchange.Exchange) {
	v, found, err := x.Verdict()
	if err != nil {
		x.Fail(fault.From(err), "/")
		return
	}
	if found && v.Pass {
		s, _, _ := x.Session()
		h.Pages.SignedInFromFrame(x.W, x.R, s.User.Username, x.Brand(x))
		return
	}
	if !exchange.Navigates(x.R) {
		x.Fail(fault.New(fault.SignInRequired, nil), "/")
		return
	}
	x.Redirect(h.SignInAt(h.FramedAt()))
}
