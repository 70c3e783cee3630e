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

// A page is the page that the visitor's browser shows.
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

// enter submits the form that has these fields, given as pairs: the name of a
// field, or the label of a prompt, and its value.
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

// press submits the form by a button with that text.
func (p page) press(button string) page {
	p.visitor.Helper()
	next, err := p.Submit(p.visitor.Context(), nil, button)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// click follows the link with that text.
func (p page) click(link string) page {
	p.visitor.Helper()
	next, err := p.Follow(p.visitor.Context(), link)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// identify enters the name of a user of the scenario.
func (p page) identify(user string) page {
	p.visitor.Helper()
	return p.enter("uid_field", p.visitor.site.unique(user))
}

func (p page) password(password string) page {
	p.visitor.Helper()
	return p.asksFor("password").enter("password", password)
}

// signIn enters name and password, one after the other.
func (p page) signIn(user string) page {
	p.visitor.Helper()
	return p.identify(user).password(p.visitor.site.password)
}

// isSignIn reports whether the page is the gate's sign-in page.
func (p page) isSignIn() bool { return strings.HasPrefix(p.URL.Path, "/.authentik/login") }

// asksFor fails the test unless the page is the gate's sign-in page with that
// field.
func (p page) asksFor(field string) page {
	p.visitor.Helper()
	if p.Status != 200 || !p.isSignIn() || !p.Has(field) {
		p.fatal("is not a sign-in page with the field %s", field)
	}
	return p
}

// shows fails the test unless the page has that text.
func (p page) shows(text string) page {
	p.visitor.Helper()
	if !strings.Contains(p.Text(), text) {
		p.fatal("does not show %q", text)
	}
	return p
}

// showsError fails the test unless the page shows an error with that text.
func (p page) showsError(text string) page {
	p.visitor.Helper()
	if !slices.ContainsFunc(p.Errors(), func(e string) bool { return strings.Contains(e, text) }) {
		p.fatal("shows the errors %q, want one with %q", p.Errors(), text)
	}
	return p
}

// showsNoError fails the test if the page shows an error.
func (p page) showsNoError() page {
	p.visitor.Helper()
	if errs := p.Errors(); len(errs) > 0 {
		p.fatal("shows the errors %q, want none", errs)
	}
	return p
}

// greets fails the test unless the page is the application's, at that path, with
// the user signed in.
func (p page) greets(user, path string) page {
	p.visitor.Helper()
	want := p.visitor.site.unique(user)
	if p.Status != 200 || p.Title() != "Application" || p.Heading() != "Hello "+want || p.URL.RequestURI() != path {
		p.fatal("is not the application's page at %s with %s signed in", path, want)
	}
	return p
}

// isRefused fails the test unless the page is not the application's and has that
// status.
func (p page) isRefused(status int) page {
	p.visitor.Helper()
	if p.Status != status || p.Title() == "Application" {
		p.fatal("is not a refusal with status %d", status)
	}
	return p
}

// isChallenge fails the test unless the page is the challenge of that component.
func (p page) isChallenge(component string) page {
	p.visitor.Helper()
	if at, _ := p.Value("component"); at != component {
		p.fatal("has the challenge %q, want %s", at, component)
	}
	return p
}

// showsNotice fails the test unless the page shows a notice that is not an error.
func (p page) showsNotice() page {
	p.visitor.Helper()
	if len(p.Notices()) == 0 {
		p.fatal("shows no notice, want one")
	}
	return p
}

// pressStarting presses the button whose text starts with text.
func (p page) pressStarting(text string) page {
	p.visitor.Helper()
	for _, button := range p.Buttons() {
		if strings.HasPrefix(button, text) {
			return p.press(button)
		}
	}
	p.fatal("has the buttons %q, want one that starts with %q", p.Buttons(), text)
	return p
}

// follow clicks the link of a mail, which must lead to a flow on this site. The
// mail is shown on a page of another site, as in a web mailer, so that the request
// is cross-site.
func (v *visitor) follow(m message, flow string) page {
	v.Helper()
	if !strings.HasPrefix(m.link(), v.site.url+"/if/flow/"+v.site.unique(flow)+"/?") {
		v.Fatalf("got the link %q in the mail, want one to the flow %s on %s", m.link(), v.site.unique(flow), v.site.url)
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
	p.visitor.Fatalf("the page at %s (status %d) %s; its text is:\n%s", p.URL, p.Status, fmt.Sprintf(format, args...), p.Text())
}

// signOut signs out at the gate and checks that the application is closed.
func (v *visitor) signOut() {
	v.Helper()
	p := v.open("/.authentik/logout").press("")
	p.showsNoError()
	if p = v.open("/"); !p.isSignIn() {
		p.fatal("is shown after signing out, want the sign-in page")
	}
}

// secret returns the key for an authenticator app that the page shows.
func (p page) secret() string {
	p.visitor.Helper()
	shown := p.Texts("secret")
	if len(shown) != 1 || shown[0] == "" {
		p.fatal("shows no secret")
	}
	return strings.Join(strings.Fields(shown[0]), "")
}

// codes returns the recovery codes that the page shows.
func (p page) codes() []string {
	p.visitor.Helper()
	shown := p.Texts("codes")
	if len(shown) != 1 || shown[0] == "" {
		p.fatal("shows no codes")
	}
	return strings.Fields(shown[0])
}

// code returns the code that an authenticator app shows at authentik's time.
func (v *visitor) code(secret string) string {
	v.Helper()
	code, err := totp.GenerateCode(secret, v.site.authentikNow())
	if err != nil {
		v.Fatal(err)
	}
	return code
}
