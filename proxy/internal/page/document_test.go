package page

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/qrcode"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
)

// templateViews are the data of each template: what .Stage is in it.
var templateViews = map[string]any{
	"address.html": addressView{}, "agent.html": agentView{}, "autosubmit.html": autosubmitView{}, "button.html": buttonView{},
	"captcha.html": captchaView{}, "code.html": codeView{}, "codes.html": codesView{}, "consent.html": consentView{},
	"devices.html": devicesView{}, "duo.html": duoView{}, "elsewhere.html": elsewhereView{}, "ending.html": endingView{},
	"frame.html": frameView{}, "framed.html": FrameLinks{}, "identification.html": identificationView{}, "key.html": keyView{},
	"logout.html": logoutView{}, "password.html": passwordView{}, "prompt.html": promptView{}, "redirect.html": redirectView{},
	"source.html": sourceView{}, "telegram.html": telegramView{}, "totp.html": totpView{},
}

// viewNames are the types of fields, by the name that the document gives them.
var viewNames = map[reflect.Type]string{
	reflect.TypeFor[accountView]():    "account",
	reflect.TypeFor[action]():         "action",
	reflect.TypeFor[captchaView]():    "captcha",
	reflect.TypeFor[deviceButton]():   "device button",
	reflect.TypeFor[Entry]():          "entry",
	reflect.TypeFor[flowButton]():     "flow button",
	reflect.TypeFor[footerLink]():     "footer link",
	reflect.TypeFor[formButton]():     "form button",
	reflect.TypeFor[keyRequest]():     "key request",
	reflect.TypeFor[logoutTarget]():   "logout target",
	reflect.TypeFor[namedValue]():     "named value",
	reflect.TypeFor[permissionList](): "permission list",
	reflect.TypeFor[pictureView]():    "picture",
	reflect.TypeFor[promptChoice]():   "prompt choice",
	reflect.TypeFor[promptField]():    "prompt field",
	reflect.TypeFor[qrcode.Code]():    "QR code",
	reflect.TypeFor[sourceButton]():   "source button",

	reflect.TypeFor[string]():          "string",
	reflect.TypeFor[bool]():            "bool",
	reflect.TypeFor[int]():             "int",
	reflect.TypeFor[template.URL]():    "address",
	reflect.TypeFor[template.Srcset](): "address",
	reflect.TypeFor[template.HTML]():   "HTML",
	reflect.TypeFor[any]():             "see below",
}

// document returns the sections of docs/templates.md by their headings.
func document(t testing.TB) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	sections, heading, code := map[string]string{}, "", false
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") && !code {
			heading = strings.TrimSpace(text)
			continue
		}
		sections[heading] += line
	}
	return sections
}

var (
	fieldRow = regexp.MustCompile("(?m)^\\| `\\.(\\w+)` \\| ([^|]+) \\| ([^|]+) \\|$")
	docLink  = regexp.MustCompile(`\[([^]]*)\]\(#[-a-z]+\)`)
)

// documented returns the fields that a section names, with their types.
func documented(section string) map[string]string {
	fields := map[string]string{}
	for _, row := range fieldRow.FindAllStringSubmatch(section, -1) {
		fields[row[1]] = docLink.ReplaceAllString(row[2], "$1")
	}
	return fields
}

// fieldsOf returns the fields and methods that templates can use, with the names of
// their types. Those of an embedded type belong to that type.
func fieldsOf(t testing.TB, view reflect.Type) map[string]string {
	t.Helper()
	fields := map[string]string{}
	embedded := map[string]bool{}
	for i := range view.NumField() {
		switch f := view.Field(i); {
		case f.Anonymous:
			for m := range reflect.PointerTo(f.Type).NumMethod() {
				embedded[reflect.PointerTo(f.Type).Method(m).Name] = true
			}
		case f.IsExported():
			fields[f.Name] = typeName(t, f.Type)
		}
	}
	for i := range reflect.PointerTo(view).NumMethod() {
		if m := reflect.PointerTo(view).Method(i); !embedded[m.Name] {
			fields[m.Name] = typeName(t, m.Type.Out(0))
		}
	}
	return fields
}

func typeName(t testing.TB, of reflect.Type) string {
	t.Helper()
	switch name, ok := viewNames[of]; {
	case ok:
		return name
	case of.Kind() == reflect.Pointer:
		return typeName(t, of.Elem())
	case of.Kind() == reflect.Slice:
		return "list of " + typeName(t, of.Elem())
	}
	t.Errorf("got no name for %s: add it to viewNames", of)
	return ""
}

func TestTemplatesDocument_NamesEveryField(t *testing.T) {
	t.Parallel()
	views := map[string]reflect.Type{"The page": reflect.TypeFor[pageView]()}
	for name, view := range templateViews {
		views["`"+name+"`"] = reflect.TypeOf(view)
	}
	for view, name := range viewNames {
		if view.Kind() == reflect.Struct && name != "captcha" { // the same as captcha.html
			views[strings.ToUpper(name[:1])+name[1:]] = view
		}
	}
	sections := document(t)
	for heading, view := range views {
		if diff := gocmp.Diff(fieldsOf(t, view), documented(sections[heading])); diff != "" {
			t.Errorf("section %q of docs/templates.md (-got in the code +want in the document):\n%s", heading, diff)
		}
		delete(sections, heading)
	}
	for heading, text := range sections {
		if len(documented(text)) > 0 {
			t.Errorf("section %q of docs/templates.md: got no view of that name", heading)
		}
	}
}

