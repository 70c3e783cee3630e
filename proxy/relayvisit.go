package proxy

import (
	"net/http"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

const (
	// maxRelayCookie is how long the sealed visit of a relay may be. Browsers keep cookies of up to 4 KB.
	maxRelayCookie = 3800
	// maxRelayFlows is how many flows one visit may be sent to.
	maxRelayFlows = 20
)

// A relayVisit is one sign-in on its way through authentik's own interface. The interface's pages have no room for it, so
// it lives in a cookie, sealed for this gate and this browser; nothing is stored for it, and authentik's cookies are
// none that a browser, or the application, could read. Tabs share it, as they do at authentik itself.
type relayVisit struct {
	Begun   time.Time          `json:"begun"`
	Back    string             `json:"back"`
	Cookies flowclient.Cookies `json:"cookies,omitzero"`
	Request *authRequest       `json:"request,omitempty"`
	// First is the flow that the visit began with.
	First flowclient.Flow `json:"first"`
	// Flows are those that authentik has sent this visit to. No other runs in it: a script on this host could otherwise
	// change a password in a session that has just signed in.
	Flows []string `json:"flows"`
	// At is the flow that was asked last.
	At flowclient.Flow `json:"at,omitzero"`
	// Pending is whom authentik has named last, for whom tries count.
	Pending string `json:"pending,omitempty"`
}

// allows reports whether authentik has sent the visit to a flow.
func (v relayVisit) allows(slug string) bool { return slices.Contains(v.Flows, slug) }

// sentTo notes that authentik has sent the visit to a flow.
func (v *relayVisit) sentTo(flow flowclient.Flow) {
	if flow.Valid() && !v.allows(flow.Slug) && len(v.Flows) < maxRelayFlows {
		v.Flows = append(slices.Clone(v.Flows), flow.Slug)
	}
}

// visit is the same at one of its steps.
func (v relayVisit) visit(step flowclient.Step) visit {
	return visit{
		Begun: v.Begun, Back: v.Back, First: v.First, Request: v.Request, Aside: step.Flow.Slug != v.First.Slug && v.Request == nil,
	}.at(step)
}

// keepRelay gives the browser the visit. It is false where that is more than a cookie can hold; cookies of proxies before
// authentik go first.
func (g *Gate) keepRelay(w http.ResponseWriter, r *http.Request, at Resolved, v relayVisit) bool {
	s := g.jar.visitFor(w, r, at)
	b := g.keys.Box(seal.KindRelay, g.sessions.realm(at), s)
	for _, cookies := range []flowclient.Cookies{v.Cookies, v.Cookies.Own()} {
		v.Cookies = cookies
		if sealed, err := b.SealText(v); err == nil && len(sealed) <= maxRelayCookie {
			g.jar.setRelay(w, at, sealed)
			return true
		}
	}
	return false
}

// relayOf opens the visit that a browser brings.
func (g *Gate) relayOf(r *http.Request, at Resolved) (relayVisit, bool) {
	s, ok := g.jar.visitOf(r, at)
	if !ok {
		return relayVisit{}, false
	}
	b := g.keys.Box(seal.KindRelay, g.sessions.realm(at), s)
	for sealed := range cookieValues(r.Header["Cookie"], g.jar.relay.in(at.Scheme)) {
		var v relayVisit
		if b.OpenText(sealed, &v) != nil {
			continue
		}
		age := g.cfg.Now().Sub(v.Begun)
		return v, age <= visitLife && age >= -visitLife && v.Back == localPath(v.Back)
	}
	return relayVisit{}, false
}
