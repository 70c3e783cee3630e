package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A departure is an unfinished sign-in at authentik's own pages. It is the
// state parameter of the request, sealed for the browser: tabs are independent,
// and nothing is stored.
type departure struct {
	Begun   time.Time     `json:"begun"`
	Back    string        `json:"back"`
	Request authn.Request `json:"request"`
	// Second says that this is the second try: the state of the first could not
	// be opened.
	Second bool `json:"-"`
}

// depart sends the browser to authentik's authorize endpoint (OpenID Connect
// Core 1.0, 3.1.2). A visitor whose session does not meet the application's
// demand has to sign in again there.
func (h *Handler) depart(x *exchange.Exchange, d departure, before *session.Session) {
	back := d.Back
	d.Begun, d.Request = h.Now(), *h.Request(x)
	d.Back = x.Shorten(back)
	if d.Request.MaxAge = int(d.Request.Demand.MaxAge / time.Second); before != nil {
		d.Request = d.Request.Again(before.SignIn, d.Begun)
	}
	s := x.EnsureVisit()
	var err error
	if d.Request.State, err = d.seal(x, s); err == nil {
		var to string
		if to, err = h.OIDC.AuthorizeURL(x.Context(), d.Request); err == nil {
			x.Leave(to)
			return
		}
	}
	x.Fail(fault.From(err), back)
}

var errGated = errors.New("the gate guards authentik's own address, and a browser that it sends there comes back to it")

// circular reports whether a browser was sent to authentik's authorize endpoint
// on the host of a site that this gate itself guards. The redirects would never
// end.
func (h *Handler) circular(x *exchange.Exchange) bool {
	return h.Redirect && strings.HasPrefix(x.Origin()+x.At.Asked.EscapedPath(), h.Client.Root()+"application/o/authorize/")
}

// markSecond is the third part of the state of a second departure.
const markSecond = ".2"

// seal encodes a departure for an address. The way back is also in it unsealed:
// it is needed if another tab has signed in meanwhile, or if the sign-in has to
// begin again. Even a forged one can only lead to this site. The mark of a
// second departure is unsealed too, since the sealed part cannot be opened
// without the browser's cookies.
func (d departure) seal(x *exchange.Exchange, s seal.Secret) (string, error) {
	d.Request.State = ""
	sealed, err := x.Box(seal.KindState, s).SealText(d)
	sealed = x.Identity.Sign(sealed)
	sealed += "." + base64.RawURLEncoding.EncodeToString([]byte(d.Back))
	if d.Second {
		sealed += markSecond
	}
	return sealed, err
}

// openDeparture opens the departure of this browser. The unsealed parts are set
// even if it returns an error.
func (h *Handler) openDeparture(x *exchange.Exchange, state string) (departure, error) {
	state, second := strings.CutSuffix(state, markSecond)
	_, state = exchange.Signed(state)
	sealed, beside, _ := strings.Cut(state, ".")
	back, _ := base64.RawURLEncoding.DecodeString(beside)
	d := departure{Back: x.WayBack(string(back)), Second: second}
	var opened departure
	if err := x.OpenVisit(seal.KindState, sealed, &opened); err != nil {
		return d, err
	}
	if age := h.Now().Sub(opened.Begun); age > VisitLife || age < -VisitLife {
		return d, errVisitExpired
	}
	opened.Back, opened.Second = x.WayBack(opened.Back), second
	return opened, nil
}

// Callback answers GET callback: authentik has sent a browser back. The
// departure may be lost, for three reasons: the browser's cookie was renewed,
// the visitor stayed on authentik's page for too long, or the sign-in did not
// begin here, as with a link in a mail of authentik. Or the code may be redeemed
// already, for a request that another Caddy has answered. Then the sign-in begins
// again by itself, once; a signed-in user need not do anything. So a visitor who
// was sent here with an attacker's code (login CSRF) signs in as themselves.
func (h *Handler) Callback(x *exchange.Exchange) {
	said, err := oidc.ReadResponse(x.At.Asked.RawQuery)
	if err != nil {
		x.Fail(fault.From(err), "/")
		return
	}
	d, lost := h.openDeparture(x, said.State)
	a, err := h.landed(x, d, lost, said)
	switch {
	case err == nil:
		h.arrive(x, a)
	case fault.From(err).Code != fault.StepUpRefused && h.already(x, d.Back): // another tab was faster, or the page was reloaded
	case again(err) && !d.Second:
		before, _ := h.demanded(x)
		h.depart(x, departure{Back: d.Back, Second: true}, before)
	default:
		h.Metrics.SignIn(h.Source.Name(), "failed")
		h.disappoint(x, fault.From(err), d.Back)
	}
}

// again reports whether a sign-in that has failed may succeed if it begins again.
func again(err error) bool {
	return fault.From(err).Code == fault.VisitLost || errors.Is(err, oidc.ErrGrant)
}

// landed begins a session with the code that authentik has sent. An error of
// authentik takes precedence over a lost departure.
func (h *Handler) landed(x *exchange.Exchange, d departure, lost error, said oidc.Response) (*Admission, error) {
	x = x.Uncanceled()
	code, err := h.OIDC.Code(x.Context(), said)
	switch {
	case err != nil:
		return nil, err
	case lost != nil:
		return nil, fault.New(fault.VisitLost, lost)
	}
	begun := false
	a, err := h.landings.Do(x.Context(), said.State+"\x00"+code, func(context.Context) (*Admission, time.Duration, error) {
		a, err := h.beginWith(x, d, code)
		begun = true
		return a, submissionLifetime, err
	})
	if err != nil || begun {
		return a, err
	}
	switch ended, err := x.Sessions.Ended(x.Context(), a.session); {
	case err != nil:
		return nil, err
	case ended:
		return nil, fault.New(fault.VisitLost, errLandedEnded)
	}
	return a, nil
}

// errLandedEnded: without it, the browser would get a cookie that opens nothing, and
// the visitor would be told that the browser keeps no cookies.
var errLandedEnded = errors.New("the session that began with this code has ended since")

// beginWith begins a session with a code. authentik accepts it once, and a browser may
// bring it twice: on a second click it does not wait for the first response, and it
// loads the addresses of restored tabs again. So both get the same session.
func (h *Handler) beginWith(x *exchange.Exchange, d departure, code string) (*Admission, error) {
	asked := h.Now()
	who, err := h.OIDC.Redeem(x.Context(), x.Visitor(nil), d.Request, code)
	if err != nil {
		return nil, err
	}
	if !d.Request.Since.IsZero() && h.fallsShort(d.Request, who) {
		return nil, fault.New(fault.StepUpRefused, errStepUp)
	}
	who.Asked = asked
	a, err := h.welcome(x, who, d.Begun, d.Back)
	if err != nil {
		return nil, err
	}
	x.Log().InfoContext(x.Context(), "signed in", "user", who.User.Username, "session", a.session.ID(), "duration", h.Now().Sub(d.Begun))
	return a, nil
}
