package chromium

import (
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// An Authenticator is a virtual security key of one window.
type Authenticator struct {
	w  *Window
	id webauthn.AuthenticatorID
}

// AddAuthenticator gives the window a key that keeps passkeys, verifies its
// user, and is touched whenever it is asked.
func (w *Window) AddAuthenticator() *Authenticator {
	w.Helper()
	if _, err := chromedp.Call(w.Ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		w.Fatal(err)
	}
	res, err := chromedp.Call(w.Ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	return &Authenticator{w, res.AuthenticatorID}
}

// SetTouched sets whether the user touches the security key when it asks for a
// touch.
func (a *Authenticator) SetTouched(touched bool) {
	a.w.Helper()
	params := webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: touched}
	if _, err := chromedp.Call(a.w.Ctx, webauthn.SetAutomaticPresenceSimulation, params); err != nil {
		a.w.Fatal(err)
	}
}

// SetBogus says whether the key's signatures are wrong.
func (a *Authenticator) SetBogus(bogus bool) {
	a.w.Helper()
	params := webauthn.SetResponseOverrideBitsParams{AuthenticatorID: a.id, IsBogusSignature: &bogus}
	if _, err := chromedp.Call(a.w.Ctx, webauthn.SetResponseOverrideBits, params); err != nil {
		a.w.Fatal(err)
	}
}

// Remove takes the key away.
func (a *Authenticator) Remove() {
	a.w.Helper()
	params := webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id}
	if _, err := chromedp.Call(a.w.Ctx, webauthn.RemoveVirtualAuthenticator, params); err != nil {
		a.w.Fatal(err)
	}
}

// Passkeys are those that the key keeps.
func (a *Authenticator) Passkeys() []*webauthn.Credential {
	a.w.Helper()
	res, err := chromedp.Call(a.w.Ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
	if err != nil {
		a.w.Fatal(err)
	}
	return res.Credentials
}
