package page

import (
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/google/go-cmp/cmp"
)

func TestPrompt_SendsWhatEachFieldAccepts(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		field string // type and requirement of the field k
		form  []string
		want  map[string]any
		wrong bool
	}{
		"text":                              {`"type":"text","required":true`, []string{"field.k", " x "}, map[string]any{"k": " x "}, false},
		"no text":                           {`"type":"text"`, nil, map[string]any{"k": ""}, false},
		"a name without our prefix":         {`"type":"text"`, []string{"k", "x"}, map[string]any{"k": ""}, false},
		"lines":                             {`"type":"text_area"`, []string{"field.k", "a\r\nb"}, map[string]any{"k": "a\nb"}, false},
		"read-only text":                    {`"type":"text_read_only","initial_value":"a"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"read-only lines":                   {`"type":"text_area_read_only"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"hidden":                            {`"type":"hidden","initial_value":"a"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"a separator":                       {`"type":"separator"`, []string{"field.k", "x"}, map[string]any{}, false},
		"static text":                       {`"type":"static"`, []string{"field.k", "x"}, map[string]any{}, false},
		"a file that is a text":             {`"type":"file"`, []string{"field.k", "data:text/html;base64,"}, map[string]any{}, false},
		"a user name":                       {`"type":"username","required":true`, []string{"field.k", " jane "}, map[string]any{"k": "jane"}, false},
		"no user name where one is due":     {`"type":"username","required":true`, nil, map[string]any{"k": ""}, false},
		"no user name where none is due":    {`"type":"username"`, nil, map[string]any{}, false},
		"a password":                        {`"type":"password"`, []string{"field.k", " x"}, map[string]any{"k": " x"}, false},
		"no password where none is due":     {`"type":"password"`, nil, map[string]any{}, false},
		"a number":                          {`"type":"number"`, []string{"field.k", " 42 "}, map[string]any{"k": "42"}, false},
		"no number":                         {`"type":"number"`, nil, map[string]any{}, false},
		"no number any more":                {`"type":"number","initial_value":"7"`, []string{"field.k", ""}, nil, true},
		"no number but an expression":       {`"type":"number","initial_value":"return nope"`, []string{"field.k", ""}, map[string]any{}, false},
		"no name any more":                  {`"type":"username","initial_value":"jane"`, []string{"field.k", " "}, nil, true},
		"no date any more":                  {`"type":"date","initial_value":"2026-05-01"`, []string{"field.k", ""}, nil, true},
		"no date where one is due":          {`"type":"date","required":true,"initial_value":"2026-05-01"`, []string{"field.k", ""}, map[string]any{"k": ""}, false},
		"no text any more":                  {`"type":"text","initial_value":"x"`, []string{"field.k", ""}, map[string]any{"k": ""}, false},
		"no address":                        {`"type":"email"`, []string{"field.k", ""}, map[string]any{"k": ""}, false},
		"no date":                           {`"type":"date"`, nil, map[string]any{}, false},
		"a date":                            {`"type":"date"`, []string{"field.k", "2026-05-01"}, map[string]any{"k": "2026-05-01"}, false},
		"a time":                            {`"type":"date-time"`, []string{"field.k", "2026-05-01T12:30"}, map[string]any{"k": "2026-05-01T12:30"}, false},
		"a checked box":                     {`"type":"checkbox"`, []string{"field.k", "1"}, map[string]any{"k": true}, false},
		"a cleared box":                     {`"type":"checkbox","initial_value":"True"`, nil, map[string]any{"k": false}, false},
		"a choice":                          {`"type":"dropdown","choices":["a","b"]`, []string{"field.k", "b"}, map[string]any{"k": "b"}, false},
		"a choice of objects":               {`"type":"radio-button-group","choices":[{"value":"a","label":"A"}]`, []string{"field.k", "a"}, map[string]any{"k": "a"}, false},
		"a choice that is not offered":      {`"type":"dropdown","choices":["a","b"]`, []string{"field.k", "c"}, nil, true},
		"no choice where one is due":        {`"type":"dropdown","required":true,"choices":["a"]`, nil, nil, true},
		"no choice where none is due":       {`"type":"radio-button-group","choices":["a"]`, nil, map[string]any{}, false},
		"no choice where one would be made": {`"type":"radio-button-group","initial_value":"{'value': 'a'}","choices":[{"value":"a","label":"A"}]`, nil, nil, true},
		"a choice of nothing":               {`"type":"dropdown","required":true,"choices":null`, nil, map[string]any{}, false},
		"a language":                        {`"type":"ak-locale"`, []string{"field.k", "de-DE"}, map[string]any{"k": "de-DE"}, false},
		"the browser's language":            {`"type":"ak-locale"`, nil, map[string]any{"k": ""}, false},
		"an unknown type":                   {`"type":"colour"`, []string{"field.k", "red"}, map[string]any{"k": "red"}, false},
		"an unknown type with HTML":         {`"type":"alert_success","initial_value":"<p>Well done</p>"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"an alert":                          {`"type":"alert_info","initial_value":"Hello"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"a warning":                         {`"type":"alert_warning","initial_value":"<b>Hello</b>"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"a danger":                          {`"type":"alert_danger"`, []string{"field.k", "forged"}, map[string]any{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := challengeOf(t, `,"fields":[{"field_key":"k",`+row.field+`}]`, flowclient.ComponentPrompt)
			got, wrong := Read(c, formOf(c, row.form...))
			if (wrong != nil) != row.wrong {
				t.Fatalf("got mistake %+v, want none", wrong)
			}
			if wrong != nil {
				return
			}
			if diff := cmp.Diff(row.want, got.(flowclient.PromptAnswer).Values); diff != "" { //nolint:forcetypeassert // A test may panic.
				t.Error(diff)
			}
		})
	}
}

func TestPrompt_BothPasswordsAreSent(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, `,"fields":[{"field_key":"a","type":"password"},{"field_key":"b","type":"password"}]`, flowclient.ComponentPrompt)
	got, _ := Read(c, formOf(c, "field.a", "x"))
	want := flowclient.PromptAnswer{Values: map[string]any{"a": "x", "b": ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want both passwords", got)
	}
}

func TestPrompt_FileIsSentAsADataURI(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, `,"fields":[{"field_key":"a.b","type":"file","required":true}]`, flowclient.ComponentPrompt)
	for kind, want := range map[string]string{
		"image/png":                  "image/png",
		"Text/Plain; charset=utf-8":  "text/plain",
		"image/svg+xml":              "image/svg+xml",
		"":                           "application/octet-stream",
		"png":                        "application/octet-stream",
		"text/html,<script>":         "application/octet-stream",
		"text/html;base64,x":         "application/octet-stream",
		"a/b c":                      "application/octet-stream",
		"a/b\r\nc":                   "application/octet-stream",
		"text/%2c":                   "application/octet-stream",
		`text/plain; charset="x;,y"`: "text/plain",
	} {
		form := formOf(c)
		form.Files = map[string]File{"field.a.b": {Type: kind, Body: []byte("hello")}}
		got, wrong := Read(c, form)
		answer, ok := got.(flowclient.PromptAnswer)
		if wrong != nil || !ok {
			t.Fatalf("%q: got %T, mistake %+v", kind, got, wrong)
		}
		if sent := answer.Values["a.b"]; sent != "data:"+want+";base64,aGVsbG8=" {
			t.Errorf("%q: got %v", kind, sent)
		}
	}
}

func TestPrompt_MissingFileIsLeftOut(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, `,"fields":[{"field_key":"k","type":"file","required":true}]`, flowclient.ComponentPrompt)
	for name, files := range map[string]map[string]File{
		"none": nil, "an empty one": {"field.k": {Type: "image/png"}}, "another field's": {"k": {Body: []byte("x")}},
	} {
		form := formOf(c)
		form.Files = files
		got, wrong := Read(c, form)
		if diff := cmp.Diff(flowclient.Answer(flowclient.PromptAnswer{Values: map[string]any{}}), got); diff != "" || wrong != nil {
			t.Errorf("%s: got mistake %v\n%s", name, wrong, diff)
		}
	}
}

