package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Every way to write it must leave the gate's responses as they are.
func TestHeaderDirective_DoesNotChangeTheGatesResponses(t *testing.T) {
	s := newSite(t)
	const policy = "default-src 'self' https://cdn.example.com"
	for name, lines := range map[string]string{
		"nothing": "",
		"at once": "header Cache-Control \"public, max-age=3600\"\n\theader Content-Security-Policy \"" + policy + "\"\n\theader Referrer-Policy no-referrer\n" +
			"\theader X-Content-Type-Options x\n\theader Location /evil\n\theader WWW-Authenticate Basic\n",
		"in a block that removes": "header {\n-Server\nCache-Control \"public, max-age=3600\"\nContent-Security-Policy \"" + policy + "\"\nReferrer-Policy no-referrer\n}\n",
		"deferred": "header >Cache-Control \"public\"\n\theader >Content-Security-Policy \"" + policy + "\"\n\theader >Referrer-Policy no-referrer\n" +
			"\theader >Location /evil\n\theader >Content-Type text/plain\n\theader >WWW-Authenticate Basic\n\theader >X-Content-Type-Options x\n",
		"removed": "header -Cache-Control\n\theader -Content-Security-Policy\n\theader -Set-Cookie\n\theader -Location\n\theader -Content-Type\n\theader -WWW-Authenticate\n" +
			"\theader -Referrer-Policy\n\theader -X-Content-Type-Options\n\theader -Vary\n",
		"all removed": "header {\n-*\nX-Operator yes\n}\n",
		"replaced":    "header Cache-Control no-store public\n\theader Content-Security-Policy 'none' *\n\theader Set-Cookie HttpOnly x\n\theader Location / //evil.example/\n",
		"replaced when it is written": "header >Cache-Control no-store public\n\theader >Content-Security-Policy 'none' *\n\theader >Set-Cookie HttpOnly x\n" +
			"\theader >Location / //evil.example/\n\theader >X-Content-Type-Options nosniff x\n\theader >Referrer-Policy same-origin x\n",
		"added":                               "header +Set-Cookie a=b\n\theader +Content-Security-Policy \"" + policy + "\"\n\theader ?Cache-Control public\n",
		"for some caches":                     "header CDN-Cache-Control max-age=3600\n\theader Cloudflare-CDN-Cache-Control max-age=3600\n\theader Surrogate-Control max-age=3600\n\theader X-Accel-Expires 3600\n",
		"for some caches, when it is written": "header >CDN-Cache-Control max-age=3600\n\theader >Surrogate-Control max-age=3600\n\theader >Edge-Control max-age=3600\n\theader >X-Accel-Expires 3600\n",
		"in a route":                          "route {\nencode gzip\nheader >Cache-Control public\nheader >Content-Security-Policy \"" + policy + "\"\nheader >Location /evil\nGATE\n}\n",
		"with a log":                          "log\n\tencode gzip\n\theader >Cache-Control public\n\theader >Content-Security-Policy \"" + policy + "\"\n\theader -Set-Cookie\n\theader >Location /evil\n",
	} {
		t.Run(name, func(t *testing.T) {
			const gate = "authentik AUTHENTIK\n\treverse_proxy APP\n"
			text := strings.Replace(lines, "GATE", gate, 1)
			if text == lines {
				text += "\t" + gate
			}
			s.load("SITE {\n\t" + text + "\theader >X-Operator yes\n\theader Strict-Transport-Security max-age=1\n}\n")
			b := s.browser()
			lead := b.get("/report")
			checkKept(t, "redirect", lead, http.StatusSeeOther, "no-store")
			if got := lead.Header.Get("Location"); !strings.HasPrefix(got, "/.authentik/login?") {
				t.Errorf("redirect: got Location %q, want the gate's", got)
			}
			page := b.follow(lead)
			checkKept(t, "page", page, http.StatusOK, "no-store")
			policies := strings.Join(page.Header.Values("Content-Security-Policy"), "\n")
			if !strings.Contains(policies, "default-src 'none'") || strings.Contains(lines, policy) != strings.Contains(policies, policy) {
				t.Errorf("page: got the policies %q, want the gate's and the operator's", policies)
			}
			if got := page.Header.Get("Referrer-Policy"); got != "same-origin" {
				t.Errorf("page: got Referrer-Policy %q, want same-origin", got)
			}
			if got := page.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("page: got Content-Type %q, want HTML", got)
			}
			if got := strings.Join(page.Header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "HttpOnly") {
				t.Errorf("page: got Set-Cookie %q, want the visit's, HttpOnly", got)
			}
			style, _, _ := strings.Cut(page.body[strings.Index(page.body, `href="/.authentik/assets/`)+len(`href="`):], `"`)
			checkKept(t, "asset", b.get(style), http.StatusOK, "public, max-age=31536000, immutable")
			checkKept(t, "nothing there", b.get("/.authentik/nothing"), http.StatusNotFound, "no-store")
			b.header.Set("Accept", "application/json")
			checkKept(t, "JSON", b.get("/.authentik/login"), http.StatusOK, "no-store")
			refused := b.get("/report")
			checkKept(t, "401", refused, http.StatusUnauthorized, "no-store")
			if got := refused.Header.Values("WWW-Authenticate"); !slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, "authentik ") }) {
				t.Errorf("401: got WWW-Authenticate %q, want the gate's", got)
			}
		})
	}
}

