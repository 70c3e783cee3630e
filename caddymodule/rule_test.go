package caddymodule

import (
	"fmt"
	"strings"
	"testing"
)

// TestRules_DemandAndOpen looks at each request of a site with rules as a visitor
// without a session, as ada of staff, and as bob.
func TestRules_DemandAndOpen(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	@admin path /admin/*
	@writes method PUT
	@local client_ip 127.0.0.1
	@lan {
		path /lan/*
		client_ip 127.0.0.1
	}
	rewrite /door /admin/x
	authentik AUTHENTIK {
		open /healthz /assets/* /admin/logo.png
		on @admin {
			require group staff
		}
		on @writes {
			require user bob
		}
		on @lan {
			open
		}
	}
	reverse_proxy APP
}
`)
	ada, bob := s.browser(), s.browser()
	ada.passes("/wiki", "ada")
	bob.passes("/wiki", "bob")
	for _, one := range []struct {
		method, path   string
		none, ada, bob int
	}{
		{"GET", "/healthz", 200, 200, 200},
		{"GET", "/assets/a.css", 200, 200, 200},
		{"GET", "/wiki", 303, 200, 200},
		{"GET", "/admin/x", 303, 200, 403},
		{"GET", "/admin/logo.png", 303, 200, 403}, // open loses to a rule that demands
		{"GET", "/door", 303, 200, 403},
		{"GET", "/assets/..;/admin/x", 303, 403, 403}, // every rule counts where servers differ
		{"GET", "/wiki;a=1/x", 303, 403, 403},
		{"GET", "/lan/x", 200, 200, 200},
		{"GET", "/healthz%2f..%2fwiki", 303, 403, 403},
		{"PUT", "/wiki", 401, 403, 200},
		{"PUT", "/admin/x", 401, 403, 403},
		{"PUT", "/healthz", 401, 403, 200},
	} {
		for who, b := range map[string]*browser{"none": s.browser(), "ada": ada, "bob": bob} {
			want := map[string]int{"none": one.none, "ada": one.ada, "bob": one.bob}[who]
			if got := b.do(one.method, one.path, nil); got.StatusCode != want {
				t.Errorf("%s %s by %s: got %d, want %d", one.method, one.path, who, got.StatusCode, want)
			}
		}
	}
}

// TestRules_OnlySomePathsAreClosed has a site that is mostly open.
func TestRules_OnlySomePathsAreClosed(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\t@private path /private/*\n\tauthentik AUTHENTIK {\n\t\tonly /admin/* @private\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	for path, want := range map[string]int{"/": 200, "/admin/x": 303, "/private/x": 303, "/admin;a/x": 303, "/public": 200} {
		if got := b.get(path); got.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
		}
	}
}

// TestRules_MistakesSayWhatToWrite adapts what operators get wrong.
func TestRules_MistakesSayWhatToWrite(t *testing.T) {
	s := newSite(t)
	for text, want := range map[string]string{
		"open":                               "open names no request; write for example: open /healthz /assets/*",
		"open healthz":                       `open: "healthz" is not a matcher; write a path, such as /healthz`,
		"open @nothing":                      "@nothing",
		"on {\n require user a\n}":           "on names no request; write for example: on @admin",
		"on /a {\n}":                         "on /a: it demands nothing and opens nothing; write require, max_age or open",
		"on /a {\n open\n require user a\n}": "on /a: it demands something and is open; write two rules",
		"on /a {\n require mfa\n}":           "require mfa needs OpenID Connect",
		"on /a {\n max_age 1s\n}":            "less than a minute",
		"on /a {\n deny\n}":                  "unrecognized option on /a deny; write one of max_age, open, require",
		"require user a\non /a {\n open\n}":  "on /a: open has no effect beside a require or max_age of the whole site",
		"only /a\nonly /b":                   "only is given twice",
		"on /a {\n require user a\n}\non /a {\n require user b\n}": "on /a is given twice",
	} {
		err := s.try("", "SITE {\n\tauthentik AUTHENTIK {\n"+text+"\n}\n\treverse_proxy APP\n}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	err := s.try("", "SITE {\n\tauthentik /x/* AUTHENTIK {\nonly /a\n}\n\treverse_proxy APP\n}\n")
	if err == nil || !strings.Contains(err.Error(), "only: the directive has a matcher already") {
		t.Errorf("got %v, want a matcher and only refused together", err)
	}
}

// TestRules_OpenIsReadAsEveryServerReadsIt has a site where some paths are open
// and nothing is demanded of any.
func TestRules_OpenIsReadAsEveryServerReadsIt(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	rewrite /door/* /assets/x
	rewrite /window/* /wiki
	authentik AUTHENTIK {
		open /assets/* /door/a /window/*
	}
	reverse_proxy APP
}
`)
	b := s.browser()
	for path, want := range map[string]int{
		"/assets/a.css":           200,
		"/assets/..;/wiki":        303,
		"/assets/%2e%2e/wiki":     303,
		"/assets/..%5cwiki":       303,
		"/assets/%252e%252e/wiki": 303,
		"/assets/a;x=1":           303,
		"/door/a":                 200, // open by both addresses
		"/door/b":                 303, // was closed as it was sent
		"/window/a":               303, // is closed as it was rewritten
	} {
		if got := b.get(path); got.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
		}
	}
}

// TestRules_CountForDestinations moves files from a path that is open, and from one
// that every user may use, to one that demands a group.
func TestRules_CountForDestinations(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n@admin path /admin/*\nauthentik AUTHENTIK {\nopen /public/*\non @admin {\nrequire group staff\n}\n}\nreverse_proxy APP\n}\n")
	ada, bob := s.browser(), s.browser()
	ada.passes("/wiki", "ada")
	bob.passes("/wiki", "bob")
	for _, one := range []struct {
		from, to       string
		none, ada, bob int
	}{
		{"/public/a", "/public/b", 200, 200, 200},
		{"/public/a", "/wiki", 401, 200, 200},
		{"/public/a", "https://app.example.com/admin/b", 401, 200, 403},
		{"/wiki", "/wiki/b", 401, 200, 200},
		{"/wiki", "/admin/b", 401, 200, 403},
	} {
		for who, b := range map[string]*browser{"none": s.browser(), "ada": ada, "bob": bob} {
			b.header.Set("Destination", one.to)
			want := map[string]int{"none": one.none, "ada": one.ada, "bob": one.bob}[who]
			if got := b.do("MOVE", one.from, nil); got.StatusCode != want {
				t.Errorf("MOVE %s to %s by %s: got %d, want %d", one.from, one.to, who, got.StatusCode, want)
			}
		}
	}
}

// TestRules_CountBehindAScript: frameworks treat /index.php/admin as /admin.
func TestRules_CountBehindAScript(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n@admin path /admin/*\nauthentik AUTHENTIK {\nopen /public/*\non @admin {\nrequire group staff\n}\n}\nreverse_proxy APP\n}\n")
	bob := s.browser()
	bob.passes("/wiki", "bob")
	for path, want := range map[string]int{"/index.php/wiki": 200, "/admin/x": 403, "/index.php/admin/x": 403, "/public/index.php/x": 200} {
		if got := bob.get(path); got.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
		}
	}
}

// TestRules_CountBehindAPrefix: the application takes off the path what a header calls
// its prefix.
func TestRules_CountBehindAPrefix(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n@admin path /admin/*\nauthentik AUTHENTIK {\nopen /public/*\non @admin {\nrequire group staff\n}\n}\nreverse_proxy APP\n}\n")
	bob := s.browser()
	bob.passes("/wiki", "bob")
	for _, one := range []struct {
		prefix, path string
		none, bob    int
	}{
		{"", "/public/admin/x", 200, 200},
		{"/public", "/public/admin/x", 401, 403},
		{"/public", "/public/wiki", 401, 200},
		{"/app", "/app/wiki", 401, 200},
		{"/app", "/app/admin/x", 401, 403},
	} {
		for who, b := range map[string]*browser{"none": s.browser(), "bob": bob} {
			b.header.Set("X-Script-Name", one.prefix)
			b.header.Set("Accept", "*/*")
			want := map[string]int{"none": one.none, "bob": one.bob}[who]
			if got := b.get(one.path); got.StatusCode != want {
				t.Errorf("%s with the prefix %q, by %s: got %d, want %d", one.path, one.prefix, who, got.StatusCode, want)
			}
		}
	}
}

// TestOpen_WhatAnyClientMakesUpIsWarnedOf: and what opens the whole site.
func TestOpen_WhatAnyClientMakesUpIsWarnedOf(t *testing.T) {
	const gate = "a.example.com {\n\t@some %s\n\tauthentik https://auth.example.com {\n\t\topen %s\n\t}\n\trespond ok\n}\n"
	for _, tt := range []struct{ some, open, want string }{
		{"path /x", "/x", ""},
		{"path /x", "@some", ""},
		{"path /x", "*", "open: every request is open"},
		{"path /x", "/*", "open: every request is open"},
		{"path /x *", "@some", "open: every request is open"},
		{"header X-Key y", "@some", "a client can send any header"},
		{"remote_ip 10.0.0.0/8", "@some", "write client_ip"},
	} {
		checkWarning(t, fmt.Sprintf(gate, tt.some, tt.open), tt.want)
	}
}
