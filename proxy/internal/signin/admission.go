package signin

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/devices"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// An Admission is a session that has begun, and the browser that it is for.
type Admission struct {
	secret  seal.Secret
	session *session.Session
	browser *seal.Secret // set if authentik wants to remember the browser
	back    string
	// cookies are authentik's cookies, at a login host. until is when its
	// session cookie expires; zero means when the browser closes.
	cookies flowclient.Cookies
	until   time.Time
}

// Username returns authentik's name of the admitted user.
func (a *Admission) Username() string { return a.session.User.Username }

var errStepUp = errors.New("the sign-in is not of the kind that the application demands")

// admit begins the session of a visit, if authentik says who the visitor is. If
// authentik has another challenge first, it returns the visit at that
// challenge.
func (h *Handler) admit(x *exchange.Exchange, vis Visit) (Outcome, error) {
	asked := h.Now()
	result, err := h.Source.Prove(x.Context(), x.Visitor(vis.Step.Cookies), vis.Step, vis.Request)
	if err != nil {
		return Outcome{}, err
	}
	switch result := result.(type) {
	case authn.Next:
		vis.Request = result.Request
		return h.Settle(x, vis.at(result.Step)), nil
	case authn.Proved:
		result.Asked = asked
		return h.admitProved(x, vis, result.Proof)
	default:
		return Outcome{}, fault.New(fault.AuthentikUnexpected, nil)
	}
}

func (h *Handler) admitProved(x *exchange.Exchange, vis Visit, who session.Proof) (Outcome, error) {
	if vis.Request != nil && h.fallsShort(*vis.Request, who) {
		return Outcome{}, fault.New(fault.StepUpRefused, errStepUp)
	}
	if h.HandsOver {
		return Outcome{Admitted: h.atAuthentik(x, vis, who), advanced: true}, nil
	}
	who.Stay = vis.stays()
	admitted, err := h.welcome(x, who, vis.Begun, vis.Back)
	if err != nil {
		return Outcome{}, err
	}
	x.Log().InfoContext(x.Context(), "signed in", "user", who.User.Username, "session", admitted.session.ID(),
		"flow", vis.Step.Flow.Slug, "duration", h.Now().Sub(vis.Begun))
	return Outcome{Admitted: admitted, advanced: true}, nil
}

// fallsShort reports whether a new sign-in does not meet the application's
// demand, such as a second factor, so that asking again would only repeat it. A
// visitor who had to sign in again must have done so since.
func (h *Handler) fallsShort(request authn.Request, who session.Proof) bool {
	if !who.Passing {
		return false
	}
	return h.Demand.And(request.Demand).Unmet(who.SignIn, h.Now()) ||
		!request.Since.IsZero() && who.SignIn.At.Before(request.Since.Add(-session.ClockLeeway))
}

// welcome begins the session of a user whom authentik has named. began is when
// the sign-in began.
func (h *Handler) welcome(x *exchange.Exchange, who session.Proof, begun time.Time, back string) (*Admission, error) {
	now, v := h.Now(), x.Visitor(who.Cookies)
	rec := session.Record{
		Begun: now, Until: now.Add(h.Lifetime), Used: now, Redirect: x.RedirectURI(),
		Addr: v.Addr, UserAgent: v.UserAgent, Language: v.Language, Scheme: v.Scheme, Host: v.Host,
	}
	if len(who.Cookies) > 0 {
		rec.Stay = who.Stay
	}
	rec.Take(who, now)
	if h.Host != nil {
		h.Host.Rest(&rec)
	}
	if !who.Asked.IsZero() {
		rec.Checked = who.Asked
	}
	if h.Application != "" {
		rec.Apps = map[string]bool{h.Application: who.Passing}
	}
	remembered := background.Beside(func() *seal.Secret { return h.remember(x, who.Cookies) })
	browser, s, err := h.Sessions.Begin(x.Context(), rec, x.At.Host)
	device := remembered()
	if err != nil {
		return nil, err
	}
	h.Metrics.SignIn(h.Source.Name(), "admitted")
	h.Metrics.SignInTook(h.Source.Name(), now.Sub(begun))
	h.witness(x, s, "new")
	return &Admission{secret: browser, session: s, back: back, browser: device}, nil
}

// witness writes the line of the audit log about a session that has begun.
func (h *Handler) witness(x *exchange.Exchange, s *session.Session, reason string) {
	x.Mention("outcome", "admitted")
	x.Witness(audit.Line{Event: audit.SignIn, Reason: reason, User: s.User.Username, Session: s.ID(), Way: h.Source.Name()})
}

// renewed begins another session for a visitor who wanted to stay signed in, if
// authentik's own session is still valid. Only a page load renews a session;
// other requests are refused meanwhile.
func (h *Handler) renewed(x *exchange.Exchange, back string) bool {
	kept := x.Uncanceled()
	value, found, err := kept.Stays()
	if err != nil || !found {
		return false // what follows reports a failure of the store
	}
	browser, s, found, err := x.Sessions.Renew(kept.Context(), value, x.At.Host, x.At.Client)
	switch {
	case err != nil:
		x.Fail(fault.From(err), back)
		return true
	case !found:
		return false
	}
	x.Log().InfoContext(x.Context(), "signed in", "user", s.User.Username, "session", s.ID(), "renewed", true)
	h.witness(x, s, "renewed")
	h.arrive(x, &Admission{secret: browser, session: s, back: back})
	return true
}

// remember stores the cookies by which authentik recognizes the browser, and
// returns the secret that seals them. Over plain HTTP that is always a new
// secret: an attacker may have planted the one that the browser sent, and would
// know it. If the store fails, the user needs a second factor next time, but
// this sign-in succeeds.
func (h *Handler) remember(x *exchange.Exchange, cookies flowclient.Cookies) *seal.Secret {
	if len(devices.Lasting(cookies)) == 0 {
		return nil
	}
	s, ok := x.Browser()
	if !ok || x.At.Scheme != "https" {
		s = seal.NewSecret()
	}
	if err := h.devices.Remember(x.Context(), s, x.At.Host, cookies); err != nil {
		x.Log().WarnContext(x.Context(), "remembered device: cannot be saved", "error", err)
		return nil
	}
	return &s
}

// device returns the cookies by which authentik recognizes the request's
// browser.
func (h *Handler) device(x *exchange.Exchange) flowclient.Cookies {
	if h.HandsOver {
		cookies, _ := x.Authentiks()
		return devices.Lasting(cookies)
	}
	s, ok := x.Browser()
	if !ok {
		return nil
	}
	return h.Recall(x.Context(), s, x.At.Host)
}

// Recall returns the cookies by which authentik recognizes a browser at a host.
func (h *Handler) Recall(ctx context.Context, browser seal.Secret, host string) flowclient.Cookies {
	return h.devices.Recall(ctx, browser, host)
}
