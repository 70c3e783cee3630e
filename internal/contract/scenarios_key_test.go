package contract

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A passkey is a passkey in software, with the browser's part of WebAuthn.
type passkey struct {
	holder virtualwebauthn.Authenticator
	key    virtualwebauthn.Credential
}

// wholeKey is the length of a public key in COSE, with 32 bytes for each
// coordinate.
const wholeKey = 77

// newPasskey generates keys until one has its full length: in one of a hundred the
// library drops the leading zeros of a coordinate, which COSE requires (RFC 9053,
// 7.1.1).
func newPasskey() *passkey {
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == wholeKey {
			return &passkey{virtualwebauthn.NewAuthenticator(), key}
		}
	}
}

// touch creates or uses the key as the page asks, and sends the result as the
// page's script does. origin is the browser's origin.
func (k *passkey) touch(p page, origin string) page {
	p.visitor.Helper()
	options, asked := p.Attribute("data-options")
	kind, _ := p.Attribute("data-key")
	if !asked {
		p.fatal("asks for no passkey")
	}
	field, say := "webauthn", k.proof
	switch kind {
	case "create":
		field, say = "response", k.made
	case "conditional":
		field = "passkey"
	}
	said := say(p, options, origin)
	next, err := p.Script(p.visitor.Context(), field, said)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

func (k *passkey) made(p page, options, origin string) string {
	p.visitor.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil || len(parsed.UserID) != 48 { // the length that authentik's own page sends
		p.fatal("has a user handle of %d bytes in its options (error %v), want 48", len(parsed.UserID), err)
	}
	k.holder.Options.UserHandle = []byte(parsed.UserID)
	party := virtualwebauthn.RelyingParty{ID: parsed.RelyingPartyID, Name: parsed.RelyingPartyName, Origin: origin}
	return virtualwebauthn.CreateAttestationResponse(party, k.holder, k.key, *parsed)
}

func (k *passkey) proof(p page, options, origin string) string {
	p.visitor.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		p.fatal("has options that are not those of a passkey: %v", err)
	}
	k.key.Counter++
	party := virtualwebauthn.RelyingParty{ID: parsed.RelyingPartyID, Origin: origin}
	return virtualwebauthn.CreateAssertionResponse(party, k.holder, k.key, *parsed)
}

const elsewhere = "https://elsewhere.example"

func keyScenarios() []scenario {
	return []scenario{
		{
			name: "passkey set-up and sign-in", standIn: keyStandIn, blueprint: keyBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v, key := s.visitor(t), newPasskey()
				p := v.open("/there").signIn("alice").showsNoError()
				p = key.touch(p, elsewhere).showsError("Registration failed")
				key.touch(p, s.url).greets("alice", "/there")
				v.signOut()

				p = v.open("/again").signIn("alice").showsNoError()
				p = newPasskey().touch(p, s.url).showsError("Invalid device")
				p = key.touch(p, elsewhere).showsError("Assertion failed")
				key.touch(p, s.url).greets("alice", "/again")
			},
		},
		{
			name: "passkey among the names", standIn: namesStandIn, blueprint: namesBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v, key := s.visitor(t), newPasskey()
				p := v.open("/there")
				if _, offered := p.Attribute("data-key"); !offered && (s.release == "" || s.release == authentiktest.Release202510) {
					t.Skip("this release offers no passkeys beside the name")
				}
				key.touch(p.signIn("alice"), s.url).greets("alice", "/there")
				v.signOut()

				p = newPasskey().touch(v.open("/again").asksFor("uid_field"), s.url).showsError("Invalid device")
				p = key.touch(p, elsewhere).showsError("Assertion failed")
				key.touch(p, s.url).greets("alice", "/again")
			},
		},
		{
			name: "passkey of another host", standIn: keyStandIn, blueprint: keyBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").signIn("alice").showsNoError()
				if _, asked := p.Attribute("data-options"); asked {
					p.fatal("asks for a passkey of another host, want an explanation instead")
				}
				p.shows("has to be set up at").shows("Continue at")
			},
		},
	}
}

func keyStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUpDevice(authentiktest.DeviceWebAuthn, &authentiktest.AuthenticatorWebAuthnStage{}), n.account("alice"))
}

func keyBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(keyBetween)
}

func keyBetween(d *draft) {
	d.setUpDevice("webauthn", "authentik_stages_authenticator_webauthn.authenticatorwebauthnstage", "device", Attrs{
		"user_verification": "preferred", "resident_key_requirement": "preferred",
	})
}

// namesStandIn offers passkeys in the identification stage. A visitor who uses one
// is asked for nothing else.
func namesStandIn(n names) authentiktest.Config {
	cfg := keyStandIn(n)
	unless := []authentiktest.Policy{{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		return r.Context["auth_method"] != "auth_webauthn_pwl", nil, nil
	}}}
	steps := cfg.Flows[0].Bindings
	steps[0].Stage = &authentiktest.IdentificationStage{
		UserFields: []string{"username", "email"}, Passkey: &authentiktest.AuthenticatorValidateStage{},
	}
	steps[1].Policies, steps[2].Policies = unless, unless
	return cfg
}

const unlessPasskey = "plan = request.context.get(\"flow_plan\")\n" +
	"return not plan or plan.context.get(\"auth_method\") != \"auth_webauthn_pwl\""

func namesBlueprint(n names) *draft {
	d := n.draft("alice").named("authentik_stages_authenticator_validate.authenticatorvalidatestage", "names", Attrs{
		"device_classes": []string{"webauthn"}, "not_configured_action": "skip", "last_auth_threshold": "seconds=0",
	})
	d.stage("flow", "authentik_stages_identification.identificationstage", "flow-identification", Attrs{
		"user_fields": []string{"username", "email"}, "webauthn_stage": KeyOf("names"),
	}).boundPassword("flow").policy("flow-password-binding", "unless", unlessPasskey)
	keyBetween(d)
	return d.bindPolicy("validation-binding", "policy", "unless").login("flow")
}