func TestPrompt_LargeFileIsAMistakeWithTheLimit(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, `,"fields":[{"field_key":"k","type":"file"}]`, flowclient.ComponentPrompt)
	form := formOf(c)
	form.Files = map[string]File{"field.k": {Type: "image/png", Limit: 8 << 20}}
	got, wrong := Read(c, form)
	if got != nil || wrong == nil || wrong.Field != "k" || english.Text(wrong.Name, wrong.Pairs...) != english.Text("file_too_large", "Megabytes", 8) {
		t.Errorf("got %v, mistake %+v", got, wrong)
	}
}

const oneOfEach = `,"fields":[
	{"field_key":"p","type":"password","label":"Password","initial_value":"hunter2"},
	{"field_key":"n","type":"number","label":"Number","initial_value":"-7"},
	{"field_key":"e","type":"number","label":"Expression","initial_value":"return 1/0"},
	{"field_key":"d","type":"date-time","label":"When","initial_value":"2026-05-01 12:30:15+00:00"},
	{"field_key":"s","type":"static","label":"Not shown","sub_text":"Not shown either","initial_value":"<h1 onclick=alert(1)>Hello <i>you</i></h1>"},
	{"field_key":"l","type":"separator","label":"Not shown","placeholder":"More","sub_text":"Not shown either"},
	{"field_key":"h","type":"hidden","label":"Not shown","initial_value":"Not shown either"},
	{"field_key":"t","type":"checkbox","label":"I accept","required":true,"sub_text":"<a href='https://example.com/terms'>The terms</a>"},
	{"field_key":"o","type":"dropdown","label":"Maybe","initial_value":"","choices":["a"]},
	{"field_key":"x","type":"dropdown","label":"Odd","initial_value":"{'value': 'a'}","choices":[{"value":"a","label":"A"}]},
	{"field_key":"i","type":"dropdown","label":"Set","initial_value":"a","choices":["a","b"]},
	{"field_key":"f","type":"file","label":"Picture","required":true}]`

