package proxy

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A departure is a sign-in at authentik's own pages on its way. It travels as the state of the request, sealed for the browser
// that left; so tabs know nothing of each other, and the store nothing of any.
type departure struct {
	Begun   time.Time   `json:"begun"`
	Back    string      `json:"back"`
	Request authRequest `json:"request"`
	// Anew says that this is the second time: what the browser came back with first could not be opened.
	Anew bool `json:"-"`
}

// maxCarried is how long a way back may be, in bytes, to travel by way of authentik, where it is written into addresses
// several times over. A longer one leads to the beginning of the site.
const maxCarried = 1 << 10

// depart sends the browser to authentik's authorize endpoint (OpenID Connect Core 1.0, 3.1.2). Who is signed in already, and
// not as the application demands, is to sign in again there.
func (g *Gate) depart(w http.ResponseWriter, r *http.Request, at Resolved, d departure, again *Session) {
	back := d.Back
	d.Begun, d.Request = g.cfg.Now(), *g.request(at)
	if len(back) > maxCarried {
		d.Back = "/"
	}
	if d.Request.MaxAge = int(d.Request.Demand.MaxAge / time.Second); again != nil {
		d.Request = d.Request.anew(again.signIn, d.Begun)
	}
	s := g.jar.visitFor(w, r, at)
	m, err := g.provider.metadata(r.Context())
	if err == nil {
		d.Request.State, err = g.sealDeparture(s, at, d)
	}
	if err != nil {
		g.fail(w, r, at, fault.From(err), back)
		return
	}
	g.voice(r).leave(w, d.Request.address(g.provider.config(m, d.Request.Redirect)))
}

// markAnew stands in the third part of the state of a departure that is the second.
const markAnew = ".2"

// sealDeparture writes a departure for an address. The way back stands beside it as well: where another tab has
// signed in meanwhile, or the sign-in has to begin anew, it is all that is needed, and it is a place on this site whoever wrote it.
// So does the mark of a second departure: a browser that keeps no cookies opens nothing.
func (g *Gate) sealDeparture(s seal.Secret, at Resolved, d departure) (string, error) {
	d.Request.State = ""
	sealed, err := g.keys.Box(seal.KindState, g.sessions.realm(at), s).SealText(d)
	sealed += "." + base64.RawURLEncoding.EncodeToString([]byte(d.Back))
	if d.Anew {
		sealed += markAnew
	}
	return sealed, err
}

// openDeparture reads what this browser has departed with. What stands beside it is set whatever else is wrong.
func (g *Gate) openDeparture(r *http.Request, at Resolved, state string) (departure, error) {
	state, anew := strings.CutSuffix(state, markAnew)
	sealed, beside, _ := strings.Cut(state, ".")
	back, _ := base64.RawURLEncoding.DecodeString(beside)
	d := departure{Back: g.wayBack(string(back)), Anew: anew}
	s, ok := g.jar.visitOf(r, at)
	if !ok {
		return d, seal.ErrSealed
	}
	var opened departure
	if err := g.keys.Box(seal.KindState, g.sessions.realm(at), s).OpenText(sealed, &opened); err != nil {
		return d, seal.ErrSealed
	}
	if age := g.cfg.Now().Sub(opened.Begun); age > visitLife || age < -visitLife {
		return d, errVisitOver
	}
	opened.Back = g.wayBack(opened.Back)
	return opened, nil
}

// callback answers GET callback: authentik has sent a browser back. What it has left with may be lost: its cookie was renewed, or
// it sat before authentik's page for too long, or it never left from here, as somebody who comes by a link in a mail of
// authentik's. Then the sign-in begins anew by itself, once, in which authentik asks nothing of whom it knows. The
// code that came is not looked at: whoever is sent here with somebody else's signs in as themselves.
func (g *Gate) callback(w http.ResponseWriter, r *http.Request, at Resolved) {
	said, err := readResponse(at.Asked.RawQuery)
	if err != nil {
		g.fail(w, r, at, fault.From(err), "/")
		return
	}
	d, lost := g.openDeparture(r, at, said.state)
	a, err := g.landed(r, at, d, lost, said)
	switch {
	case err == nil:
		g.welcome(w, r, at, a)
	case g.already(w, r, at, d.Back): // another tab was faster, or the page was loaded again
	case fault.From(err).Code == fault.VisitLost && !d.Anew:
		g.depart(w, r, at, departure{Back: d.Back, Anew: true}, g.demanded(r, at))
	default:
		g.cfg.Metrics.SignIn(g.way.name(), "failed")
		g.disappoint(w, r, at, fault.From(err), d.Back)
	}
}

// landed makes a session of what authentik has sent. Of what the browser has left with and cannot be opened, it says so once it is
// clear that authentik has sent a code, and no error.
func (g *Gate) landed(r *http.Request, at Resolved, d departure, lost error, said response) (*admission, error) {
	ctx := context.WithoutCancel(r.Context())
	m, err := g.provider.metadata(ctx)
	if err != nil {
		return nil, err
	}
	code, err := said.codeOf(m.issuer)
	switch {
	case err != nil:
		return nil, err
	case lost != nil:
		return nil, fault.New(fault.VisitLost, lost)
	}
	who, err := g.provider.redeem(ctx, g.visitor(r, at, nil), d.Request, code)
	if err != nil {
		return nil, err
	}
	if !d.Request.Since.IsZero() && g.falls(d.Request, who) {
		return nil, fault.New(fault.StepUpRefused, errStepUp)
	}
	a, err := g.welcomed(ctx, r, at, who, d.Back)
	if err != nil {
		return nil, err
	}
	g.log(at).InfoContext(ctx, "signed in", "user", who.user.Username, "session", a.session.id, "duration", g.cfg.Now().Sub(d.Begun))
	return a, nil
}
