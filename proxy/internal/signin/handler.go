// Package signin leads a visitor from the first challenge to a session, one
// step at a time.
//
//   - handler.go: the options
//   - begin.go, answer.go, outcome.go, admission.go: begin, answer, settle,
//     admit
//   - visit.go: a visit, sealed in its page
//   - show.go, document.go: how a step is shown
//   - redirect.go, host.go, link.go, source.go: sign-ins that begin elsewhere
//   - opening.go, unbegun.go: first challenges, and visits that begin with
//     their answer
//   - poll.go, duo.go, resend.go: steps that wait for something else
//   - submissions.go, refused.go, loop.go: answers that are submitted twice,
//     answers that authentik refuses, and sign-ins that are lost at once
//
// Three packages below have parts of it: copies keeps brands and first
// challenges, devices the cookies by which authentik recognizes a browser, and
// readiness checks whether the store can save sessions.
package signin

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/copies"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/devices"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/readiness"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Authentik has the requests to authentik for a sign-in.
type Authentik interface {
	Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error)
	Answer(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Answer) (flowclient.Step, error)
	DefaultFlow(ctx context.Context, v flowclient.Visitor, designation string) (flowclient.Flow, error)
	User(context.Context, flowclient.Visitor) (flowclient.User, error)
	Brand(context.Context, flowclient.Visitor) (flowclient.Brand, error)
	StartSource(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Redirect) (flowclient.Step, error)
	RedeemPlex(ctx context.Context, v flowclient.Visitor, f flowclient.Flow, s flowclient.SourcePlex, token string) (flowclient.Step, error)
	DuoEnrolment(context.Context, flowclient.Visitor, flowclient.AuthenticatorDuo) (flowclient.DuoStatus, error)
	Root() string
}

// Options configure a Handler.
type Options struct {
	*exchange.Shared
	Client Authentik
	Store  store.Store  // stores the cookies of remembered devices
	Issuer string       // authentik's public address
	OIDC   *oidc.Source // nil without OpenID Connect
	Host   *LoginHost   // nil if visitors sign in on this site
	// HandsOver says that a sign-in ends with authentik's own session in the
	// browser, as at authentik itself, and that no gate session begins here: this
	// is a login host.
	HandsOver bool
	// Witness is called at a login host with the user who has signed in, and
	// with the flow.
	Witness     func(x *exchange.Exchange, who session.Proof, login flowclient.Login)
	Base        string // authentik's path, with a slash at its end
	Throttle    *throttle.Throttle
	Plex        plex.Client
	Flow        string // the flow that the gate demands; may be empty
	Application string // may be empty
	Demand      authn.Demand
	Lifetime    time.Duration
	Redirect    bool // browsers sign in on authentik's own pages
	// Go runs fetches that several visitors wait for in the background of the
	// gate, which waits for them in Close.
	Go func(work func(context.Context)) bool
	// HandOver returns the gate on this host that a visit belongs to, with that
	// gate's exchange for the request. If that gate no longer exists, it
	// returns this gate.
	HandOver func(x *exchange.Exchange, gate string) (*Handler, *exchange.Exchange)
	// Relay shows a visit on authentik's own interface. It is nil if the login is
	// not relayed.
	Relay Relay
}

// A Relay shows visits on authentik's own interface, on this host.
type Relay interface {
	// Enter continues a visit on authentik's interface.
	Enter(x *exchange.Exchange, out Outcome, back string)
	// Exit returns the outcome of a visit there, for a page of the gate.
	Exit(x *exchange.Exchange, back string) Outcome
}

// A Handler leads visitors through their sign-in. It is safe for concurrent use.
type Handler struct {
	Options
	Source authn.Source

	devices devices.Devices
	brands  *copies.Brands
	answers *submissions
	// landings are the sign-ins that have begun with codes of the last minute, by
	// state and code.
	landings *ttlcache.Cache[string, *Admission]
	waits    *waits
	copies   *copies.Challenges
	probe    *readiness.Probe
}

// New returns a handler.
func New(o Options) *Handler {
	h := &Handler{Options: o, answers: newSubmissions(o.Now), waits: newWaits(o.Now)}
	h.landings = ttlcache.New(ttlcache.Options[string, *Admission]{Entries: maxSubmissions, Now: o.Now})
	shared := copies.Options{Now: o.Now, Go: o.Go, VisitLife: VisitLife}
	h.copies = copies.NewChallenges(shared)
	h.brands = copies.NewBrands(func(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
		return h.Client.Brand(ctx, v)
	}, shared)
	h.probe = readiness.New(o.Store, o.Now)
	h.waits.known.OwnedBy(o.Go)
	h.devices = devices.Devices{Store: o.Store, Key: o.Key, Issuer: o.Issuer, Life: exchange.BrowserLife, Now: o.Now, Logger: o.Logger}
	return h
}

// Sweep drops everything that has expired.
func (h *Handler) Sweep() {
	h.brands.Sweep()
	h.answers.sweep()
	h.landings.Sweep()
	h.waits.sweep()
	h.copies.Sweep()
	h.Throttle.Sweep()
}
