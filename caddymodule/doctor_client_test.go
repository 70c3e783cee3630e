package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// What the doctor says of two sites with one client holds: authentik tells only
// one of them of a sign-out, and the session at the other ends too if they share
// their sessions, and stays if they do not.
func TestDoctor_SharedClientIsAsTheSitesBehave(t *testing.T) {
	for name, tt := range map[string]struct {
		more string
		ends bool
	}{
		"one store": {"", true}, "two stores": {"\t\tsessions memory\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBrokenSite(t)
			s.clientFile(t)
			s.setApplications(func(a *authentiktest.Application) {
				second := strings.Replace(a.Provider.RedirectURIs[0], "127.0.0.1", "localhost", 1)
				a.Provider.RedirectURIs = append(a.Provider.RedirectURIs, second)
			})
			text := strings.ReplaceAll(oneClient(tt.more), "FILES", s.files)
			s.load(text)
			b := s.browser()
			b.header.Set("Accept", "text/html")
			at := strings.Replace("http://"+s.address, "127.0.0.1", "localhost", 1)
			b.passes(at+"/", "ada")
			if s.server.EndSessions("ada") == 0 {
				t.Fatal("got no session at authentik, want one")
			}
			if err := s.server.Delivered(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := b.get(at+"/").StatusCode != http.StatusOK; got != tt.ends {
				t.Errorf("got the session at the second site ended: %v, want %v", got, tt.ends)
			}
			e := s.examine(t, "", text)
			if got := slices.ContainsFunc(e.Findings, func(f doctor.Finding) bool { return f.Code == "client-shared" }); got == tt.ends {
				t.Errorf("got client-shared %v, want %v", got, !tt.ends)
			}
		})
	}
}
