package page

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Key has the browser ask a passkey or a security key for something
// (Web Authentication); webauthn.js does that.
type keyRequest struct {
	// Kind is create for a new key, get for one that is there, and conditional
	// for one that the browser offers among the names it knows.
	Kind string
	// Options are what the browser is to be asked, as JSON.
	Options string
	// Field is the hidden field that takes what the browser answers.
	Field string
	// Auto has it begin without a click, where the browser lets it.
	Auto bool
}

// A KeyPage is a page about nothing but a key.
type keyView struct {
	Key *keyRequest
	// Text is on the button.
	Text string
	// Chosen is the device, for when the page comes back.
	Chosen string
	Turns  []formButton
	// Other says that keys of authentik's own page work there only.
	Other string
}

// keyFits reports whether a key of a relying party can be used on a page at this
// origin, by an authentik that stands at root for this visitor. Browsers want a
// secure context, and a name that is the page's own; never an address in numbers
// (Web Authentication, 5.1.3 and 5.1.4). authentik compares the whole origin with the one by
// which it was asked, so a parent domain, which browsers would take, is of no use.
func keyWorksAt(party, root, origin string) bool {
	own := origins(root)
	at, err := url.Parse(origin)
	if err != nil || len(own) != 1 || own[0] != origin {
		return false
	}
	host := at.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	secure := at.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
	return secure && (party == host || party == "") // without a name it is authentik's host
}

// fits reports whether a key can be asked here for what authentik wants of it.
// Options without a challenge are none.
func (d *draft) keyWorks(options json.RawMessage) bool {
	var in struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
	}
	if json.Unmarshal(options, &in) != nil || in.Challenge == "" {
		return false
	}
	return keyWorksAt(cmp.Or(in.RPID, in.RP.ID), d.step.Root, d.origin)
}

// keysFit reports whether a key made now could be used here.
func (d *draft) newKeyWorks() bool { return keyWorksAt("", d.step.Root, d.origin) }

// keysLast has stages that make a key come last where none can be made.
func (d *draft) keySetupLast(stages []flowclient.ConfigurationStage) []flowclient.ConfigurationStage {
	if d.newKeyWorks() {
		return stages
	}
	stages = slices.Clone(stages)
	slices.SortStableFunc(stages, func(a, b flowclient.ConfigurationStage) int {
		switch {
		case isKeyStage(a) == isKeyStage(b):
			return 0
		case isKeyStage(b):
			return -1
		default:
			return 1
		}
	})
	return stages
}

func isKeyStage(s flowclient.ConfigurationStage) bool {
	return strings.Contains(s.MetaModelName, "authenticator_webauthn")
}

// keyPage draws a page about a key.
func (d *draft) keyPage(page keyView) any {
	d.Template = "key.html"
	d.addScript("webauthn.js")
	return page
}

// awayForKey leads to authentik's own page, where the key is at home.
func (d *draft) keyElsewhere(asked, why string) any {
	d.Template = "elsewhere.html"
	d.defaultHeading(d.text("elsewhere_title"))
	return elsewhereView{Words: []string{d.text(asked), d.text(why, "Host", d.elsewhereName())}}
}

// there names the host of authentik's own page.
func (d *draft) elsewhereName() string {
	if d.ElsewhereHost == "" {
		return d.text("the_other")
	}
	return d.ElsewhereHost
}

// showAuthenticatorWebAuthn waits for a click: not every browser makes a key without one.
func drawAuthenticatorWebAuthn(c flowclient.AuthenticatorWebAuthn, d *draft) any {
	options, ok := creationOptions(c.Registration)
	if !ok || !d.keyWorks(options) {
		return d.keyElsewhere("asks_webauthn", "key_set_there")
	}
	d.setTask(d.text("key_setup"))
	return d.keyPage(keyView{
		Key:  &keyRequest{Kind: "create", Options: string(options), Field: "response"},
		Text: d.text("key_make"),
	})
}

// creationOptions are the options for a new key as the browser is to have them:
// authentik's, but for the user's handle.
func creationOptions(raw json.RawMessage) (json.RawMessage, bool) {
	var whole, user map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &whole) != nil || json.Unmarshal(whole["user"], &user) != nil || json.Unmarshal(user["id"], &id) != nil {
		return nil, false
	}
	var errs [3]error
	user["id"], errs[0] = json.Marshal(userHandle(id))
	whole["user"], errs[1] = json.Marshal(user)
	raw, errs[2] = json.Marshal(whole)
	return raw, errs == [3]error{}
}

