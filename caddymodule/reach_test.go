package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// A gate whose addresses lead past every gate is warned of, since no visitor can
// sign in.
func TestAddresses_ThatLeadPastTheGateAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const named = "&(gate) {\n" + gate + "}\n"
	const past = "do not reach a gate, and no visitor can sign in; write prefix /app/.authentik"
	const pastAll = "do not reach a gate, and no visitor can sign in; write a handle for them: handle /.authentik/* { authentik … }"
	const taken = "another route gets the gate's own addresses before this gate, and no visitor can sign in; leave them out of its matcher: not path /.authentik/*"
	for name, tt := range map[string]struct{ text, want string }{
		"a handle of dots":           {"a.example.com {\nhandle /.* {\nrespond 404\n}\nhandle {\n" + gate + "}\n}\n", taken},
		"a handle_path of another":   {"a.example.com {\nhandle_path /.authentik/* {\nreverse_proxy other:80\n}\nhandle {\n" + gate + "}\n}\n", taken},
		"a redir of dots":            {"a.example.com {\nredir /.* / 302\n" + gate + "}\n", taken},
		"a redir by an expression":   {"a.example.com {\n@dot path_regexp ^/\\.\nredir @dot / 302\n" + gate + "}\n", taken},
		"a respond in a route":       {"a.example.com {\nroute {\nrespond /.* 404\n" + gate + "}\n}\n", taken},
		"an error in a route":        {"a.example.com {\nroute {\nerror /.* 404\n" + gate + "}\n}\n", taken},
		"a redir of other dots":      {"a.example.com {\n@dot {\npath /.*\nnot path /.authentik/*\n}\nredir @dot / 302\n" + gate + "}\n", ""},
		"a redir of some clients":    {"a.example.com {\n@dot {\npath /.*\nremote_ip 192.0.2.0/24\n}\nredir @dot / 302\n" + gate + "}\n", ""},
		"a respond after the gate":   {"a.example.com {\nrespond /.* 404\n" + gate + "}\n", ""},
		"a header for dots":          {"a.example.com {\nheader /.* X-A b\n" + gate + "}\n", ""},
		"a handle of dots elsewhere": {"b.example.com {\nhandle /.* {\nrespond 404\n}\n}\na.example.com {\n" + gate + "}\n", ""},
		"handle":                     {"a.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\nrespond ok\n}\n}\n", past},
		"a gate beside it":           {"a.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\n" + gate + "}\n}\n", ""},
		"invoke":                     {named + "a.example.com {\ninvoke gate\n}\n", ""},
		"invoke in handle":           {named + "a.example.com {\nhandle /app/* {\ninvoke gate\n}\nhandle {\nrespond ok\n}\n}\n", past},
		"invoke with a path":         {named + "a.example.com {\ninvoke /app/* gate\nrespond ok\n}\n", past},
		"invoke, and a handle":       {named + "a.example.com {\nhandle /app/* {\ninvoke gate\n}\nhandle /.authentik/* {\ninvoke gate\n}\n}\n", ""},
		"handle, and invoke":         {named + "a.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\ninvoke gate\n}\n}\n", ""},
		"handle, and invoke before":  {named + "a.example.com {\nhandle /.authentik/* {\ninvoke gate\n}\nhandle {\n" + gate + "}\n}\n", ""},
		"invoke of something else":   {"&(other) {\nrespond ok\n}\na.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\ninvoke other\n}\n}\n", past},
		"invoke on one of two sites": {named + "a.example.com {\ninvoke gate\n}\nb.example.com {\nhandle /app/* {\ninvoke gate\n}\n}\n", past},
		"invoke within invoke":       {"&(outer) {\ninvoke gate\n}\n" + named + "a.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\ninvoke outer\n}\n}\n", ""},
		"a method":                   {"a.example.com {\n@get method GET\nhandle @get {\n" + gate + "}\nhandle {\nrespond ok\n}\n}\n", pastAll},
		"not a method":               {"a.example.com {\n@get not method POST\nhandle @get {\n" + gate + "}\nhandle {\nrespond ok\n}\n}\n", pastAll},
		"each method has a gate":     {"a.example.com {\n@get method GET\nhandle @get {\n" + gate + "}\nhandle {\n" + gate + "}\n}\n", ""},
		"a method, and a handle":     {"a.example.com {\n@get method GET\nhandle /.authentik/* {\n" + gate + "}\nhandle @get {\n" + gate + "}\nhandle {\nrespond ok\n}\n}\n", ""},
		"a matcher of the gate":      {"a.example.com {\n@get method GET\nauthentik @get https://auth.example.com\nrespond ok\n}\n", ""},
		"invoke of a method":         {named + "a.example.com {\n@get method GET\ninvoke @get gate\nrespond ok\n}\n", pastAll},
		"a header":                   {"a.example.com {\n@json header Accept *json*\nhandle @json {\n" + gate + "}\nhandle {\n" + gate + "}\n}\n", ""},
		"a circle":                   {"&(one) {\ninvoke two\n}\n&(two) {\ninvoke one\n}\na.example.com {\nhandle /app/* {\n" + gate + "}\nhandle {\ninvoke one\n}\n}\n", past},
	} {
		t.Run(name, func(t *testing.T) {
			checkWarning(t, tt.text, tt.want)
		})
	}
}