// TestTemplatesDocument_KnowsEveryTemplate draws all recorded challenges, and finds
// that templates get what templateViews says.
func TestTemplatesDocument_KnowsEveryTemplate(t *testing.T) {
	t.Parallel()
	for _, name := range templates.Names() {
		if _, ok := templateViews[name]; !ok && name != templates.Layout {
			t.Errorf("got no %s in templateViews, want it there", name)
		}
	}
	for _, rec := range recordings(t) {
		d := testPages(t).newQuestion(httptest.NewRequest(http.MethodGet, "/", nil), questionOf(rec.challenge))
		row := stages[d.component]
		d.Template = row.template
		got, want := reflect.TypeOf(row.draw(rec.challenge, d)), reflect.TypeOf(templateViews[d.Template])
		if got.Kind() == reflect.Pointer {
			got = got.Elem()
		}
		if got != want {
			t.Errorf("%s: got %s for %s, want %s", rec.name, got, d.Template, want)
		}
	}
}

func TestTemplatesDocument_NamesEveryPart(t *testing.T) {
	t.Parallel()
	raw := templateTexts(t)[templates.Layout]
	text := document(t)["How a page is put together"]
	inner := []string{"captcha-elsewhere", "entry-input", "entry-marks", "icon-email", "icon-key", "icon-sms", "icon-static", "icon-totp"}
	for _, part := range regexp.MustCompile(`{{-? ?define "([-a-z]+)"`).FindAllStringSubmatch(raw, -1) {
		if !strings.Contains(text, "`"+part[1]+"`") && !slices.Contains(inner, part[1]) {
			t.Errorf("docs/templates.md: got no part %q, want it named", part[1])
		}
	}
	for _, part := range regexp.MustCompile("(?m)^\\| (`[-a-z]+`(?:, `[-a-z]+`)*) \\|").FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Split(strings.ReplaceAll(part[1], "`", ""), ", ") {
			if !strings.Contains(raw, `define "`+name+`"`) && !strings.HasPrefix(name, "data-") {
				t.Errorf("docs/templates.md: got the part %q, which layout.html does not define", name)
			}
		}
	}
}

func TestTemplatesDocument_AttributesAreThoseOfTheTemplates(t *testing.T) {
	t.Parallel()
	templates := strings.Join(sources(t), "\n")
	names := regexp.MustCompile("`(data-[a-z-]+)").FindAllStringSubmatch(document(t)["How a page is put together"], -1)
	if len(names) < 10 {
		t.Fatalf("got %d attributes, want 10 or more", len(names))
	}
	for _, name := range names {
		if !strings.Contains(templates, name[1]) {
			t.Errorf("got no template that uses %s", name[1])
		}
	}
}

var (
	example     = regexp.MustCompile("(?s)```html\n(.*?)```")
	exampleFile = regexp.MustCompile("`([a-z]+\\.html)`$")
)

// TestTemplatesDocument_ExamplesAreDrawn executes every template in the document. Its heading
// names the file that it replaces; the first one is a password.html.
func TestTemplatesDocument_ExamplesAreDrawn(t *testing.T) {
	t.Parallel()
	drawn := 0
	for heading, text := range document(t) {
		for _, block := range example.FindAllStringSubmatch(text, -1) {
			file := "password.html"
			if name := exampleFile.FindStringSubmatch(heading); name != nil {
				file = name[1]
			}
			drawn++
			p, err := withTemplates(map[string]string{file: block[1]})
			if err != nil {
				t.Errorf("%s: got error %v, want none", heading, err)
				continue
			}
			for _, page := range exampleTargets(t, p, file) {
				checkPage(t, page)
			}
		}
	}
	if drawn < 4 {
		t.Errorf("got %d examples, want 4 or more", drawn)
	}
}

// exampleTargets draws pages with the template of a file: those of the made challenges, or a
// failure and a refusal.
func exampleTargets(t testing.TB, p *Pages, file string) (pages []string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, c := range handmade(t) {
		if stages[c.Component()].template != file && file != templates.Layout {
			continue
		}
		w := httptest.NewRecorder()
		if err := p.Ask(w, r, handmadeQuestion(t, name)); err != nil {
			t.Errorf("%s with %s: got error %v, want none", name, file, err)
		}
		pages = append(pages, w.Body.String())
	}
	for _, draw := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { p.Fail(w, r, unreachable, "/app", testBrand()) },
		func(w http.ResponseWriter) { p.Forbid(w, r, notAllowed, "jane", nil, "/app", testBrand()) },
	} {
		w := httptest.NewRecorder()
		draw(w)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s: got no failure on the page", file)
		}
		pages = append(pages, w.Body.String())
	}
	return pages
}
