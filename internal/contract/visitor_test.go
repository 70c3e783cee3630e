package contract

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A visitor is a person at one browser, who knows only what pages show.
type visitor struct {
	testing.TB
	site    *site
	browser *browser.Browser
}

// A page is what the visitor has in front of them.
type page struct {
	*browser.Page
	visitor *visitor
}

// open loads an address of the site.
func (v *visitor) open(path string) page {
	v.Helper()
	p, err := v.browser.Open(v.Context(), v.site.url+path)
	if err != nil {
		v.Fatal(err)
	}
	return page{p, v}
}

// enter sends the form that has these fields. They come in pairs: the name
// of a field, or the label of a prompt, and what to fill in.
func (p page) enter(pairs ...string) page {
	p.visitor.Helper()
	fields := browser.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i]
		if labelled, found := p.Labelled(name); found && !p.Has(name) {
			name = labelled
		}
		fields[name] = pairs[i+1]
	}
	next, err := p.Submit(p.visitor.Context(), fields, "")
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// press presses a button.
func (p page) press(button string) page {
	p.visitor.Helper()
	next, err := p.Submit(p.visitor.Context(), nil, button)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// click follows the link of that text.
func (p page) click(link string) page {
	p.visitor.Helper()
	next, err := p.Follow(p.visitor.Context(), link)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// identify names a user of the scenario and, in two steps, their password.
func (p page) identify(user string) page {
	p.visitor.Helper()
	return p.enter("uid_field", p.visitor.site.of(user))
}

func (p page) password(password string) page {
	p.visitor.Helper()
	return p.asks("password").enter("password", password)
}

// signIn gives name and password, one after the other.
func (p page) signIn(user string) page {
	p.visitor.Helper()
	return p.identify(user).password(p.visitor.site.password)
}

// signsIn reports whether the page is of a sign-in.
func (p page) signsIn() bool { return strings.HasPrefix(p.URL.Path, "/.authentik/login") }

// asks holds the page to be a question of the gate with that field.
func (p page) asks(field string) page {
	p.visitor.Helper()
	if p.Status != 200 || !p.signsIn() || !p.Has(field) {
		p.fatal("does not ask for %s", field)
	}
	return p
}

// shows holds the page to have a text on it.
func (p page) shows(text string) page {
	p.visitor.Helper()
	if !strings.Contains(p.Text(), text) {
		p.fatal("does not show %q", text)
	}
	return p
}

// alarms holds the page to raise an alarm with that text.
func (p page) alarms(text string) page {
	p.visitor.Helper()
	if !slices.ContainsFunc(p.Errors(), func(e string) bool { return strings.Contains(e, text) }) {
		p.fatal("raises no alarm about %q but %q", text, p.Errors())
	}
	return p
}

// calm holds the page to raise no alarm.
func (p page) calm() page {
	p.visitor.Helper()
	if errs := p.Errors(); len(errs) > 0 {
		p.fatal("raises an alarm: %q", errs)
	}
	return p
}

// greets holds the page to be the application's, at that address, which knows
// the user.
func (p page) greets(user, path string) page {
	p.visitor.Helper()
	want := p.visitor.site.of(user)
	if p.Status != 200 || p.Title() != "Application" || p.Heading() != "Hello "+want || p.URL.RequestURI() != path {
		p.fatal("is not the application's at %s, greeting %s", path, want)
	}
	return p
}

// refused holds the page to be the gate's, and to refuse.
func (p page) refused(status int) page {
	p.visitor.Helper()
	if p.Status != status || p.Title() == "Application" {
		p.fatal("is no refusal with status %d", status)
	}
	return p
}

// stands holds the page to be that question of authentik's.
func (p page) stands(component string) page {
	p.visitor.Helper()
	if at, _ := p.Value("component"); at != component {
		p.fatal("is no %s but %q", component, at)
	}
	return p
}

// notes holds the page to mention something by the way.
func (p page) notes() page {
	p.visitor.Helper()
	if len(p.Notices()) == 0 {
		p.fatal("mentions nothing by the way")
	}
	return p
}

// begins presses the button whose text begins like that.
func (p page) begins(text string) page {
	p.visitor.Helper()
	for _, button := range p.Buttons() {
		if strings.HasPrefix(button, text) {
			return p.press(button)
		}
	}
	p.fatal("has no button %q but %q", text, p.Buttons())
	return p
}

// follow clicks a link in a mail, which must lead to a flow on this site. The mail
// is read on the page of another site, as most are.
func (v *visitor) follow(m message, flow string) page {
	v.Helper()
	if !strings.HasPrefix(m.link(), v.site.url+"/if/flow/"+v.site.of(flow)+"/?") {
		v.Fatalf("The link %q does not lead to the flow %s on this site %s.", m.link(), v.site.of(flow), v.site.url)
	}
	mails := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Mail</title><a href="%s">Open</a>`, html.EscapeString(m.link()))
	}))
	defer mails.Close()
	mail, err := v.browser.Open(v.Context(), mails.URL)
	if err != nil {
		v.Fatal(err)
	}
	return page{mail, v}.click("Open")
}

func (p page) fatal(format string, args ...any) {
	p.visitor.Helper()
	p.visitor.Fatalf("The page at %s (status %d) %s. It says:\n%s", p.URL, p.Status, fmt.Sprintf(format, args...), p.Text())
}

// signOut leaves the application.
func (v *visitor) signOut() {
	v.Helper()
	p := v.open("/.authentik/logout").press("")
	p.calm()
	if p = v.open("/"); !p.signsIn() {
		p.fatal("is shown after signing out")
	}
}

// secret reads the key of an authenticator app off the page.
func (p page) secret() string {
	p.visitor.Helper()
	shown := p.Texts("secret")
	if len(shown) != 1 || shown[0] == "" {
		p.fatal("shows no secret")
	}
	return strings.Join(strings.Fields(shown[0]), "")
}

// codes reads recovery codes off the page.
func (p page) codes() []string {
	p.visitor.Helper()
	shown := p.Texts("codes")
	if len(shown) != 1 || shown[0] == "" {
		p.fatal("shows no codes")
	}
	return strings.Fields(shown[0])
}

// code is what an authenticator app shows now.
func (v *visitor) code(secret string) string {
	v.Helper()
	code, err := totp.GenerateCode(secret, v.site.authentikNow())
	if err != nil {
		v.Fatal(err)
	}
	return code
}
