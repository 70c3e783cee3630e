package authentiktest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// A gesture is one use of a software key, with what may go wrong in it.
type gesture struct {
	key       *softwareKey
	challenge any
	origin    string // default: the page's
	absent    bool   // the key was not touched
	count     uint32
}

func (g gesture) clientData(c *client, kind string) []byte {
	c.t.Helper()
	raw, err := json.Marshal(map[string]any{
		"type": kind, "challenge": g.challenge, "origin": or(g.origin, c.base), "crossOrigin": false,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return raw
}

// authenticatorData is that of a relying party at this machine.
func (g gesture) authenticatorData(flags byte) []byte {
	hash := sha256.Sum256([]byte("127.0.0.1"))
	if !g.absent {
		flags |= 1
	}
	return binary.BigEndian.AppendUint32(append(hash[:], flags), g.count)
}

func (c *client) show(slug, field string, g gesture) object {
	c.t.Helper()
	client, authenticator := g.clientData(c, "webauthn.get"), g.authenticatorData(0)
	id := b64.EncodeToString(g.key.id)
	raw, err := json.Marshal(object{field: object{
		"id": id, "rawId": id, "type": "public-key", "response": object{
			"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(authenticator),
			"signature": g.key.sign(c.t, authenticator, client), "userHandle": nil,
		},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(http.MethodPost, executor(slug), string(raw))
}

// register answers a registration, attesting nothing.
func (c *client) register(slug string, g gesture) object {
	c.t.Helper()
	d := g.key.device(c.t)
	data := append(g.authenticatorData(1<<6), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.Credential.ID))) //nolint:gosec // 32
	data = append(append(data, d.Credential.ID...), d.Credential.PublicKey...)
	attestation, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		c.t.Fatal(err)
	}
	id := b64.EncodeToString(g.key.id)
	raw, err := json.Marshal(object{"response": object{
		"id": id, "rawId": id, "type": "public-key", "response": object{
			"clientDataJSON":    b64.EncodeToString(g.clientData(c, "webauthn.create")),
			"attestationObject": b64.EncodeToString(attestation),
		},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(http.MethodPost, executor(slug), string(raw))
}

// challengeOf is the WebAuthn challenge of a validation stage.
func challengeOf(c object) any {
	list, _ := c["device_challenges"].([]any)
	for _, one := range list {
		d, _ := one.(object)
		if how, _ := d["challenge"].(object); how["challenge"] != nil {
			return how["challenge"]
		}
	}
	return nil
}

func registrationOf(c object) any {
	r, _ := c["registration"].(object)
	return r["challenge"]
}

func TestWebAuthn_RegisteredKeySignsIn(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{Users: people("lg-key"), Flows: []Flow{
		mfa("in", &AuthenticatorValidateStage{
			NotConfigured: NotConfiguredConfigure, ConfigurationStages: []SetupStage{&AuthenticatorWebAuthnStage{}},
		}),
		mfa("again", &AuthenticatorValidateStage{}),
	}})
	key := newSoftwareKey(t, []byte("an id of the key"))
	first := registrationOf(c.login("in", "lg-key"))
	reply := c.register("in", gesture{key: key, challenge: first, absent: true})
	if what := refused(t, reply, "response"); !strings.HasPrefix(what, "Registration failed. Error: ") {
		t.Errorf("got %q without user presence", what)
	}
	stale := c.register("in", gesture{key: key, challenge: first})
	if what := refused(t, stale, "response"); !strings.HasSuffix(what, "challenge was not expected challenge") {
		t.Errorf("got %q for an old challenge", what)
	}
	want(t, c.register("in", gesture{key: key, challenge: registrationOf(stale)}), "component", "xak-flow-redirect")
	other := browse(t, c.base)
	shown := other.login("again", "lg-key")
	want(t, other.show("again", "webauthn", gesture{key: key, challenge: challengeOf(shown), count: 5}), "component", "xak-flow-redirect")
	if u, _ := s.User("lg-key"); u.Devices[0].Credential.SignCount != 5 || u.Devices[0].LastUsed.IsZero() {
		t.Errorf("got the key stored as %v", u.Devices[0])
	}
}

func TestWebAuthn_InvalidAssertionsAreRefused(t *testing.T) {
	t.Parallel()
	key, foreign := newSoftwareKey(t, []byte("key of the user!")), newSoftwareKey(t, []byte("key of another's"))
	impostor := newSoftwareKey(t, key.id) // claims to be the key and is not
	own := key.device(t)
	own.Credential.SignCount = 9
	_, c := serve(t, Config{
		Users: []User{having("lg-key", own), having("lg-foe", foreign.device(t))},
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{})},
	})
	challenge := challengeOf(c.login("in", "lg-key"))
	for what, g := range map[string]gesture{
		"another key under its id": {key: impostor, challenge: challenge, count: 10},
		"another user's key":       {key: foreign, challenge: challenge, count: 10},
		"a count that stood still": {key: key, challenge: challenge, count: 9},
		"a count from the start":   {key: key, challenge: challenge, count: 0},
		"key not touched":          {key: key, challenge: challenge, count: 10, absent: true},
		"another page":             {key: key, challenge: challenge, count: 10, origin: "https://evil.example"},
		"an empty challenge":       {key: key, challenge: "", count: 10},
	} {
		if got := c.show("in", "webauthn", g); got["component"] != "ak-stage-authenticator-validate" {
			t.Errorf("%s: got %v", what, got)
		} else {
			refused(t, got, "webauthn")
		}
	}
	want(t, c.show("in", "webauthn", gesture{key: key, challenge: challenge, count: 10}), "component", "xak-flow-redirect")
}

func TestWebAuthn_AssertionWithoutAChallengeIsRefused(t *testing.T) {
	t.Parallel()
	key := newSoftwareKey(t, []byte("key of the user!"))
	_, c := serve(t, Config{Users: []User{having("lg-key", key.device(t))}, Flows: []Flow{passkeyFlow()}})
	reply := c.show("in", "passkey", gesture{key: key, challenge: ""})
	want(t, reply, "component", "ak-stage-identification")
	refused(t, reply, elsewhere)
}

func passkeyFlow() Flow {
	first := ask()
	first.Passkey = &AuthenticatorValidateStage{}
	return flowOf("in", first, &UserLoginStage{})
}

func TestWebAuthn_PasskeysAreOfferedInOneReleaseOnly(t *testing.T) {
	t.Parallel()
	key := newSoftwareKey(t, []byte("key of the user!"))
	for release, offered := range map[Release]bool{Release202510: false, Release202605: true} {
		_, c := serve(t, Config{Release: release, Users: []User{having("lg-key", key.device(t))}, Flows: []Flow{passkeyFlow()}})
		o, _ := c.do(http.MethodGet, executor("in"), "")["passkey_challenge"].(object)
		got := c.show("in", "passkey", gesture{key: key, challenge: o["challenge"], count: 1})
		if (got["component"] == "xak-flow-redirect") != offered {
			t.Errorf("%s: got %v", release, got)
		}
	}
}

func TestWebAuthn_RegistrationEndsAfterTooManyAttempts(t *testing.T) {
	t.Parallel()
	f := mfa("in", &AuthenticatorValidateStage{})
	f.Bindings[1].Stage = &AuthenticatorWebAuthnStage{MaxAttempts: 2, Attachment: "platform", ResidentKey: "required", Hints: []string{"hybrid"}}
	_, c := serve(t, Config{Users: people("lg-key"), Flows: []Flow{f}})
	r, _ := c.login("in", "lg-key")["registration"].(object)
	want(t, r["authenticatorSelection"].(object), "authenticatorAttachment", "platform", "requireResidentKey", true) //nolint:errcheck // it panics
	if fmt.Sprint(r["hints"]) != "[hybrid]" {
		t.Errorf("got the hints %v, want [hybrid]", r["hints"])
	}
	wrong := func() object {
		return c.do(http.MethodPost, executor("in"), `{"response": {"id": "AAAA", "rawId": "AAAA"}}`)
	}
	refused(t, wrong(), "response")
	want(t, wrong(), "component", "ak-stage-access-denied")
}
