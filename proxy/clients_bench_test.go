package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A welcoming authentik lets Jane in, whatever is shown.
type welcoming struct{ silentAuthentik }

func (welcoming) Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error) {
	return flowclient.Step{Challenge: flowclient.Redirect{}, Login: flowclient.Login{Flow: "login"}}, nil
}

func (welcoming) User(context.Context, flowclient.Visitor) (flowclient.User, error) {
	return flowclient.User{Username: jane.Username, Name: jane.Name, Email: jane.Email, UID: jane.UID, Active: true}, nil
}

func (welcoming) DefaultFlow(context.Context, flowclient.Visitor, string) (flowclient.Flow, error) {
	return flowclient.Flow{}, flowclient.ErrFlowNotFound
}

// BenchmarkClients is the gate's share of a request of a program whose credential is
// known, beside one of a visitor with a cookie.
func BenchmarkClients(b *testing.B) {
	i := newIssuer(b)
	i.telling("userinfo/", claims{"sub": jane.UID, "preferred_username": jane.Username, "name": jane.Name, "email": jane.Email})
	groups := make([]string, 20)
	for n := range groups {
		groups[n] = "department-" + strings.Repeat("x", n)
	}
	token := signed(b, "RS256", rsaKey(b), "one", i.access().with(claims{"sub": jane.UID, "groups": groups}))
	byFlow := newGate(b, Config{Client: welcoming{}, Flow: "login", Store: newStore(b), Key: []byte(strings.Repeat("k", 32)), Clients: ClientsConfig{Basic: true}})
	cfg := Config{Store: newStore(b), Key: []byte(strings.Repeat("k", 32)), Clients: ClientsConfig{Bearer: true}}
	i.registered(&cfg)
	byToken := newGate(b, cfg)
	secret, _, err := startSession(b.Context(), byFlow, session.Record{User: jane, Begun: time.Now(), Until: time.Now().Add(time.Hour)}, somewhere("app.example.com"))
	if err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct {
		name, header, line string
		gate               *Gate
	}{
		{"cookie", "Cookie", "theme=dark; " + byFlow.member.Shared.Cookies.Names("http").Session + "=" + secret.Cookie(), byFlow},
		{"basic", "Authorization", basic("jane", appPassword), byFlow},
		{"bearer", "Authorization", "Bearer " + token, byToken},
	} {
		b.Run(tt.name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/some/page", nil)
			r.Host = "app.example.com"
			w, passed := httptest.NewRecorder(), 0
			next := func(http.ResponseWriter, *http.Request) error { passed++; return nil }
			lines := make([]string, 1)
			b.ReportAllocs()
			for b.Loop() {
				lines[0] = tt.line
				r.Header[tt.header] = lines
				_ = tt.gate.Guard(w, r, next)
			}
			if passed == 0 || w.Code != http.StatusOK || r.Header.Get("Remote-User") != "jane" || r.Header.Get("Authorization") != "" {
				b.Fatalf("got status %d, want the request passed", w.Code)
			}
		})
	}
}
