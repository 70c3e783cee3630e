package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A page with one button and nothing else is one click too many.
func TestSource_ThatIsTheOnlyWayIsGoneToAtOnce(t *testing.T) {
	t.Parallel()
	fields := []string{"username"}
	for name, tt := range map[string]struct {
		fields  []string
		sources []authentiktest.Source
		login   Login
		link    string // to a flow for recovery
		want    bool
	}{
		"one source, page":       {nil, []authentiktest.Source{github()}, LoginPage, "", true},
		"one source, relay":      {nil, []authentiktest.Source{github()}, LoginRelay, "", true},
		"a field as well":        {fields, []authentiktest.Source{github()}, LoginPage, "", false},
		"a field as well, relay": {fields, []authentiktest.Source{github()}, LoginRelay, "", false},
		"a link as well":         {nil, []authentiktest.Source{github()}, LoginPage, "strong", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := withSources(tt.sources...)
			stage := &authentiktest.IdentificationStage{UserFields: tt.fields, Sources: cfg.Sources, RecoveryFlow: tt.link}
			s := newOIDCSite(t, func(reg *registration) {
				flow := loginFlow("login")
				flow.Bindings[0].Stage = stage
				flows := []authentiktest.Flow{flow, loginFlow("strong")}
				for _, one := range cfg.Flows {
					if strings.HasPrefix(one.Slug, "default-source") {
						flows = append(flows, one)
					}
				}
				reg.flows, reg.sources = flows, cfg.Sources
				reg.gate = func(cfg *Config) { cfg.Login = tt.login }
			})
			p := s.person(t)
			p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				if r.URL.Path == "/application/o/authorize/" {
					return http.ErrUseLastResponse
				}
				return nil
			}
			page := p.open("/report")
			if got := strings.Contains(page.header.Get("Location"), "/application/o/authorize/?"); got != tt.want {
				t.Errorf("got %d at %s to %q, want to go on: %v", page.status, page.path, page.header.Get("Location"), tt.want)
			}
		})
	}
}
