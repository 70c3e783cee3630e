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

// An Outcome is the result of one step, before any of it is shown. It belongs to
// a visit and not to a request: a page that is submitted twice gets it twice.
type Outcome struct {
	Visit    Visit         // the next challenge, unless one of the two below
	Admitted *Admission    // the end: a user is signed in
	Err      *fault.Error  // or something failed
	notice   string        // the name of a sentence for the next page
	mistake  *page.Mistake // what was wrong with the form; authentik was not asked
	advanced bool          // authentik has accepted the answer; no other may follow it
	wait     time.Duration // how long answers are throttled
}

// Settle returns the outcome of a step. A redirect may be the end of a sign-in,
// but never proves one: authentik is asked who the visitor is. A gate with a flow
// admits only users whom that very flow has signed in: a flow may skip all its
// challenges for a user who is signed in already.
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