// userHandle is the handle under which authentik's own page keeps a key. That page
// takes what stands in the options for base64 of base64, though inside is a text
// in hexadecimal. A key made here takes the place of one made there only if its handle is the same.
func userHandle(id string) string {
	text, ok := base64Bytes(id)
	if !ok {
		return id
	}
	handle, ok := base64Bytes(string(text))
	if !ok || len(handle) == 0 || len(handle) > 64 {
		return id
	}
	return base64.RawURLEncoding.EncodeToString(handle)
}

// base64Bytes reads either alphabet, with padding and without.
func base64Bytes(text string) ([]byte, bool) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawURLEncoding.DecodeString(text)
	return b, err == nil
}

func readAuthenticatorWebAuthn(_ flowclient.AuthenticatorWebAuthn, form Form) (flowclient.Answer, *Mistake) {
	made, wrong := credential(form.Get("response"), "clientDataJSON", "attestationObject")
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.AuthenticatorWebAuthnAnswer{Response: made}, nil
}

// showKey asks for one of the visitor's keys, or for anybody's. It begins by
// itself, but not over and over: after a refusal the visitor has to want it.
func drawKey(c flowclient.AuthenticatorValidate, device flowclient.DeviceChallenge, d *draft) any {
	d.Lead = d.text("key_lead")
	name := deviceID(device)
	page := keyView{
		Key: &keyRequest{
			Kind: "get", Options: string(device.Challenge), Field: "webauthn",
			Auto: !d.posted.Has("webauthn") || d.posted.Get("device") == name,
		},
		Text: d.text("key_use"), Chosen: name,
	}
	if len(c.Devices) > 1 {
		page.Turns = append(page.Turns, formButton{"device", "", d.text("another_way")})
	}
	if d.Elsewhere != "" && !slices.Contains(origins(d.pages.cfg.Root), d.origin) {
		page.Other = d.text("key_other", "Host", d.elsewhereName())
	}
	return d.keyPage(page)
}

// readKey takes what a key says only where authentik has asked for one.
func readKey(c flowclient.AuthenticatorValidate, said string) (flowclient.Answer, *Mistake) {
	if _, ok := ofClass(c.Devices, "webauthn"); !ok {
		return nil, mistake("", "no_device")
	}
	proof, wrong := assertion(said)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.ValidateWebAuthnAnswer{Response: proof}, nil
}

// passkey offers passkeys among the names that the browser completes.
func passkey(c flowclient.Identification, d *draft) *keyRequest {
	if !d.keyWorks(c.PasskeyChallenge) {
		return nil
	}
	d.addScript("webauthn.js")
	return &keyRequest{Kind: "conditional", Options: string(c.PasskeyChallenge), Field: "passkey"}
}

// maxCredential bounds what a browser says of a key, in bytes. Attestations come with
// certificates; nothing that people use comes near.
const maxCredential = 64 << 10

// credential reads what a browser says of a key (Web Authentication, 5.1,
// toJSON). What goes on to authentik is written anew: the identity of the key and
// the named parts, all of them base64url, and nothing else.
func credential(text string, parts ...string) (json.RawMessage, *Mistake) {
	var in struct {
		ID       string                     `json:"id"`
		RawID    string                     `json:"rawId"`
		Type     string                     `json:"type"`
		Response map[string]json.RawMessage `json:"response"`
	}
	if text == "" {
		return nil, mistake("", "key_script")
	}
	if len(text) > maxCredential || json.Unmarshal([]byte(text), &in) != nil || in.Type != "public-key" {
		return nil, mistake("", "key_unreadable")
	}
	said := map[string]string{}
	for _, name := range parts {
		var part string
		if json.Unmarshal(in.Response[name], &part) != nil || !isBase64URL(part) {
			return nil, mistake("", "key_unreadable")
		}
		said[name] = part
	}
	out, err := json.Marshal(map[string]any{"id": in.ID, "rawId": in.RawID, "type": in.Type, "response": said})
	if err != nil || !isBase64URL(in.ID) || in.RawID != in.ID {
		return nil, mistake("", "key_unreadable")
	}
	return out, nil
}

// assertion reads what a browser says for a key that has proved itself.
func assertion(text string) (json.RawMessage, *Mistake) {
	return credential(text, "clientDataJSON", "authenticatorData", "signature")
}

func isBase64URL(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && len(b) > 0
}
