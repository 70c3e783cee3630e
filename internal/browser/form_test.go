package browser_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

const survey = `<!doctype html><h1>Survey</h1>
<form action=/other><input name=q></form>
<form method=post action=/answer>
<input type=hidden name=secret value=s3cret>
<input name=name value="a default" required>
<input name=fixed value=fixed readonly>
<input name=off value=off disabled>
<fieldset disabled><input name=shut value=1></fieldset>
<input type=checkbox name=agree value=1><input type=checkbox name=news checked>
<input type=radio name=size value=s checked><input type=radio name=size value=l>
<select name=color><option>red<option value=g selected>green</select>
<select name=plain><option>first<option>second</select>
<textarea name=words>
two
lines</textarea>
<input type=file name=file>
<button type=button name=never value=1>Never</button>
<button>Send</button>
<button name=act value=drop>Drop</button>
<button name=act value=skip formnovalidate formaction=/skip>Skip it</button>
</form>`

func newSurvey(t testing.TB) (*site, *browser.Page) {
	t.Helper()
	s := newSite()
	s.page("/survey", survey)
	s.page("/answer", "thanks")
	s.page("/skip", "skipped")
	s.page("/other", "found")
	return s, open(t, browser.New(transport{s}), "https://a.example.com/survey")
}

func TestForm_SendsInitialValues(t *testing.T) {
	t.Parallel()
	s, p := newSurvey(t)
	submit(t, p, browser.Fields{"name": "Ada & Co"}, "")
	want := url.Values{
		"secret": {"s3cret"}, "name": {"Ada & Co"}, "fixed": {"fixed"}, "news": {"on"}, "size": {"s"},
		"color": {"g"}, "plain": {"first"}, "words": {"two\nlines"},
	}
	if diff := cmp.Diff(want, query(t, s)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestForm_SendsWhatIsFilledIn(t *testing.T) {
	t.Parallel()
	s, p := newSurvey(t)
	submit(t, p, browser.Fields{
		"name": "Ada", "agree": "1", "news": "", "size": "l", "color": "red", "plain": "second", "words": "mine",
	}, "act=drop")
	want := url.Values{
		"secret": {"s3cret"}, "name": {"Ada"}, "fixed": {"fixed"}, "agree": {"1"}, "size": {"l"},
		"color": {"red"}, "plain": {"second"}, "words": {"mine"}, "act": {"drop"},
	}
	if diff := cmp.Diff(want, query(t, s)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestForm_ButtonMaySendItElsewhere(t *testing.T) {
	t.Parallel()
	s, p := newSurvey(t)
	next := submit(t, p, browser.Fields{"name": ""}, "Skip it")
	if next.Text() != "skipped" || query(t, s).Get("act") != "skip" {
		t.Errorf("got %q, %v, want skipped", next.Text(), query(t, s))
	}
}

func TestForm_GetPutsItInTheAddress(t *testing.T) {
	t.Parallel()
	_, p := newSurvey(t)
	if next := submit(t, p, browser.Fields{"q": "ä b"}, ""); next.URL.RequestURI() != "/other?q=%C3%A4+b" {
		t.Errorf("got %s, want /other?q=%%C3%%A4+b", next.URL)
	}
}

func TestForm_ImpossibleInputIsAnError(t *testing.T) {
	t.Parallel()
	_, p := newSurvey(t)
	for name, c := range map[string]struct {
		fields browser.Fields
		button string
	}{
		"a field that is not there":      {browser.Fields{"nothing": "x"}, ""},
		"a hidden field":                 {browser.Fields{"secret": "x"}, ""},
		"a field for reading":            {browser.Fields{"fixed": "x"}, ""},
		"a field that is switched off":   {browser.Fields{"off": "x"}, ""},
		"a field in a set switched off":  {browser.Fields{"shut": "x"}, ""},
		"fields of two forms":            {browser.Fields{"q": "x", "name": "x"}, ""},
		"a required field left empty":    {browser.Fields{"name": ""}, "Send"},
		"a choice that is not offered":   {browser.Fields{"size": "xl"}, ""},
		"an option that is not offered":  {browser.Fields{"color": "blue"}, ""},
		"a box with another value":       {browser.Fields{"agree": "yes"}, ""},
		"a button that is not there":     {nil, "Gone"},
		"a button that sends no form":    {nil, "Never"},
		"a button of another form":       {browser.Fields{"q": "x"}, "Send"},
		"a button by another's own name": {nil, "act=other"},
	} {
		_, err := p.Submit(t.Context(), c.fields, c.button)
		if err == nil || !strings.Contains(err.Error(), "Survey") {
			t.Errorf("%s: got error %v, want one about the page Survey", name, err)
		}
	}
}

func TestPage_HasItsFields(t *testing.T) {
	t.Parallel()
	_, p := newSurvey(t)
	for name, want := range map[string]bool{"name": true, "q": true, "secret": false, "fixed": false, "none": false} {
		if got := p.Has(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]string{"secret": "s3cret", "name": "a default", "color": "g", "words": "two\nlines"} {
		if got, ok := p.Value(name); !ok || got != want {
			t.Errorf("%q: got %q, %v, want %q", name, got, ok, want)
		}
	}
	if diff := cmp.Diff([]string{"Send", "Drop", "Skip it"}, p.Buttons()); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestForm_MissingIsAnError(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", "<p>Nothing to do")
	p := open(t, browser.New(transport{s}), "https://a.example.com/")
	if _, err := p.Submit(t.Context(), nil, ""); err == nil || !strings.Contains(err.Error(), "Nothing to do") {
		t.Errorf("got error %v, want Nothing to do", err)
	}
}

func TestPage_FieldsAreFoundByLabel(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", `<form><label for=a>Name <span>(optional)</span></label><input id=a name=f1>
		<label><input type=checkbox name=f2> <span>Agree</span></label><label for=gone>Gone</label></form>`)
	p := open(t, browser.New(transport{s}), "https://a.example.com/")
	for label, want := range map[string]string{"Name": "f1", "Agree": "f2", "Gone": "", "Unknown": ""} {
		if got, found := p.Labelled(label); got != want || found != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", label, got, found, want)
		}
	}
}

func TestScript_SendsTheHiddenField(t *testing.T) {
	t.Parallel()
	s, p := newSurvey(t)
	if v, found := p.Attribute("novalidate"); found {
		t.Fatalf("got novalidate=%q, want none", v)
	}
	if v, found := p.Attribute("method"); !found || v != "post" {
		t.Errorf("got method %q, want post", v)
	}
	next, err := p.Script(t.Context(), "secret", "said & done")
	if err != nil || next.Text() != "thanks" {
		t.Fatalf("got %v, %v, want thanks", next, err)
	}
	if got := query(t, s); got.Get("secret") != "said & done" || got.Has("act") || got.Get("name") != "a default" {
		t.Errorf("got %v, want the script's value and the defaults", got)
	}
	for _, field := range []string{"name", "nothing", "never"} {
		if _, err := p.Script(t.Context(), field, "x"); err == nil || !strings.Contains(err.Error(), "no hidden field") {
			t.Errorf("%s: got error %v, want no hidden field", field, err)
		}
	}
}

// TestScript_RequiredFieldsAreNotChecked: a browser checks them before a person
// sends a form, and not before a script does.
func TestScript_RequiredFieldsAreNotChecked(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/page", "<form method=post action=/answer><input type=hidden name=key><input name=name required><button>Go</button></form><noscript><p>No scripts</p></noscript>")
	s.page("/answer", "thanks")
	p := open(t, browser.New(transport{s}), "https://a.example.com/page")
	if _, err := p.Submit(t.Context(), nil, ""); err == nil {
		t.Error("got no error for a form without a required field")
	}
	if next, err := p.Script(t.Context(), "key", "x"); err != nil || next.Text() != "thanks" {
		t.Errorf("got %v, %v, want thanks", next, err)
	}
	if !strings.Contains(p.Text(), "\nNo scripts") {
		t.Errorf("got %q, want the text for browsers without scripts", p.Text())
	}
}

func TestPut_IsSentWithTheForm(t *testing.T) {
	t.Parallel()
	s, p := newSurvey(t)
	if err := p.Put("secret", "put"); err != nil {
		t.Fatal(err)
	}
	submit(t, p, browser.Fields{"name": "Ada"}, "")
	if got := query(t, s); got.Get("secret") != "put" || got.Get("name") != "Ada" {
		t.Errorf("got %v, want the script's value and the name", got)
	}
	if err := p.Put("name", "x"); err == nil {
		t.Error("got no error for a field that is not hidden")
	}
}
