package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// TestSeveral_DirectivesOfOneSite has two gates on one host in the arrangements
// that a Caddyfile knows, with an empty storage: the key is made at the first
// request.
func TestSeveral_DirectivesOfOneSite(t *testing.T) {
	const admin, rest = "AUTHENTIK {\n\t\trequire group staff\n\t\tapplication wiki\n\t}\n", "AUTHENTIK\n"
	sites := map[string]string{
		"two directives":         "SITE {\n\tauthentik /admin/* " + admin + "\tauthentik " + rest + "\treverse_proxy APP\n}\n",
		"a route":                "SITE {\n\troute {\n\tauthentik " + rest + "\tauthentik /admin/* " + admin + "\treverse_proxy APP\n\t}\n}\n",
		"handle":                 "SITE {\n\thandle /admin/* {\n\tauthentik " + admin + "\treverse_proxy APP\n\t}\n\thandle {\n\tauthentik " + rest + "\treverse_proxy APP\n\t}\n}\n",
		"handle, and no matcher": "SITE {\n\t@admin path /admin/*\n\thandle @admin {\n\tauthentik " + admin + "\treverse_proxy APP\n\t}\n\tauthentik " + rest + "\treverse_proxy APP\n}\n",
		"a prefix below the path": "SITE {\n\thandle_path /admin/* {\n\tauthentik AUTHENTIK {\n\t\trequire group staff\n\t\tprefix /admin/.authentik\n\t}\n" +
			"\treverse_proxy APP\n\t}\n\thandle {\n\tauthentik " + rest + "\treverse_proxy APP\n\t}\n}\n",
		"a named flow": "SITE {\n\tauthentik /admin/* AUTHENTIK {\n\t\tflow default-authentication-flow\n\t}\n\tauthentik " + rest + "\treverse_proxy APP\n}\n",
	}
	for name, text := range sites {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.load(text)
			for _, paths := range [][]string{{"/admin/x", "/wiki"}, {"/wiki", "/admin/x"}} {
				b := s.browser()
				for _, path := range paths {
					b.passes(path, "ada")
				}
				for _, path := range paths {
					b.expect(b.get(path), http.StatusOK, `user "ada"`)
					if seen := s.app.seen(); seen == nil || strings.Contains(seen.Header.Get("Cookie"), "authentik") {
						t.Errorf("%s: the application got %v, want no cookie of a gate", path, seen)
					}
				}
			}
			b := s.browser()
			b.passes("/wiki", "bob")
			if name == "a named flow" {
				return
			}
			if got := b.settles("/admin/x", "bob"); got.StatusCode != http.StatusForbidden {
				t.Errorf("bob at /admin/x: got %d, want 403:\n%.1000s", got.StatusCode, got.body)
			}
			b.expect(b.get("/wiki"), http.StatusOK, `user "bob"`)
		})
	}
}

// TestSeveral_RoutesForErrors has a gate once more where a request comes after an
// error: with the headers that the first gate has left, and nothing else of it.
func TestSeveral_RoutesForErrors(t *testing.T) {
	for name, text := range map[string]string{
		"another gate": `SITE {
	authentik AUTHENTIK
	error /broken 500
	reverse_proxy APP
	handle_errors {
		authentik AUTHENTIK
		reverse_proxy APP
	}
}
`,
		"the gate of a named route": `&(gate) {
	authentik AUTHENTIK
}
SITE {
	route {
		invoke gate
		error /broken 500
		reverse_proxy APP
	}
	handle_errors {
		invoke gate
		reverse_proxy APP
	}
}
`,
		"the gate of a named route, twice": `&(gate) {
	authentik AUTHENTIK
}
SITE {
	route {
		invoke gate
		invoke gate
		reverse_proxy APP
	}
}
`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.load(text)
			b := s.browser()
			b.passes("/broken", "ada")
			b.header.Set("Remote-User", "mallory")
			b.expect(b.get("/broken"), http.StatusOK, `user "ada"`)
			if seen := s.app.seen(); seen == nil || seen.Header["Cookie"] != nil {
				t.Errorf("the application got %v, want no cookie of a gate", seen)
			}
		})
	}
}

// passes goes to a path and answers what it is asked, until the application
// answers.
func (b *browser) passes(path, username string) {
	b.Helper()
	b.expect(b.settles(path, username), http.StatusOK, `user "`+username+`"`)
}

// settles is passes until nothing is asked any more.
func (b *browser) settles(path, username string) answer {
	b.Helper()
	got := b.get(path)
	for range 12 {
		switch {
		case got.Header.Get("Location") != "":
			got = b.follow(got)
		case strings.Contains(got.body, `name="uid_field"`):
			got = b.fill(got, "uid_field", username)
		case strings.Contains(got.body, `name="password"`):
			got = b.fill(got, "password", "secret")
		default:
			return got
		}
	}
	b.Errorf("%s: got %d after twelve steps, want an end", path, got.StatusCode)
	return got
}