func TestPrompt_FieldsAreRenderedAsByAuthentik(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentPrompt, oneOfEach+`,"pending_user":"jane"`, nil, nil)
	has(t, page,
		`enctype="multipart/form-data"`,
		`value="jane" autocomplete="username"`, `autocomplete="new-password"`,
		`type="number" value="-7" step="1"`, `<input type="number" value="" step="1" id="f2"`,
		`type="datetime-local" value="2026-05-01T12:30:15" step="1"`,
		`<div class="rich"><h2>Hello <i>you</i></h2></div>`,
		`<input type="checkbox" id="f7" name="field.t" value="1" aria-describedby="f7-help">`,
		`<div class="hint rich" id="f7-help"><a href="https://example.com/terms" rel="nofollow noreferrer noopener" target="_blank">The terms</a></div>`,
		"<option value=\"\"></option>\n<option value=\"a\">a</option>",
		`<option value="">`+english.Text("prompt_choose")+`</option>`,
		"name=\"field.i\" autocomplete=\"off\">\n<option value=\"a\" selected>a</option>",
		`<input type="file" id="f11" name="field.f" required>`)
	lacks(t, page, "Not shown", "hunter2", "1/0", "onclick")
}

// TestPrompt_AlertsAreTextThatStandsOut is about three types of authentik 2026.8.
func TestPrompt_AlertsAreTextThatStandsOut(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentPrompt, `,"fields":[
		{"field_key":"i","type":"alert_info","label":"No","initial_value":"On <b>Friday</b><script>x</script>","sub_text":"No help"},
		{"field_key":"w","type":"alert_warning","initial_value":"Soon"},
		{"field_key":"d","type":"alert_danger","initial_value":"<em>Never</em>","required":true},
		{"field_key":"u","type":"alert_success","initial_value":"<p>Well done</p>"}]`, nil, nil)
	has(t, page,
		`<div class="rich note info" role="note">On <b>Friday</b></div>`,
		`<div class="rich note warning" role="alert">Soon</div>`,
		`<div class="rich note danger" role="alert"><em>Never</em></div>`,
		`<div class="rich"><p>Well done</p></div>`,
		`<button autofocus>`)
	lacks(t, page, `type="text"`, "script>x", "No help", "field.")
}

func TestPrompt_NewPasswordHasAUsernameField(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]bool{
		`{"field_key":"p","type":"password"}`:                                            true,
		`{"field_key":"p","type":"password"},{"field_key":"username","type":"username"}`: false,
		`{"field_key":"p","type":"text"}`:                                                false,
	} {
		for _, user := range []string{"jane", ""} {
			page := drawnPage(t, flowclient.ComponentPrompt, `,"pending_user":"`+user+`","fields":[`+fields+`]`, nil, nil)
			if got := strings.Contains(page, `name="username"`); got != (want && user != "") {
				t.Errorf("%s for user %q: got a username field: %v", fields, user, got)
			}
		}
	}
}

func TestPrompt_RefusedFormSaysThatTheFileIsGone(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, oneOfEach+`,"response_errors":{"n":[{"string":"A valid integer is required."}]}`, flowclient.ComponentPrompt)
	draw := func(files map[string][]*multipart.FileHeader) string {
		r := httptest.NewRequest(http.MethodPost, "/.authentik/login", nil)
		r.PostForm = url.Values{"component": {"ak-stage-prompt"}, "field.n": {"x"}, "field.f": {""}}
		r.MultipartForm = &multipart.Form{File: files}
		w := httptest.NewRecorder()
		if err := testPages(t).Ask(w, r, questionOf(c)); err != nil {
			t.Fatal(err)
		}
		checkPage(t, w.Body.String())
		return w.Body.String()
	}
	again := `<p class="hint plain" id="f11-hint">` + english.Text("file_again")
	has(t, draw(map[string][]*multipart.FileHeader{"field.f": {{}}}), again, `aria-describedby="f11-hint"`)
	lacks(t, draw(nil), again)
	kept := drawnPage(t, flowclient.ComponentPrompt, `,"fields":[{"field_key":"f","type":"file","required":true,"initial_value":"data:text/plain;base64,eA=="}]`, nil, nil)
	has(t, kept, english.Text("file_kept"))
	lacks(t, kept, "required", "eA==")
}
