package demo

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A promise says what a row leads to.
type promise struct {
	meets []flowclient.Component
	// goes continues from the first page of a row, as a browser without scripts.
	goes func(w *walk)
	out  bool // the flow does not sign in
}

func meets(goes func(w *walk), components ...flowclient.Component) promise {
	return promise{meets: components, goes: goes}
}

// leads returns a promise of a flow that does not end at the application.
func leads(goes func(w *walk), components ...flowclient.Component) promise {
	return promise{meets: components, goes: goes, out: true}
}

func promises(k *passkey) map[string]promise {
	all := make(map[string]promise)
	for _, some := range []map[string]promise{factorPromises(), setUpPromises(k), questionPromises(), wayPromises(k), endingPromises()} {
		maps.Copy(all, some)
	}
	return all
}

// TestRows_LeadToTheirDescribedStep walks through the whole demonstration, which
// must show everything that authentik can ask.
func TestRows_LeadToTheirDescribedStep(t *testing.T) {
	r, _ := started(t, "localhost:0")
	promises, met := promises(newPasskey()), make(map[flowclient.Component]bool)
	for _, g := range groups("") {
		for _, row := range g.rows {
			promise, known := promises[row.name]
			if !known {
				t.Errorf("got no promise for the row %s, want one", row.name)
			}
			t.Run(row.name, func(t *testing.T) {
				w := walker(t, r)
				begin(w, g, row)
				promise.goes(w)
				if in := w.page.Title() == "Stock ledger"; in == promise.out {
					t.Errorf("got signed in: %t, want %t, at %s:\n%s", in, !promise.out, w.page.URL, w.page.Text())
				}
				for _, c := range promise.meets {
					met[c] = true
					if !slices.Contains(w.met, c) {
						t.Errorf("got the components %q, want %s among them:\n%s", w.met, c, w.page.Text())
					}
				}
			})
		}
	}
	for _, c := range flowclient.Components() {
		if !met[c] {
			t.Errorf("got no row with %s, want one", c)
		}
	}
}

// begin goes to the first page of a row: the one after the password, or the one at
// the printed address.
func begin(w *walk, g group, r row) {
	w.Helper()
	if g.people {
		w.signIn(r.name)
		return
	}
	address := fmt.Sprintf("http://%s/if/flow/%s/%s", w.gate, r.name, r.query)
	w.expect(w.out.String(), "    "+address)
	w.open(address)
}

func factorPromises() map[string]promise {
	const asked = flowclient.ComponentAuthenticatorValidate
	return map[string]promise{
		"totp": meets(func(w *walk) {
			w.running.press("")
			w.enter("code", w.code("App of totp: "))
		}, asked),
		"static": meets(func(w *walk) { w.enter("code", "paper1") }, asked),
		"sms": meets(func(w *walk) {
			w.press("")
			w.enter("code", w.code("Text message to +1555010010: "))
		}, asked),
		"email": meets(func(w *walk) {
			w.press("")
			w.enter("code", w.code("Mail to email@example.com: "))
		}, asked),
		"duo":    meets(func(w *walk) { w.press("Duo") }, asked),
		"duo-no": leads(func(w *walk) { w.press("Duo") }, asked),
		"several": meets(func(w *walk) {
			w.press("recovery code")
			w.enter("code", "paper2")
		}, asked),
	}
}

func setUpPromises(k *passkey) map[string]promise {
	return map[string]promise{
		"setup": meets(func(w *walk) {
			w.press("Static tokens")
			w.press("")
		}, flowclient.ComponentAuthenticatorValidate, flowclient.ComponentAuthenticatorStatic),
		"setup-totp": meets(func(w *walk) {
			secret := w.secret()
			w.running.press(secret)
			w.enter("code", w.code("App of this secret: "))
		}, flowclient.ComponentAuthenticatorTOTP),
		"setup-static": meets(func(w *walk) { w.press("") }, flowclient.ComponentAuthenticatorStatic),
		"setup-sms": meets(func(w *walk) {
			w.enter("phone_number", "+1555010099")
			w.enter("code", w.code("Text message to +1555010099: "))
		}, flowclient.ComponentAuthenticatorSMS),
		"setup-email": meets(func(w *walk) {
			w.enter("code", w.code("Mail to setup-email@example.com: "))
		}, flowclient.ComponentAuthenticatorEmail),
		"setup-passkey": meets(func(w *walk) {
			w.touch(k)
			for _, again := range []func(){
				func() { w.signIn("setup-passkey") }, // after the password
				func() { w.open("http://" + w.gate + "/") },
			} {
				w.browser.DropCookies()
				again()
				w.touch(k)
			}
		}, flowclient.ComponentAuthenticatorWebAuthn, flowclient.ComponentAuthenticatorValidate, flowclient.ComponentIdentification),
		"setup-duo": meets(func(w *walk) { w.press("") }, flowclient.ComponentAuthenticatorDuo),
	}
}
