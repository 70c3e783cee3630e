package signon

import (
	"net/url"
	"strings"
	"testing"
)

var fields = Options{User: Field{Name: "user"}, Password: Field{Name: "pass"}}

func TestForm_IsFilledInAsByABrowser(t *testing.T) {
	t.Parallel()
	const credentials = `<input name=user><input type=password name=pass>`
	for name, test := range map[string]struct{ page, want string }{
		"plain":                     {`<form method=post>` + credentials + `</form>`, "pass=secret&user=jane"},
		"hidden fields and tokens":  {`<form method=post><input type=hidden name=csrf value="a&amp;b">` + credentials + `</form>`, "csrf=a%26b&pass=secret&user=jane"},
		"the first button":          {`<form method=post>` + credentials + `<button name=go value=in>In</button><input type=submit name=other value=x></form>`, "go=in&pass=secret&user=jane"},
		"a first button, unnamed":   {`<form method=post>` + credentials + `<button>In</button><input type=submit name=forgot value=x></form>`, "pass=secret&user=jane"},
		"checkboxes":                {`<form method=post>` + credentials + `<input type=checkbox name=stay checked><input type=checkbox name=no><input type=radio name=r value=1><input type=radio name=r value=2 checked></form>`, "pass=secret&r=2&stay=on&user=jane"},
		"a choice":                  {`<form method=post>` + credentials + `<select name=realm><option>local<option value=ldap selected>LDAP<option value=x>X</select></form>`, "pass=secret&realm=ldap&user=jane"},
		"a choice, none selected":   {`<form method=post>` + credentials + `<select name=realm><option value=a>A</option><option value=b>B</option></select></form>`, "pass=secret&realm=a&user=jane"},
		"the text of an option":     {`<form method=post>` + credentials + `<select name=realm><option>local</option><option>ldap</option></select></form>`, "pass=secret&realm=local&user=jane"},
		"a text":                    {`<form method=post>` + credentials + `<textarea name=t>1 &lt; 2</textarea></form>`, "pass=secret&t=1+%3C+2&user=jane"},
		"disabled fields":           {`<form method=post>` + credentials + `<input name=no value=x disabled></form>`, "pass=secret&user=jane"},
		"fields that are not sent":  {`<form method=post>` + credentials + `<input type=reset name=a value=x><input type=button name=b value=x><input type=file name=c></form>`, "pass=secret&user=jane"},
		"a form around table rows":  {`<table><form method=post><tr><td><input name=user></td></tr><tr><td><input type=password name=pass></td></tr></form></table>`, "pass=secret&user=jane"},
		"a field outside":           {`<form method=post id=f>` + credentials + `</form><input type=hidden name=out value=1 form=f><input name=stray value=1>`, "out=1&pass=secret&user=jane"},
		"another form beside":       {`<form action=/search><input name=q></form><form method=post>` + credentials + `</form>`, "pass=secret&user=jane"},
		"a form in a comment":       {`<!-- <form method=post>` + credentials + `</form> --><form method=post>` + credentials + `</form>`, "pass=secret&user=jane"},
		"a form in a script":        {`<script>var x = '<form method=post>` + credentials + `</form>'</script><form method=post>` + credentials + `</form>`, "pass=secret&user=jane"},
		"a name that is filled in":  {`<form method=post><input name=user value=joe required><input type=password name=pass value=x required></form>`, "pass=secret&user=jane"},
		"upper case":                {`<FORM METHOD=POST><INPUT NAME=user><INPUT TYPE=PASSWORD NAME=pass></FORM>`, "pass=secret&user=jane"},
		"an attribute twice":        {`<form method=post><input name=user name=other><input type=password name=pass></form>`, "pass=secret&user=jane"},
		"a form inside another one": {`<form method=post>` + credentials + `<form action=//evil.example></form>`, "pass=secret&user=jane"},
	} {
		d, err := readDocument([]byte(test.page))
		if err != nil {
			t.Fatal(err)
		}
		form, err := loginFormOf(d, "pass")
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
			continue
		}
		got, err := form.fill("jane", "secret", fields)
		if err != nil || got.Encode() != test.want {
			t.Errorf("%s: got %s, %v, want %s", name, got.Encode(), err, test.want)
		}
	}
}

