package relay

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

const (
	// maxCookie is the maximum length of the sealed visit, in bytes. Browsers
	// keep cookies of up to 4 KB.
	maxCookie = 3800
	// maxFlows is the maximum number of flows to which one visit may be sent.
	maxFlows = 20
)

// A visit is one unfinished sign-in on authentik's own interface. The
// interface's pages cannot contain it, so it is kept in a cookie, sealed for
// this gate and this browser. It is stored nowhere else, and neither the
// browser nor the application can read authentik's cookies. Tabs share it, as
// they do at authentik itself.
type visit struct {
	Begun   time.Time          `json:"begun"`
	Back    string             `json:"back"`
	Cookies flowclient.Cookies `json:"cookies,omitzero"`
	Request *authn.Request     `json:"request,omitempty"`
	// First is the flow that the visit began with.
	First flowclient.Flow `json:"first"`
	// Opening is the component of that flow's first challenge.
	Opening flowclient.Component `json:"opening,omitempty"`
	// Flows are the flows to which authentik has sent this visit. No other flow
	// runs in it: otherwise a script on this host could change a password in a
	// session that has just signed in.
	Flows []string `json:"flows"`
	// Login says which flow has signed the user in at authentik.
	Login flowclient.Login `json:"login,omitzero"`
	// Via are the flows through which the visit came to the flow To: each has
	// led to the next by itself, before a user was signed in. The visit forgets
	// them once a flow other than To runs.
	Via []string `json:"via,omitempty"`
	To  string   `json:"to,omitempty"`
	// Named says that authentik knows which account the visitor claims.
	// ViaNamed says that it knew so when one of Via led to the next flow.
	Named    bool `json:"named,omitempty"`
	ViaNamed bool `json:"via_named,omitempty"`
	// Stay says that the visitor wants to stay signed in. Until is when
	// authentik's session then expires.
	Stay  bool      `json:"stay,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// At is the flow of the last request.
	At flowclient.Flow `json:"at,omitzero"`
	// Pending is the pending user in authentik's last challenge. Wrong answers
	// count as failures of this account.
	Pending string `json:"pending,omitempty"`
}

// allows reports whether authentik has sent the visit to a flow.
func (v visit) allows(slug string) bool { return slices.Contains(v.Flows, slug) }

// sentTo notes that authentik has sent the visit to a flow.
func (v *visit) sentTo(flow flowclient.Flow) {
	if flow.Valid() && !v.allows(flow.Slug) && len(v.Flows) < maxFlows {
		v.Flows = append(slices.Clone(v.Flows), flow.Slug)
	}
}

// after returns the visit, with the cookies that it has after a request.
func (v visit) after(t Target, cookies flowclient.Cookies) visit {
	slug := ""
	if t.kind == executor {
		slug = t.slug
	}
	v.Login = v.Login.Then(v.Cookies.Login(cookies, slug))
	v.Cookies = cookies
	if slug != "" && slug != v.To {
		v.forget()
	}
	return v
}

// given notes an answer.
func (v *visit) given(answer flowclient.RawAnswer) {
	if signin.Restarts(answer, v.ViaNamed) {
		v.forget()
	}
	v.Named = v.Named || reply.Proves(answer)
}

// forget forgets which flows have led to the present one.
func (v *visit) forget() { v.Via, v.To, v.ViaNamed = nil, "", false }

// ledFrom notes that a flow has led to another by itself, as a redirect stage
// does. It notes nothing if the visitor has named the address to go to after
// the flow, or if a user is signed in already.
func (v *visit) ledFrom(flow, next flowclient.Flow) {
	if flow.Slug == next.Slug || v.Login != (flowclient.Login{}) || len(v.Via) == maxFlows {
		return
	}
	if strings.Contains(flow.Query, "next=") {
		v.forget()
		return
	}
	v.Via, v.To, v.ViaNamed = append(slices.Clone(v.Via), flow.Slug), next.Slug, v.ViaNamed || v.Named
}

// at returns the visit as one of the gate's own pages, at one of the steps.
func (v visit) at(step flowclient.Step) signin.Visit {
	return signin.Visit{
		Begun: v.Begun, Back: v.Back, First: v.First, Opening: v.Opening, Request: v.Request, Login: v.Login,
		Via: v.Via, Named: v.Named, ViaNamed: v.ViaNamed, Stay: v.Stay, Until: v.Until,
	}.At(step)
}

// same reports whether two visits are equal.
func (v visit) same(other visit) bool {
	a, errA := json.Marshal(v)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// keep sets the visit's cookie. It returns false if the visit is too large for
// a cookie, even without the cookies of proxies in front of authentik.
func (h *Handler) keep(x *exchange.Exchange, v visit) bool {
	box := x.Box(seal.KindRelay, x.EnsureVisit())
	for _, cookies := range []flowclient.Cookies{v.Cookies, v.Cookies.Own()} {
		v.Cookies = cookies
		if sealed, err := box.SealText(v); err == nil && len(sealed) <= maxCookie {
			x.SetRelay(sealed)
			return true
		}
	}
	return false
}

// visitOf opens the visit in a request's cookie. If the visit has expired, begun
// is false. Without a visit, begun is false and v is zero.
func (h *Handler) visitOf(x *exchange.Exchange) (v visit, begun bool) {
	for _, sealed := range x.Relays() {
		var next visit
		if x.OpenVisit(seal.KindRelay, sealed, &next) != nil {
			continue
		}
		age := h.Now().Sub(next.Begun)
		if age <= signin.VisitLife && age >= -signin.VisitLife && next.Back == exchange.LocalPath(next.Back) {
			return next, true
		}
		if v.Back == "" {
			v = next
		}
	}
	return v, false
}
