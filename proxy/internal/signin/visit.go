package signin

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/copies"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// VisitLife is how long a visit lasts from its beginning. A page that waits for
// longer has expired.
const VisitLife = 30 * time.Minute

var (
	errVisitExpired = errors.New("proxy: the visit was begun too long ago")
	errCopyGone     = errors.New("proxy: this process no longer has the challenge that the visit was drawn from")
)

// A Visit is one unfinished sign-in. Only the page that shows its present
// challenge contains it, sealed for this gate and this browser. So tabs are
// independent, and a restart of the gate does not interrupt a sign-in.
type Visit struct {
	// ID is different for each page that is drawn.
	ID string `json:"id"`
	// Begun is when the visit began.
	Begun time.Time `json:"begun"`
	// Back is the local address that the visitor asked for.
	Back string `json:"back"`
	// First is the flow that the visit began with.
	First flowclient.Flow `json:"first"`
	// Linked says that the visitor came by a link to that flow.
	Linked bool `json:"linked,omitempty"`
	// Aside is the flow that the visitor has chosen instead of signing in: recovery,
	// enroll or passwordless.
	Aside string `json:"aside,omitempty"`
	// Opening is the component of the flow's first challenge. If it comes again,
	// the flow has restarted.
	Opening flowclient.Component `json:"opening,omitempty"`
	// Name is the name that was typed if authentik asked for something else first.
	Name string `json:"name,omitempty"`
	// Login says which flow has signed the user in at authentik. It may be
	// another flow than First.
	Login flowclient.Login `json:"login,omitzero"`
	// Via are the flows through which the visit came to the present one: each
	// has led to the next by itself, before a user was signed in. They are
	// forgotten when the visitor chooses a flow.
	Via []string `json:"via,omitempty"`
	// Named says that authentik knows which account the visitor claims.
	// ViaNamed says that it knew so when one of Via led to the next flow.
	Named    bool `json:"named,omitempty"`
	ViaNamed bool `json:"via_named,omitempty"`
	// Stay says that the visitor wants to stay signed in. Until is when
	// authentik's session then expires.
	Stay  bool      `json:"stay,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Step is the challenge, and the cookies by which authentik recognizes the
	// visit. It has no cookies if the challenge was drawn from a copy: the
	// visit begins at authentik with its answer.
	Step flowclient.Step `json:"step"`
	// Copy is the mark of the copy from which the challenge was drawn. The
	// sealed visit has the mark instead of the challenge.
	Copy string `json:"copy,omitempty"`
	// Request is the request to authentik's authorize endpoint. It is nil
	// without OpenID Connect.
	Request *authn.Request `json:"request,omitempty"`
	// Detour is the source that the visitor has chosen on this challenge.
	Detour *detour `json:"detour,omitempty"`
	// Sent says when messages were sent that the visitor could ask for again.
	Sent map[string]time.Time `json:"sent,omitempty"`

	copy *copies.Challenge // nil unless the challenge was drawn from a copy
}

// at returns the visit at its next step, as a separate page.
func (v Visit) at(step flowclient.Step) Visit {
	v.ID = rand.Text()
	v.Step, v.Detour, v.copy = step, nil, nil
	if v.Login == (flowclient.Login{}) && len(step.Led) > 0 {
		v.Via, v.ViaNamed = append(slices.Clip(v.Via), step.Led...), v.ViaNamed || v.Named
	}
	v.Named = v.Named || step.Challenge != nil && step.Challenge.Common().PendingUser != ""
	v.Login = v.Login.Then(step.Login)
	if !step.SessionUntil.IsZero() {
		v.Until = step.SessionUntil
	}
	v.Step.Login, v.Step.Led, v.Step.SessionUntil = flowclient.Login{}, nil, time.Time{} // noted already
	return v
}

// given returns the visit after an answer. A flow continues for the user of the
// flows that have led to it. If it asks again who the visitor is, authentik has
// restarted it, and the flows before it may have been about another user.
func (v Visit) given(answer flowclient.Answer) Visit {
	if Restarts(answer, v.ViaNamed) {
		v.Via, v.ViaNamed = nil, false
	}
	v.Named = v.Named || reply.Proves(answer)
	return v
}

// Restarts reports whether an answer says who the visitor is, in a flow to
// which others have led for a user whom they knew.
func Restarts(answer flowclient.Answer, viaNamed bool) bool {
	return viaNamed && (reply.Has(answer, "uid_field") || reply.Has(answer, "passkey"))
}

// signedInBy reports whether a flow has signed the user in, or another flow to
// which it has led by itself (as a redirect stage does). The challenges of the
// first flow come before.
func (v Visit) signedInBy(flow string) bool {
	return v.Login.By(flow) || v.Login.By(v.Login.Flow) && slices.Contains(v.Via, flow)
}

// aside returns the flow that the visit is in instead of one that signs in, or "".
func (v Visit) aside() string {
	if v.Linked {
		return page.AsideLink
	}
	return v.Aside
}

// stays returns until when the visitor stays signed in, or zero if the visitor
// does not want to.
func (v Visit) stays() time.Time {
	if !v.Stay {
		return time.Time{}
	}
	return v.Until
}

// At returns the visit at its next step, as a separate page.
func (v Visit) At(step flowclient.Step) Visit { return v.at(step) }

// seal writes a visit for the page of the browser that has the secret.
func (v Visit) seal(x *exchange.Exchange, s seal.Secret) (string, error) {
	if v.copy != nil {
		v.Copy, v.Step.Challenge = v.copy.Mark, nil
	}
	sealed, err := x.Box(seal.KindVisit, s).SealText(v)
	return x.Identity.Sign(sealed), err
}

// forPage seals the visit for the page that answers a request. For a HEAD
// request, a page from a copy needs no visit: no form will be sent, and
// authentik has no session for the visit.
func (v Visit) forPage(x *exchange.Exchange) (string, error) {
	if v.copy != nil && x.R.Method == http.MethodHead {
		return "", nil
	}
	return v.seal(x, x.EnsureVisit())
}

// Opened opens the visit that a page sends back. The gate itself has written
// it, but its values are checked nevertheless: a slug becomes part of an
// address at authentik, and the way back an address in the browser. The visit
// is also returned with errVisitExpired and errCopyGone.
func (h *Handler) Opened(x *exchange.Exchange, sealed string) (Visit, error) {
	v, err := h.unsealed(x, sealed)
	switch {
	case err == nil && v.Step.Challenge == nil && v.Copy == "":
		return Visit{}, seal.ErrSealed
	case err == nil && v.Copy != "":
		return v.drawnFrom(h.copies.Marked(v.Copy))
	}
	return v, err
}

// unsealed opens a visit, which may be without its challenge.
func (h *Handler) unsealed(x *exchange.Exchange, sealed string) (Visit, error) {
	var v Visit
	_, sealed = exchange.Signed(sealed)
	if err := x.OpenVisit(seal.KindVisit, sealed, &v); err != nil {
		return Visit{}, err
	}
	if !v.Step.Flow.Valid() || !v.First.Valid() || v.Back != exchange.LocalPath(v.Back) {
		return Visit{}, seal.ErrSealed
	}
	switch age := h.Now().Sub(v.Begun); {
	case age < -VisitLife:
		x.Log().WarnContext(x.Context(), "visit: begun in the future; set the clocks of all servers of this host (NTP)", "ahead", -age)
		return v, errVisitExpired
	case age > VisitLife:
		return v, errVisitExpired
	}
	return v, nil
}

// drawnFrom returns the visit with the challenge of its copy.
func (v Visit) drawnFrom(c copies.Challenge, found bool) (Visit, error) {
	if !found {
		return v, errCopyGone
	}
	v.Copy, v.copy, v.Step.Challenge = "", &c, c.Step.Challenge
	return v, nil
}
