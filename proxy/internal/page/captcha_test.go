package page

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

const withCaptcha = `,"user_fields":["username"],"captcha_stage":{"component":"ak-stage-captcha","site_key":"k","js_url":"https://captcha.example/api.js","interactive":true}`

// loadsFor is the policy of the page that asks for a captcha by that script, by
// directive, and the page.
func loadsFor(t testing.TB, script string) (header map[string]string, page string) {
	t.Helper()
	js, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	w := ask(t, questionOf(challengeOf(t, `,"site_key":"k","js_url":`+string(js), flowclient.ComponentCaptcha)), nil)
	checkPage(t, w.Body.String())
	header = map[string]string{}
	for directive := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), "; ") {
		name, allowed, _ := strings.Cut(directive, " ")
		header[name] = allowed
	}
	return header, w.Body.String()
}

func TestCaptcha_LoadsOnlyWhatItsProviderNeeds(t *testing.T) {
	t.Parallel()
	const google = " https://www.google.com/recaptcha/ https://www.recaptcha.net/recaptcha/ https://recaptcha.net/recaptcha/"
	const hcaptcha = " https://hcaptcha.com https://*.hcaptcha.com"
	recaptcha := map[string]string{
		"script-src": " https://www.gstatic.com/recaptcha/" + google, "style-src": " 'unsafe-inline'", "img-src": " https://www.gstatic.com/recaptcha/",
		"frame-src": " https://recaptcha.google.com/recaptcha/" + google, "connect-src": google,
	}
	own := func(origin string) map[string]string {
		more := map[string]string{}
		for _, name := range []string{"script-src", "style-src", "img-src", "frame-src", "connect-src"} {
			more[name] = " " + origin
		}
		return more
	}
	base := map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
		"form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "frame-src": "",
	}
	for script, more := range map[string]map[string]string{
		"https://js.hcaptcha.com/1/api.js":                   {"script-src": hcaptcha, "style-src": hcaptcha, "frame-src": hcaptcha, "connect-src": hcaptcha},
		"https://www.google.com/recaptcha/api.js?render=key": recaptcha,
		"https://www.recaptcha.net/recaptcha/api.js":         recaptcha,
		"https://challenges.cloudflare.com/turnstile/v0/api.js": {
			"script-src": " https://challenges.cloudflare.com", "frame-src": " https://challenges.cloudflare.com",
		},
		"https://captcha.example:8443/a;b/c.js?d=%22": own("https://captcha.example:8443"),
		"http://127.0.0.1:8080/x.js":                  own("http://127.0.0.1:8080"),
		"https://[2001:db8::1]/x.js":                  own("https://[2001:db8::1]"),
		"/static/captcha.js":                          own("https://auth.example.com"),
		"captcha.js":                                  own("https://auth.example.com"),
		"//captcha.example/x.js":                      own("https://captcha.example"),
		"https://www.google.com/complete/search":      own("https://www.google.com"),
		"https://evilhcaptcha.com/1/api.js":           own("https://evilhcaptcha.com"),
		"https://hcaptcha.com.evil.example/api.js":    own("https://hcaptcha.com.evil.example"),
		"http://js.hcaptcha.com/1/api.js":             own("http://js.hcaptcha.com"),
	} {
		got, page := loadsFor(t, script)
		for name, own := range base {
			if want := strings.TrimSpace(own + more[name]); got[name] != want {
				t.Errorf("%s, %s: got\n%q, want\n%q", script, name, got[name], want)
			}
		}
		if extra := slices.DeleteFunc(slices.Collect(maps.Keys(got)), func(name string) bool { _, ok := base[name]; return ok }); len(extra) > 0 {
			t.Errorf("%s: got further directives %q, want none", script, extra)
		}
		has(t, page, `data-script="http`, "/.authentik/assets/captcha.js")
	}
}

func TestCaptcha_UnsafeScriptIsNotLoaded(t *testing.T) {
	t.Parallel()
	plain, _ := loadsFor(t, "")
	for _, script := range append([]string{
		"", "javascript:alert(1)", "data:text/javascript,alert(1)", "blob:https://x/1", "ftp://captcha.example/x.js", "https:captcha.example",
		"https://captcha.example;script-src */x.js", "https://a b/x.js", `https://a"b/x.js`, "https://a'b/x.js", "https://*/x.js", "https://*.example/x.js",
		"https://user@captcha.example/x.js", "https://captcha.example/x.js\r\nX: y", "https://captcha.example,b/x.js", "https://captcha.example:*/x.js",
		"https://captcha.example /x.js", "https://xn--/\"><script>", "https://é.example/x.js", "https:///x.js", "https://'self'/x.js", `\\captcha.example\x.js`,
		"https://captcha.example/x.js;\n", "https://-/", "https://captcha.example:port/x.js",
	}, hostile...) {
		got, page := loadsFor(t, script)
		if script == "//evil.example/" || script == "&#x6a;avascript:alert(1)" {
			continue // a host like any other, and a path at authentik's
		}
		for name := range got {
			if got[name] != plain[name] {
				t.Errorf("%q, %s: got %q", script, name, got[name])
			}
		}
		has(t, page, english.Text("asks_captcha"), "https://auth.example.com/if/flow/login/")
	}
}

func TestCaptcha_InTheFirstFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	wrong := `,"response_errors":{"non_field_errors":[{"string":"Invalid captcha response","code":"invalid"}]}`
	page := drawnPage(t, flowclient.ComponentIdentification, withCaptcha+wrong, map[string][]string{"uid_field": {"jane"}, "captcha_token": {"used-token"}}, nil)
	has(t, page, `value="jane"`, "Invalid captcha response", `name="captcha_token" value=""`, "data-visible", "<noscript>", english.Text("captcha_script"))
	lacks(t, page, "used-token", "data-alone")
	away := strings.Replace(withCaptcha, "https://captcha.example", "javascript:", 1)
	has(t, drawnPage(t, flowclient.ComponentIdentification, away, nil, nil), english.Text("asks_captcha_also"))
}

func TestCaptcha_ErrorIsBesideIt(t *testing.T) {
	t.Parallel()
	fields := `,"site_key":"a\"b","js_url":"https://captcha.example/api.js","response_errors":{"token":[{"string":"Invalid captcha response","code":"invalid"}]}`
	page := drawnPage(t, flowclient.ComponentCaptcha, fields, map[string][]string{"token": {"used-token"}}, nil)
	has(t, page, `aria-describedby="captcha-wrong"`, `id="captcha-wrong" role="alert"><p class="plain">Invalid captcha response`, `data-alone`, `data-key="a"b"`)
	lacks(t, page, "used-token", "data-visible", `class="alert"`)
	missing := drawnPage(t, flowclient.ComponentCaptcha, `,"js_url":"https://captcha.example/api.js"`, map[string][]string{"token": {""}}, func(q *Question) {
		q.Mistake = mistake("token", "captcha_missing")
	})
	has(t, missing, `id="captcha-wrong"`, english.Text("captcha_missing"))
}

func TestCaptcha_PolicyIsForItsPageOnly(t *testing.T) {
	t.Parallel()
	loadsFor(t, "https://www.recaptcha.net/recaptcha/api.js")
	w := ask(t, questionOf(challengeOf(t, "", flowclient.ComponentPassword)), nil)
	if got := w.Header().Get("Content-Security-Policy"); got != csp.New("").String() {
		t.Errorf("got the policy %s for a password page after a captcha, want none of the captcha's", got)
	}
}
