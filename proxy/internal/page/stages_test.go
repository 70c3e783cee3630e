package page

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
)

func TestStage_EveryComponentIsRendered(t *testing.T) {
	t.Parallel()
	known := map[flowclient.Component]bool{}
	for _, c := range flowclient.Components() {
		known[c] = true
		if _, drawn := stages[c]; !drawn {
			t.Errorf("%s has no row in stages", c)
		}
	}
	for c := range stages {
		if !known[c] {
			t.Errorf("%s has a row in stages, but is no component", c)
		}
	}
}

// TestStage_TakesItsOwnChallenge finds rows whose functions are another
// stage's: shows and reads would send their visitors elsewhere.
func TestStage_TakesItsOwnChallenge(t *testing.T) {
	t.Parallel()
	for c, row := range stages {
		one := decode(t, []byte(`{"component":"`+string(c)+`","user_fields":["username"],"device_challenges":[{"device_class":"totp","device_uid":"1"}]}`))
		w := ask(t, questionOf(one), nil)
		if strings.Contains(w.Body.String(), english.Text("asks_unknown")) {
			t.Errorf("%s is drawn as unknown", c)
		}
		if row.read == nil {
			continue
		}
		if _, wrong := row.read(one, Form{}); wrong != nil && strings.HasPrefix(wrong.Name, "flowclient.") {
			t.Errorf("%s is read as %s", c, wrong.Name)
		}
	}
}

func TestStage_UnknownChallengeLeadsElsewhere(t *testing.T) {
	t.Parallel()
	page := ask(t, questionOf(decode(t, []byte(`{"component":"ak-stage-of-tomorrow"}`))), nil).Body.String()
	checkPage(t, page)
	for _, want := range []string{english.Text("asks_unknown"), "https://auth.example.com/if/flow/login/", english.Text("begin_again")} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
}

// TestStage_SaysTheResultOfASignInElsewhere: an address of the gate brings the visitor back, and one of authentik does not.
func TestStage_SaysTheResultOfASignInElsewhere(t *testing.T) {
	t.Parallel()
	q := questionOf(decode(t, []byte(`{"component":"ak-stage-of-tomorrow"}`)))
	for to, want := range map[string]string{
		"https://auth.example.com/if/flow/login/":  english.Text("elsewhere_stays"),
		"/.authentik/login?at=authentik&to=%2Fapp": english.Text("elsewhere_returns"),
		"javascript:alert(1)":                      "",
		"//evil.example/.authentik/login":          "",
		"/.authentik.evil.example":                 "",
		"https://evil.example\\@auth.example.com/": "",
	} {
		q.Elsewhere = to
		page := ask(t, q, nil).Body.String()
		checkPage(t, page)
		linked := strings.Contains(page, `href="`+html.EscapeString(to)+`"`)
		if linked != (want != "") || !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("%s: is a link: %v; on the page:\n%s", to, linked, page)
		}
		if linked && !strings.Contains(page, "Continue at auth.example.com") {
			t.Errorf("%s: the link has another name:\n%s", to, page)
		}
	}
}

// TestLocale_EverySentenceExistsAndIsUsed finds names without a sentence, where they stand
// in the sources as a whole, and sentences that nothing names, whole or by the
// beginning of a name that is put together ("device_" + class).
func TestLocale_EverySentenceExistsAndIsUsed(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile(`say "([a-z_]+)"|[tT]ext\("([a-z_]+)"|mistake\([^,()]*, "([a-z_]+)"|away\("([a-z_]+)"|task\("([a-z_]+)"`)
	all, known := strings.Join(sources(t), "\n"), messages(t)
	for _, m := range said.FindAllStringSubmatch(all, -1) {
		if name := strings.Join(m[1:], ""); known[name] == "" && !strings.HasSuffix(name, "_") {
			t.Errorf("%q is said, but there is no such sentence", name)
		}
	}
	for name := range known {
		if !named(all, name) {
			t.Errorf("%q is never said", name)
		}
	}
}

// named reports whether the sources name a sentence.
func named(all, name string) bool {
	if strings.Contains(all, `"`+name+`"`) {
		return true
	}
	for i, c := range name {
		if c == '_' && strings.Contains(all, `"`+name[:i+1]+`"`) {
			return true
		}
	}
	return false
}

func sources(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.go", "../*/*.go", "../../*.go", "templates/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(names), err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(raw))
		}
	}
	return all
}

func TestTemplate_EveryOneIsUsed(t *testing.T) {
	t.Parallel()
	text := strings.Join(sources(t), "\n")
	for _, name := range templates.Names() {
		if name != templates.Layout && !strings.Contains(text, `"`+name+`"`) {
			t.Errorf("nothing draws %s", name)
		}
	}
}

// hostile are texts that have broken other pages.
var hostile = []string{
	`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
	`JaVaScRiPt:alert(1)`, " javascript:alert(1)", "java\nscript:alert(1)", `data:text/html,<script>alert(1)</script>`,
	`data:image/svg+xml,"><script>alert(1)</script>`, `vbscript:x`, `//evil.example/`, `\\evil.example\`, `https://evil.example/"onmouseover="alert(1)`,
	`/"onerror="alert(1)`, `</textarea><script>alert(1)</script>`, `</title><script>alert(1)</script>`, `</style><script>alert(1)</script>`,
	`<!--`, `]]>`, `{{.Visit}}`, `%(theme)s`, `otpauth://totp/x?secret="><script>alert(1)</script>`, "\x00", "   ", "\u202eabc",
	`" autofocus onfocus=alert(1) x="`, `<svg/onload=alert(1)>`, `<base href=//evil.example>`, `&#x6a;avascript:alert(1)`, "",
}

func TestTemplate_HostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	for _, rec := range recordings(t) {
		t.Run(rec.name, func(t *testing.T) {
			t.Parallel()
			for _, evil := range hostile {
				q := questionOf(decode(t, injected(t, rec.challenge, evil)))
				q.Brand.Title, q.Brand.Logo, q.Brand.Favicon, q.Brand.Theme = evil, evil, evil, evil
				q.Brand.LogoThemed = flowclient.Themed{Light: evil, Dark: evil}
				q.Brand.FooterLinks = []flowclient.FooterLink{{Name: evil, Href: evil}}
				q.Visit, q.Back, q.Notice, q.Elsewhere = evil, evil, evil, evil
				page := ask(t, q, url.Values{"component": {string(q.Step.Challenge.Component())}, "uid_field": {evil}, "chosen": {evil}}).Body.String()
				checkPage(t, page)
				if t.Failed() {
					t.Fatalf("with %q", evil)
				}
			}
		})
	}
}

// poisoned is a challenge with another text in place of each of its own.
func injected(t testing.TB, c flowclient.Challenge, evil string) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(c.Common().Raw, &v); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(inject(v, evil)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// kept are keys whose texts say what to draw; others would only be drawn less.
var kept = map[string]bool{"component": true, "type": true, "device_class": true, "layout": true, "field_key": true, "device_uid": true}

func inject(v any, evil string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if _, text := inner.(string); !text || !kept[k] {
				v[k] = inject(inner, evil)
			}
		}
		return v
	case []any:
		for i, inner := range v {
			v[i] = inject(inner, evil)
		}
		return v
	case string:
		return evil
	default:
		return v
	}
}