// checkKept checks what every response of the gate has.
func checkKept(t *testing.T, what string, got answer, status int, cache string) {
	t.Helper()
	if got.StatusCode != status {
		t.Errorf("%s: got %d, want %d", what, got.StatusCode, status)
	}
	if values := got.Header.Values("Cache-Control"); len(values) != 1 || values[0] != cache {
		t.Errorf("%s: got Cache-Control %q, want %q", what, values, cache)
	}
	for _, name := range []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Edge-Control", "X-Accel-Expires"} {
		if value := got.Header.Get(name); cache == "no-store" && value != "" {
			t.Errorf("%s: got %s: %s beside no-store, want none", what, name, value)
		}
	}
	if value := got.Header.Get("X-Content-Type-Options"); status != http.StatusSeeOther && value != "nosniff" {
		t.Errorf("%s: got X-Content-Type-Options %q, want nosniff", what, value)
	}
	if got.Header.Get("X-Operator") != "yes" {
		t.Errorf("%s: got no X-Operator, want the operator's header kept", what)
	}
	if got.Header.Get("Incremental") != "" {
		t.Errorf("%s: got the header Incremental, want it for Caddy only", what)
	}
}

// The application's responses are the operator's.
func TestHeaderDirective_ChangesTheApplicationsResponses(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\theader {\n-Server\nCache-Control \"public, max-age=3600\"\n}\n\t@closed not path /open\n\tauthentik @closed AUTHENTIK\n\treverse_proxy APP\n}\n")
	b := s.browser()
	for _, got := range []answer{b.get("/open"), b.follow(b.signIn("/", "ada"))} {
		if value := got.Header.Get("Cache-Control"); got.StatusCode != http.StatusOK || value != "public, max-age=3600" {
			t.Errorf("got %d, Cache-Control %q, want the operator's", got.StatusCode, value)
		}
	}
}

// What a visitor has written into a page must never run as a template, which can
// read files and secrets.
func TestTemplates_NeverRunTheGatesPages(t *testing.T) {
	s := newSite(t)
	t.Setenv("GATE_SECRET", "hush")
	for name, text := range map[string]string{
		"a route":     "route {\ntemplates\nauthentik AUTHENTIK\nreverse_proxy APP\n}\n",
		"a handle":    "templates\nhandle {\nauthentik AUTHENTIK\nreverse_proxy APP\n}\n",
		"with a log":  "log\nencode gzip\ntemplates\nhandle {\nauthentik AUTHENTIK\nreverse_proxy APP\n}\n",
		"delimiters":  "templates {\nbetween `{{` `}}`\nmime text/html application/json application/problem+json text/css\n}\nhandle {\nauthentik AUTHENTIK\nreverse_proxy APP\n}\n",
		"and headers": "header >Content-Type text/plain\ntemplates\nhandle {\nauthentik AUTHENTIK\nreverse_proxy APP\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s.TB = t
			s.load("SITE {\nheader >X-Operator yes\n" + text + "}\n")
			b := s.browser()
			page := b.get("/.authentik/login?to=/x?a=%7B%7Benv%60GATE_SECRET%60%7D%7D")
			checkKept(t, "page", page, http.StatusOK, "no-store")
			if strings.Contains(page.body, "hush") || !strings.Contains(page.body, "{{env`GATE_SECRET`}}") {
				t.Errorf("got a page that has run as a template:\n%s", page.body)
			}
			if got := page.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("got Content-Type %q, want HTML", got)
			}
			again := b.fill(page, "uid_field", "{{env`GATE_SECRET`}}")
			if strings.Contains(again.body, "hush") || again.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("got a page of type %q that has run as a template:\n%s", again.Header.Get("Content-Type"), again.body)
			}
			lead := b.get("/x")
			checkKept(t, "redirect", lead, http.StatusSeeOther, "no-store")
			if got := lead.Header.Get("Content-Type"); strings.HasPrefix(got, "application/") {
				t.Errorf("redirect: got Content-Type %q, want none", got)
			}
			b.header.Set("Accept", "application/json")
			if got := b.get("/x").Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("401: got Content-Type %q, want application/problem+json", got)
			}
		})
	}
}

