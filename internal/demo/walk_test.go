package demo

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A walk is one person with a browser, and the components that they have seen.
type walk struct {
	*running
	browser *browser.Browser
	page    *browser.Page
	met     []flowclient.Component
}

// endingWords identify pages without a form by words that only they have.
var endingWords = map[string]flowclient.Component{
	"Your sign-in was not allowed.":             flowclient.ComponentAccessDenied,
	"give this request ID to the administrator": flowclient.ComponentFlowError,
	"The database is at lunch.":                 flowclient.ComponentShell,
	"To sign in with Apple, continue at":        flowclient.ComponentSourceApple,
	"SAMLResponse":                              flowclient.ComponentAutosubmit,
	"Your device is connected":                  flowclient.ComponentDeviceCodeFinish,
	"You have signed out of Wiki.":              flowclient.ComponentSessionEnd,
	"You need to visit another site":            flowclient.ComponentRedirect,
}

// at notes the page that the person is on.
func (w *walk) at(p *browser.Page, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("got error %v, want none, at:\n%s", err, w.page.Text())
	}
	w.page = p
	component, found := p.Value("component")
	if found {
		w.met = append(w.met, flowclient.Component(component))
	}
	for words, component := range endingWords {
		if !found && strings.Contains(p.Body, words) {
			w.met = append(w.met, component)
		}
	}
}

func (w *walk) open(address string) {
	w.Helper()
	w.at(w.browser.Open(w.Context(), address))
}

// enter sends the form with these fields, by their names or their labels.
func (w *walk) enter(pairs ...string) {
	w.Helper()
	fields := browser.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i]
		if labelled, found := w.page.Labelled(name); found && !w.page.Has(name) {
			name = labelled
		}
		fields[name] = pairs[i+1]
	}
	w.at(w.page.Submit(w.Context(), fields, ""))
}

// press presses the button that has a text on it.
func (w *walk) press(text string) {
	w.Helper()
	all := w.page.Buttons()
	i := slices.IndexFunc(all, func(button string) bool { return strings.Contains(button, text) })
	if i < 0 {
		w.Fatalf("got the buttons %q, want one with %q", all, text)
	}
	w.at(w.page.Submit(w.Context(), nil, all[i]))
}

// follow clicks the link that has a text in it.
func (w *walk) follow(text string) {
	w.Helper()
	w.at(w.page.Follow(w.Context(), text))
}

// script sends the form as a script of the page does after filling in a field.
func (w *walk) script(field, value string) {
	w.Helper()
	w.at(w.page.Script(w.Context(), field, value))
}

func (w *walk) signIn(username string) {
	w.Helper()
	w.open("http://" + w.gate + "/")
	w.enter("uid_field", username)
	w.enter("password", commonPassword)
}

// shows fails unless the page has this text.
func (w *walk) shows(text string) {
	w.Helper()
	if !strings.Contains(w.page.Text(), text) {
		w.Errorf("got\n%s\nwant %q in it", w.page.Text(), text)
	}
}

// stands fails unless the page is about this component.
func (w *walk) stands(component flowclient.Component) {
	w.Helper()
	if got, _ := w.page.Value("component"); got != string(component) {
		w.Errorf("got %q, want %s:\n%s", got, component, w.page.Text())
	}
}

// A passkey is a passkey in software.
type passkey struct {
	holder virtualwebauthn.Authenticator
	key    virtualwebauthn.Credential
}

// newPasskey creates keys until one is valid: for one in a hundred the library
// drops zeros at the beginning of a coordinate.
func newPasskey() *passkey {
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == 77 {
			return &passkey{virtualwebauthn.NewAuthenticator(), key}
		}
	}
}

// touch uses the passkey as the page asks.
func (w *walk) touch(k *passkey) {
	w.Helper()
	options, _ := w.page.Attribute("data-options")
	kind, asked := w.page.Attribute("data-key")
	switch {
	case !asked:
		w.Fatalf("got no request for a passkey, want one:\n%s", w.page.Text())
	case kind == "create":
		parsed, err := virtualwebauthn.ParseAttestationOptions(options)
		if err != nil {
			w.Fatal(err)
		}
		k.holder.Options.UserHandle = []byte(parsed.UserID)
		w.script("response", virtualwebauthn.CreateAttestationResponse(w.party(parsed.RelyingPartyID), k.holder, k.key, *parsed))
	default:
		parsed, err := virtualwebauthn.ParseAssertionOptions(options)
		if err != nil {
			w.Fatal(err)
		}
		k.key.Counter++
		field := map[string]string{"conditional": "passkey"}[kind]
		if field == "" {
			field = "webauthn"
		}
		w.script(field, virtualwebauthn.CreateAssertionResponse(w.party(parsed.RelyingPartyID), k.holder, k.key, *parsed))
	}
}

func (w *walk) party(id string) virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: id, Origin: "http://" + w.gate}
}

var secrets = regexp.MustCompile(`secret=([A-Z2-7]+)`)

// secret returns the secret that an app is set up with.
func (w *walk) secret() string {
	w.Helper()
	found := secrets.FindStringSubmatch(w.page.Body)
	if found == nil {
		w.Fatalf("got no secret, want one:\n%s", w.page.Text())
	}
	return found[1]
}

// walker returns a person with a new browser.
func walker(t *testing.T, r *running) *walk {
	return &walk{running: &running{TB: t, gate: r.gate, out: r.out, in: r.in}, browser: browser.New(nil)}
}

var away = regexp.MustCompile(`Continue at (127\.0\.0\.1:[0-9]+)`)

// elsewhere returns the host that the page leads to.
func (w *walk) elsewhere() string {
	w.Helper()
	found := away.FindStringSubmatch(w.page.Text())
	if found == nil {
		w.Fatalf("got no link to another site, want one:\n%s", w.page.Text())
	}
	return found[1]
}

// TestOld_UsersAreSignedInAtTheOldApplication: no user has to type the password that
// it has known since 1987.
func TestOld_UsersAreSignedInAtTheOldApplication(t *testing.T) {
	r, _ := started(t, "localhost:0")
	w := walker(t, r)
	w.signIn("demo")
	old := regexp.MustCompile(`(?m)signs its users in:\n    (http://\S+)`).FindStringSubmatch(r.out.String())
	if old == nil {
		t.Fatalf("got no address of the old application:\n%s", r.out)
	}
	w.open(old[1] + "/1987/march")
	w.shows("Page /1987/march, for demo")
}
