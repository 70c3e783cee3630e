package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// findSession returns the session that a cookie opens, or nil.
func findSession(ctx context.Context, g *Gate, cookie string, at Resolved) (*session.Session, error) {
	s, found, err := g.sessions.Find(ctx, cookie, at.Host)
	if !found {
		return nil, err
	}
	return s, err
}

// startSession begins a session that no visitor has signed in to.
func startSession(ctx context.Context, g *Gate, rec session.Record, at Resolved) (seal.Secret, *session.Session, error) {
	return g.sessions.Begin(ctx, rec, at.Host)
}

// cookieNames are a gate's cookies over HTTPS.
func cookieNames(g *Gate) exchange.Names { return g.member.Shared.Cookies.Names("https") }

// exchangeAt is a request at a gate, without an answer.
func exchangeAt(g *Gate, r *http.Request, at Resolved) *exchange.Exchange {
	return &exchange.Exchange{W: httptest.NewRecorder(), R: r, At: at, Shared: g.member.Shared, Sent: r.Header["Cookie"]}
}

const (
	// accountFree and addressFree are how many refusals an account and an address
	// have free, as the documentation says.
	accountFree = 5
	addressFree = 20
	// copyFor is how long the copy of a first challenge is drawn.
	copyFor = 10 * time.Second
	// submissionsKept is how long a page that is sent again gets its first result.
	submissionsKept = time.Minute
)

// setClient puts another authentik behind a gate that is in use.
func setClient(g *Gate, c Authentik) {
	g.cfg.Client, g.member.SignIn.Client = c, c
	if own, ok := g.member.SignIn.Source.(authn.Own); ok {
		own.Authentik = c
		g.member.SignIn.Source = own
	}
}

// openVisit opens the visit in a page of a browser.
func openVisit(g *Gate, browser seal.Secret, at Resolved, sealed string) (signin.Visit, error) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.AddCookie(&http.Cookie{Name: g.member.Shared.Cookies.Names(at.Scheme).Visit, Value: browser.Cookie()})
	return g.member.SignIn.Opened(exchangeAt(g, r, at), sealed)
}

// A saying is a sentence of the JSON form, with its code.
type saying struct {
	String string `json:"string"`
	Code   string `json:"code"`
}

// chosen is the source that the JSON form says was chosen.
type chosen struct {
	Name   string `json:"name"`
	Open   string `json:"open,omitempty"`
	Barred bool   `json:"barred,omitempty"`
}