// TestIntercept_NeverGetsTheGatesResponses: routes of intercept may lead to the
// application, and must answer only what the application has answered.
func TestIntercept_NeverGetsTheGatesResponses(t *testing.T) {
	s := newSite(t)
	const proxied = "handle_response @it {\nreverse_proxy APP\n}"
	for name, intercept := range map[string]string{
		"status":           "@it status 2xx 3xx 4xx 5xx\n" + proxied,
		"HTML":             "@it header Content-Type text/html*\n" + proxied,
		"other headers":    "@it header X-Content-Type-Options nosniff\n" + proxied,
		"status and type":  "@it {\nstatus 404\nheader Content-Type application/problem+json\n}\n" + proxied,
		"every response":   "handle_response {\nreverse_proxy APP\n}",
		"every type":       "@it header Content-Type *\n" + proxied,
		"any status":       "@it status 1xx 2xx 3xx 4xx 5xx 6xx 7xx 8xx 9xx\n" + proxied,
		"an expression":    "handle_response {\n@it expression `{resp.status_code} >= 200`\nreverse_proxy @it APP\n}",
		"another status":   "replace_status 418",
		"nothing replaced": "handle_response {\nheader X-Intercepted yes\n}",
	} {
		for nest, text := range map[string]string{
			"":                         "%s",
			" in metrics and encode":   "encode gzip\nlog\n%s",
			" around templates":        "templates\nroute {\n%s\n}",
			" with headers and encode": "route {\n%s\n}",
		} {
			t.Run(name+nest, func(t *testing.T) {
				s.TB = t
				gate := "authentik AUTHENTIK\nreverse_proxy APP\n"
				if strings.Contains(nest, "headers") {
					gate = "header >X-Below yes\nencode gzip\n" + gate
				}
				routes := "intercept {\n" + intercept + "\n}\nhandle {\nroute {\n" + gate + "}\n}"
				options := ""
				if strings.Contains(nest, "metrics") {
					options = "metrics"
				}
				if err := s.try(options, "SITE {\nheader X-Operator yes\n"+strings.Replace(text, "%s", routes, 1)+"\n}\n"); err != nil {
					t.Fatal(err)
				}
				b := s.browser()
				checkKept(t, "page", b.get("/.authentik/login"), http.StatusOK, "no-store")
				lead := b.get("/report")
				checkKept(t, "redirect", lead, http.StatusSeeOther, "no-store")
				if got := lead.Header.Get("Location"); !strings.HasPrefix(got, "/.authentik/login?") {
					t.Errorf("redirect: got Location %q, want the gate's", got)
				}
				b.header.Set("Accept", "application/json")
				checkKept(t, "nothing there", b.get("/.authentik/nothing"), http.StatusNotFound, "no-store")
				refused := b.get("/report")
				checkKept(t, "401", refused, http.StatusUnauthorized, "no-store")
				if got := refused.Header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("401: got Content-Type %q, want application/problem+json", got)
				}
				checkKept(t, "401 without a body", b.do(http.MethodHead, "/report", nil), http.StatusUnauthorized, "no-store")
				if r := s.app.seen(); r != nil {
					t.Errorf("got %s at the application, want no request", r.URL)
				}
			})
		}
	}
}