// With a forward_auth that was left in the site, visitors sign in twice.
func TestRoutes_WithTheOutpostAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const outpost = "forward_auth outpost:9000 {\nuri /outpost.goauthentik.io/auth/caddy\ncopy_headers X-Authentik-Username\n}\n"
	for name, tt := range map[string]struct {
		text   string
		warned bool
	}{
		"beside the gate":      {gate + outpost + "reverse_proxy localhost:3000\n", true},
		"in its handle":        {"handle {\n" + gate + outpost + "reverse_proxy localhost:3000\n}\n", true},
		"in another handle":    {"handle /new/* {\n" + gate + "}\nhandle {\n" + outpost + "}\n", false},
		"the outpost, proxied": {gate + "reverse_proxy /outpost.goauthentik.io/* outpost:9000\nreverse_proxy localhost:3000\n", false},
		"another tool's":       {gate + "forward_auth other:9000 {\nuri /auth\n}\nreverse_proxy localhost:3000\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, "a.example.com {\nhandle_path /a/* {\nrespond ok\n}\n"+tt.text+"}\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(log, "forward_auth asks authentik's outpost"); got != tt.warned {
				t.Errorf("got the log %q, want a warning: %v", log, tt.warned)
			}
		})
	}
}

// A gate that no request comes to guards nothing.
func TestRoutes_ThatAnswerBeforeTheGateAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const proxy = "reverse_proxy localhost:3000\n"
	for name, tt := range map[string]struct{ text, first string }{
		"in this order":            {gate + proxy, ""},
		"the other way":            {proxy + gate, ""}, // Caddy sorts directives
		"route":                    {"route {\n" + gate + proxy + "}\n", ""},
		"route, the other way":     {"route {\n" + proxy + gate + "}\n", "reverse_proxy"},
		"respond":                  {"route {\nrespond ok\n" + gate + "}\n", "respond"},
		"respond to some":          {"route {\nrespond /healthz ok\n" + gate + proxy + "}\n", ""},
		"file_server":              {"route {\nfile_server\n" + gate + "}\n", "file_server"},
		"file_server, and through": {"route {\nfile_server {\npass_thru\n}\n" + gate + proxy + "}\n", ""},
		"forward_auth":             {"route {\nforward_auth localhost:9000 {\nuri /auth\n}\n" + gate + proxy + "}\n", ""},
		"a block before it":        {"route {\nroute {\n" + proxy + "}\n" + gate + "}\n", "reverse_proxy"},
		"a handle before it":       {"handle /x {\n" + proxy + "}\nhandle {\n" + gate + proxy + "}\n", ""},
		"around a gate":            {"route {\n" + proxy + "handle /x {\n" + gate + "}\n}\n", "reverse_proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, "a.example.com {\n"+tt.text+"}\n")
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.first + " answers every request before it comes to this gate"; strings.Contains(log, want) != (tt.first != "") {
				t.Errorf("got the log %q, want %q: %v", log, want, tt.first != "")
			}
		})
	}
}

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

// A route to the application past the gate is warned of, since the application believes
// the identity headers that every client can send there.
func TestRoutes_PastTheGateToTheApplicationAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const app = "reverse_proxy app:80\n"
	const past = "leads to the application past this gate, and passes on identity headers that clients make up; " +
		"write authentik before it and a matcher that leaves it open, or in it: header_up -Remote-*"
	for name, tt := range map[string]struct{ text, want string }{
		"one way":               {"a.example.com {\n" + gate + app + "}\n", ""},
		"a matcher of the gate": {"a.example.com {\nauthentik /admin/* https://auth.example.com\n" + app + "reverse_proxy /api/* app:80\n}\n", ""},
		"handle before":         {"a.example.com {\nhandle /api/* {\n" + app + "}\nhandle {\n" + gate + app + "}\n}\n", past},
		"handle after":          {"a.example.com {\nhandle /admin/* {\n" + gate + app + "}\nhandle /.authentik/* {\n" + gate + "}\nhandle {\n" + app + "}\n}\n", past},
		"handle_path":           {"a.example.com {\nhandle_path /api/* {\n" + app + "}\nhandle {\n" + gate + "reverse_proxy other:80 app:80\n}\n}\n", past},
		"in a route":            {"a.example.com {\nroute {\nreverse_proxy /api/* app:80\n" + gate + app + "}\n}\n", past},
		"php":                   {"a.example.com {\nhandle /api/* {\nphp_fastcgi unix//run/php.sock\n}\nhandle {\n" + gate + "php_fastcgi unix//run/php.sock\n}\n}\n", past},
		"a gate before all":     {"a.example.com {\n" + gate + "handle /api/* {\n" + app + "}\nhandle {\n" + app + "}\n}\n", ""},
		"a gate in each":        {"a.example.com {\nhandle /api/* {\n" + gate + app + "}\nhandle {\n" + gate + app + "}\n}\n", ""},
		"another application":   {"a.example.com {\nhandle /api/* {\nreverse_proxy other:80\n}\nhandle {\n" + gate + app + "}\n}\n", ""},
		"headers removed":       {"a.example.com {\nhandle /api/* {\nrequest_header -Remote-*\n" + app + "}\nhandle {\n" + gate + app + "}\n}\n", ""},
		"headers removed in it": {"a.example.com {\nhandle /api/* {\nreverse_proxy app:80 {\nheader_up -Remote-*\n}\n}\nhandle {\n" + gate + app + "}\n}\n", ""},
		"nothing told":          {"a.example.com {\nhandle /api/* {\n" + app + "}\nhandle {\nauthentik https://auth.example.com {\nheaders off\n}\n" + app + "}\n}\n", ""},
		"of another site":       {"a.example.com {\n" + gate + app + "}\nb.example.com {\n" + app + "}\n", ""},
		"of every host":         {"a.example.com {\nhandle /api/* {\n" + app + "}\nhandle {\n" + gate + app + "}\n}\n*.example.com {\nrespond ok\n}\n", past},
		"a named application":   {"&(app) {\n" + app + "}\na.example.com {\nhandle /api/* {\ninvoke app\n}\nhandle {\n" + gate + "invoke app\n}\n}\n", past},
		"a named gate":          {"&(gate) {\nroute {\n" + gate + app + "}\n}\na.example.com {\nhandle /api/* {\n" + app + "}\nhandle {\ninvoke gate\n}\n}\n", past},
		"a named gate before":   {"&(gate) {\n" + gate + "}\na.example.com {\ninvoke gate\nhandle /api/* {\n" + app + "}\nhandle {\n" + app + "}\n}\n", ""},
		"a gate of responses":   {"a.example.com {\nreverse_proxy app:80 {\nhandle_response {\n" + gate + "}\n}\n}\n", past},
		"a gate in intercept":   {"a.example.com {\nintercept {\nhandle_response {\n" + gate + "}\n}\n" + app + "}\n", past},
		"a forward_auth there":  {"a.example.com {\nhandle /old/* {\nforward_auth old:80 {\nuri /check\ncopy_headers Remote-User\n}\n" + app + "}\nhandle {\n" + gate + app + "}\n}\n", ""},
		"a forward_auth":        {"a.example.com {\nforward_auth other:80 {\nuri /check\n}\nhandle {\n" + gate + app + "}\n}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			checkWarning(t, tt.text, tt.want)
		})
	}
}

// A handler that uses the user before the gate knows one is warned of. With root, every
// user gets the files of all.
func TestRoutes_ThatUseTheUserBeforeTheGateAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const root = "root /srv/{http.auth.user.id}\n"
	const early = " is run before this gate, where {http.auth.user.…} is empty; write both in a route block, authentik first"
	for name, tt := range map[string]struct{ text, want string }{
		"root":                 {"a.example.com {\n" + root + gate + "file_server\n}\n", "root" + early},
		"root around a handle": {"a.example.com {\n" + root + "handle {\n" + gate + "file_server\n}\n}\n", "root" + early},
		"root of some paths":   {"a.example.com {\nroot /files/* /srv/{http.auth.user.id}\n" + gate + "file_server\n}\n", "root" + early},
		"vars":                 {"a.example.com {\nvars tenant {http.auth.user.attributes.tenant}\n" + gate + "respond ok\n}\n", "vars" + early},
		"rewrite":              {"a.example.com {\nrewrite /me /users/{http.auth.user.id}\n" + gate + "file_server\n}\n", "rewrite" + early},
		"header":               {"a.example.com {\nheader X-User {http.auth.user.id}\n" + gate + "respond ok\n}\n", "header" + early},
		"after the gate":       {"a.example.com {\nroute {\n" + gate + root + "file_server\n}\n}\n", ""},
		"in file_server":       {"a.example.com {\n" + gate + "file_server {\nroot /srv/{http.auth.user.id}\n}\n}\n", ""},
		"request_header":       {"a.example.com {\n" + gate + "request_header X-User {http.auth.user.id}\nrespond ok\n}\n", ""},
		"a header at the end":  {"a.example.com {\nheader >X-User {http.auth.user.id}\n" + gate + "respond ok\n}\n", ""},
		"map":                  {"a.example.com {\nmap {http.auth.user.id} {area} {\nada a\ndefault b\n}\n" + gate + "respond ok\n}\n", ""},
		"between two gates":    {"a.example.com {\nroute {\n" + gate + root + "authentik /admin/* https://auth.example.com\nfile_server\n}\n}\n", ""},
		"without the user":     {"a.example.com {\nroot /srv/{http.request.host}\n" + gate + "file_server\n}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			checkWarning(t, tt.text, tt.want)
		})
	}
}

// TestRoutes_ThatLimitTheFormsOfTheGateAreWarnedOf: Caddy answers such a form with 413 and
// an empty page.
func TestRoutes_ThatLimitTheFormsOfTheGateAreWarnedOf(t *testing.T) {
	const gate = "authentik https://auth.example.com\n"
	const app = gate + "reverse_proxy localhost:3000\n"
	limit := func(matcher string) string { return "request_body " + matcher + " {\nmax_size 1KB\n}\n" }
	const less = "request_body allows less than a form of the sign-in can have, and visitors get an empty page with status 413; " +
		"write a max_size of 64KB or more, or give it a matcher without these forms: not path /.authentik/*"
	for name, tt := range map[string]struct{ text, want string }{
		"a limit":                {limit("") + app, less},
		"around a handle":        {limit("") + "handle {\n" + app + "}\n", less},
		"in a route":             {"route {\n" + limit("") + app + "}\n", less},
		"of all posts":           {"@posts method POST\n" + limit("@posts") + app, less},
		"of the gate's own":      {limit("/.authentik/*") + app, less},
		"of a prefix below":      {limit("") + "handle_path /app/* {\nauthentik https://auth.example.com {\nprefix /app/.authentik\n}\nrespond ok\n}\n", "not path /app/.authentik/*"},
		"of another path":        {limit("/api/*") + app, ""},
		"without the gate's own": {"@rest not path /.authentik/*\n" + limit("@rest") + app, ""},
		"in another handle":      {"handle /api/* {\n" + limit("") + app + "}\nhandle {\n" + app + "}\n", less}, // of the first gate
		"in a handle without":    {"handle /healthz {\n" + limit("") + "respond ok\n}\nhandle {\n" + app + "}\n", ""},
		"large enough":           {"request_body {\nmax_size 64KB\n}\n" + app, ""},
		"behind the gate":        {"route {\n" + gate + limit("") + "reverse_proxy localhost:3000\n}\n", ""},
		"a body for all":         {"request_body {\nset hello\n}\n" + app, "request_body replaces the forms of the sign-in"},
	} {
		t.Run(name, func(t *testing.T) {
			checkWarning(t, "a.example.com {\n"+tt.text+"}\n", tt.want)
		})
	}
}
