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
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// A keyRequest is what webauthn.js asks of a passkey or security key (Web
// Authentication).
type keyRequest struct {
	// Kind is create for a new key, get for an existing one, and conditional for
	// a passkey that the browser offers in the name field.
	Kind string
	// Options are the options for the browser as JSON.
	Options string
	// Field is the name of the hidden field for the browser's answer.
	Field string
	// Auto starts without a click, if the browser allows it.
	Auto bool
}

// A keyView asks for a passkey or security key.
type keyView struct {
	Key *keyRequest
	// Text is the button's label.
	Text string
	// Chosen identifies the device if the page is drawn again.
	Chosen string
	// Turns are the other buttons of the form.
	Turns []formButton
	// Other says that keys for authentik's host work only there.
	Other string
}

// keyWorksAt reports whether a key of a relying party can be used on a page at
// this origin; root is authentik's address for this visitor. Browsers require a
// secure context and a relying party that is the page's host, not an IP address
// (Web Authentication, 5.1.3 and 5.1.4). authentik compares the whole origin
// with that of its own request. So a parent domain, which browsers would
// accept, does not work.
func keyWorksAt(party, root, origin string) bool {
	own := csp.Origins(root)
	at, err := url.Parse(origin)
	if err != nil || len(own) != 1 || own[0] != origin {
		return false
	}
	host := at.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	secure := at.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
	return secure && (party == host || party == "") // the default is authentik's host
}

// keyWorks reports whether a key with these options can be used on this page.
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

// newKeyWorks reports whether a key that is set up now could be used here.
func (d *draft) newKeyWorks() bool { return keyWorksAt("", d.step.Root, d.origin) }

// keySetupLast moves stages that set up a key to the end, if keys do not work
// here.
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

// keyPage turns the page into one that asks for a key.
func (d *draft) keyPage(page keyView) any {
	d.Template = "key.html"
	d.addScript("webauthn.js")
	return page
}

// keyElsewhere turns the page into one that leads to authentik's, where the key
// works.
func (d *draft) keyElsewhere(asked, why string) any {
	d.Template = "elsewhere.html"
	d.defaultHeading(d.text("elsewhere_title"))
	return elsewhereView{Words: []string{d.text(asked), d.text(why, "Host", d.elsewhereName())}}
}

// elsewhereName returns the name of authentik's page, for texts.
func (d *draft) elsewhereName() string {
	if d.ElsewhereHost == "" {
		return d.text("the_other")
	}
	return d.ElsewhereHost
}

// drawAuthenticatorWebAuthn waits for a click, which some browsers require.
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

// creationOptions returns authentik's options for a new key with another user
// handle.
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

// userHandle returns the user handle that authentik's own page would use. That
// page decodes the handle as base64 twice, though the inner text is hexadecimal.
// A key that is set up here replaces one that was set up there only if the
// handles are equal.
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

// base64Bytes decodes both alphabets, with or without padding.
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

// drawKey asks for one of the visitor's keys, or for any passkey. It starts by
// itself the first time, and after a refusal only on a click.
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
	if d.Elsewhere != "" && !slices.Contains(csp.Origins(d.pages.cfg.Root), d.origin) {
		page.Other = d.text("key_other", "Host", d.elsewhereName())
	}
	return d.keyPage(page)
}

// readKey reads a key's answer if authentik has asked for one.
func readKey(c flowclient.AuthenticatorValidate, response string) (flowclient.Answer, *Mistake) {
	if _, ok := ofClass(c.Devices, "webauthn"); !ok {
		return nil, mistake("", "no_device")
	}
	proof, wrong := assertion(response)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.ValidateWebAuthnAnswer{Response: proof}, nil
}

// passkey offers passkeys in the name field.
func passkey(c flowclient.Identification, d *draft) *keyRequest {
	if !d.keyWorks(c.PasskeyChallenge) {
		return nil
	}
	d.addScript("webauthn.js")
	return &keyRequest{Kind: "conditional", Options: string(c.PasskeyChallenge), Field: "passkey"}
}

// maxCredential bounds a browser's answer, in bytes. Attestations include
// certificates, but real ones are much smaller.
const maxCredential = 64 << 10

// credential reads a browser's answer (Web Authentication, 5.1, toJSON). It is
// encoded again for authentik: the ID of the key and the named parts, which must
// be base64url, and nothing else.
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
	response := map[string]string{}
	for _, name := range parts {
		var part string
		if json.Unmarshal(in.Response[name], &part) != nil || !isBase64URL(part) {
			return nil, mistake("", "key_unreadable")
		}
		response[name] = part
	}
	out, err := json.Marshal(map[string]any{"id": in.ID, "rawId": in.RawID, "type": in.Type, "response": response})
	if err != nil || !isBase64URL(in.ID) || in.RawID != in.ID {
		return nil, mistake("", "key_unreadable")
	}
	return out, nil
}

// assertion reads the answer of an existing key.
func assertion(text string) (json.RawMessage, *Mistake) {
	return credential(text, "clientDataJSON", "authenticatorData", "signature")
}

func isBase64URL(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && len(b) > 0
}
