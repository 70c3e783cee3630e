package signin

import (
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// An Outcome is the result of one step, before any of it is shown. It belongs
// to a visit and not to a request: if a page is submitted twice, both responses
// show it.
type Outcome struct {
	Visit    Visit         // the next challenge, unless one of the next two fields is set
	Admitted *Admission    // the end of the visit: a user is signed in
	Err      *fault.Error  // a failure
	notice   string        // the name of a sentence for the next page
	mistake  *page.Mistake // what is wrong with the form; authentik was not asked
	advanced bool          // authentik has accepted the answer; no other answer may follow it
	wait     time.Duration // how long answers are throttled
}

// Settle returns the outcome of a step. A redirect may be the end of a sign-in,
// but never proves it: authentik is asked who the visitor is. A gate that
// demands a flow admits only users whom that very flow has signed in: for a
// user who is already signed in, a flow may skip all its challenges.
func (h *Handler) Settle(x *exchange.Exchange, vis Visit) Outcome {
	h.Remember(vis.Step.Cookies, vis.Step.Challenge.Common().PendingUser)
	if _, ended := vis.Step.Challenge.(flowclient.Redirect); !ended {
		return Outcome{Visit: vis}
	}
	if h.Flow != "" && !vis.signedInBy(h.Flow) {
		if vis.Login != (flowclient.Login{}) {
			x.Log().InfoContext(x.Context(), "sign-in: by another flow than the gate demands", "flow", vis.Login.Flow, "demanded", h.Flow)
		}
		return Outcome{Visit: vis}
	}
	out, err := h.admit(x, vis)
	switch {
	case errors.Is(err, authn.ErrNotSignedIn):
		return Outcome{Visit: vis}
	case err != nil:
		return Outcome{Err: fault.From(err)}
	}
	if out.Admitted != nil {
		u := out.Admitted.session.User
		upn, _ := user.Claim(u, "attributes.upn").(string)
		h.Throttle.SignedIn(x.At.Client, u.Username, u.Email, upn)
	}
	return out
}

// Ended reports whether the flow has ended and no user is signed in.
func (o Outcome) Ended() bool {
	if o.Err != nil || o.Admitted != nil {
		return false
	}
	_, ended := o.Visit.Step.Challenge.(flowclient.Redirect)
	return ended
}

// elsewhere reports whether the flow first redirects the visitor to another place.
func elsewhere(step flowclient.Step) bool {
	to, ok := step.Challenge.(flowclient.Redirect)
	return ok && (to.Class() == flowclient.RedirectExternal || to.Class() == flowclient.RedirectSource)
}
