package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// A gate in a part of a site has its own addresses in that part.
func TestPrefix_BelowThePathOfARouteSignsIn(t *testing.T) {
	s := newSite(t)
	for _, route := range []string{"handle_path", "handle"} {
		t.Run(route, func(t *testing.T) {
			s.TB = t
			s.load("SITE {\n\t" + route + ` /app/* {
		authentik AUTHENTIK {
			prefix /app/.authentik
		}
		reverse_proxy APP
	}
	handle {
		respond "the neighbour"
	}
}
`)
			b := s.browser()
			b.header.Set("Remote-User", "mallory")
			page := b.fill(b.follow(b.get("/app/x")), "uid_field", "ada")
			end := b.fill(page, "password", "secret")
			for range 3 {
				if end.StatusCode != http.StatusSeeOther {
					break
				}
				end = b.follow(end)
			}
			b.expect(end, http.StatusOK, `user "ada"`)
			if got := s.app.seen().URL.Path; got != strings.TrimPrefix("/app/x", map[bool]string{true: "/app"}[route == "handle_path"]) {
				t.Errorf("got %s at the application", got)
			}
			b.expect(b.get("/"), http.StatusOK, "the neighbour")
		})
	}
}
