package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// withPasswordless is a login whose first page has a button to a flow without a
// password.
func withPasswordless(to string) authentiktest.Flow {
	flow := loginFlow("buttoned")
	flow.Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: []string{"username"}, PasswordlessFlow: to}
	return flow
}

// A flow that does not count is not offered, in whatever way the login is shown.
func TestPasswordless_IsOfferedWhereItCounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		flow, to string
		want     bool
	}{
		"another flow than the gate's": {"buttoned", "login", false},
		"the gate's own flow":          {"buttoned", "buttoned", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(cfg *Config) { cfg.Flow = tt.flow }, withPasswordless(tt.to))
			page := s.person(t).open("/")
			if got := strings.Contains(page.body, `value="passwordless"`); got != tt.want {
				t.Errorf("page: got the button %v, want %v:\n%s", got, tt.want, page.body)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/.authentik/login", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "application/json")
			if got := s.person(t).do(r); strings.Contains(got.body, "passwordless_url") != tt.want || !strings.Contains(got.body, `"user_fields"`) {
				t.Errorf("JSON: got %s, want the address: %v", got.body, tt.want)
			}
			relayed := newSite(t, func(cfg *Config) { cfg.Flow, cfg.Login = tt.flow, LoginRelay }, withPasswordless(tt.to))
			p := &interfaced{person: relayed.person(t)}
			p.opens("/")
			asked := p.asks(nil)
			if _, got := asked["passwordless_url"]; got != tt.want || asked["user_fields"] == nil {
				t.Errorf("relay: got %v, want the address: %v", asked, tt.want)
			}
		})
	}
}