func TestForm_ThatCannotBeFilledInIsRefused(t *testing.T) {
	t.Parallel()
	const login = `<form method=post><input name=user><input type=password name=pass></form>`
	for name, test := range map[string]struct{ page, want string }{
		"no form":                  {`<p>Hello`, "no form"},
		"another password":         {`<form><input type=password name=other></form>`, "no form"},
		"a text instead":           {`<form><input name=pass></form>`, "no form"},
		"two forms":                {login + login, "2 forms"},
		"no name":                  {`<form><input type=password name=pass></form>`, "no field"},
		"a hidden name":            {`<form><input type=hidden name=user><input type=password name=pass></form>`, "no field"},
		"something else to answer": {`<form><input name=user><input type=password name=pass><input name=captcha required></form>`, "captcha"},
		"a password outside":       {`<form></form><input type=password name=pass>`, "no form"},
	} {
		d, err := readDocument([]byte(test.page))
		if err != nil {
			t.Fatal(err)
		}
		form, err := loginFormOf(d, "pass")
		if err == nil {
			_, err = form.fill("jane", "secret", fields)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, test.want)
		}
	}
}

// TestForm_GoesOnlyToItsPath: a page with a form that leads elsewhere, as an
// attacker could have the application show, does not get the password there.
func TestForm_GoesOnlyToItsPath(t *testing.T) {
	t.Parallel()
	asked := &url.URL{Path: "/app/login", RawQuery: "next=/x"}
	app := &url.URL{Path: "/login"}
	for _, test := range []struct{ base, action, want string }{
		{"", "", "/login?next=%2Fx"},
		{"", "login", "/login"},
		{"", "/app/login?next=//evil.example", "/login?next=//evil.example"},
		{"", "check", "/check"},
		{"", "https://app.example.com/app/check", "/check"},
		{"/app/", "check", "/check"},
		{"", "/app/other", ""},
		{"", "/login", "/login"},
		{"", "//evil.example/app/login", ""},
		{"", "https://evil.example/app/login", ""},
		{"", "http://app.example.com/app/login", ""},
		{"", `\\evil.example/app/login`, ""},
		{"https://evil.example/app/", "login", ""},
		{"//evil.example/", "/app/login", ""},
		{"", "javascript:alert(1)", ""},
		{"", "data:text/html,/login", ""},
		{"", "/app/login/../check", "/check"},
		{"", "%zz", ""},
	} {
		a := attempt{Options: Options{Page: "/login", Post: "/check"}, origin: "https://app.example.com", asked: asked}
		a.request = newRequest(t, app)
		got, err := a.action(&document{base: test.base}, &loginForm{action: test.action, method: "post"})
		switch {
		case test.want == "" && err == nil:
			t.Errorf("%+v: got %s, want it refused", test, got)
		case test.want != "" && err != nil:
			t.Errorf("%+v: got error %v, want none", test, err)
		case test.want != "" && got.Path != strings.SplitN(test.want, "?", 2)[0]:
			t.Errorf("%+v: got %s", test, got)
		}
	}
	for _, form := range []loginForm{{method: "get"}, {method: ""}, {method: "post", encoding: "text/plain"}} {
		a := attempt{Options: Options{Page: "/login", Post: "/check"}, origin: "https://app.example.com", asked: asked}
		a.request = newRequest(t, app)
		if got, err := a.action(&document{}, &form); err == nil {
			t.Errorf("%+v: got %s, want it refused", form, got)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, page := range []string{
		`<form method=post><input name=user><input type=password name=pass></form>`,
		`<select><option><textarea><form>`, `<form><select name=a><option>x<input type=password name=pass>`,
	} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		d, err := readDocument([]byte(page))
		if err != nil {
			return
		}
		form, err := loginFormOf(d, "pass")
		if err != nil {
			return
		}
		if sent, err := form.fill("jane", "secret", fields); err == nil && (sent.Get("user") != "jane" || sent.Get("pass") != "secret") {
			t.Errorf("got %v", sent)
		}
	})
}
