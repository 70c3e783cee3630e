package contract

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A passkey is one in software, with the visitor's part of the browser before it.
type passkey struct {
	holder virtualwebauthn.Authenticator
	key    virtualwebauthn.Credential
}

// wholeKey is the length of a public key as COSE has it, with 32 bytes for either
// coordinate.
const wholeKey = 77

// newPasskey makes keys until one is whole: of one in a hundred the library leaves
// out zeros at the beginning of a coordinate, which COSE keeps (RFC 9053, 7.1.1).
func newPasskey() *passkey {
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == wholeKey {
			return &passkey{virtualwebauthn.NewAuthenticator(), key}
		}
	}
}

// touch has the key do what the page asks of it, and the page's script send what
// comes of it. The origin is the one that the browser believes to be at.
func (k *passkey) touch(p page, origin string) page {
	p.visitor.Helper()
	options, asked := p.Attribute("data-options")
	kind, _ := p.Attribute("data-key")
	if !asked {
		p.fatal("asks for no key")
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
	if err != nil || len(parsed.UserID) != 48 { // as many as authentik's own page makes of it
		p.fatal("has %d bytes of a handle in its options: %v", len(parsed.UserID), err)
	}
	k.holder.Options.UserHandle = []byte(parsed.UserID)
	party := virtualwebauthn.RelyingParty{ID: parsed.RelyingPartyID, Name: parsed.RelyingPartyName, Origin: origin}
	return virtualwebauthn.CreateAttestationResponse(party, k.holder, k.key, *parsed)
}

func (k *passkey) proof(p page, options, origin string) string {
	p.visitor.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		p.fatal("has other options than those for a key: %v", err)
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
				p := v.open("/there").signIn("alice").calm()
				p = key.touch(p, elsewhere).alarms("Registration failed")
				key.touch(p, s.url).greets("alice", "/there")
				v.signOut()

				p = v.open("/again").signIn("alice").calm()
				p = newPasskey().touch(p, s.url).alarms("Invalid device")
				p = key.touch(p, elsewhere).alarms("Assertion failed")
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

				p = newPasskey().touch(v.open("/again").asks("uid_field"), s.url).alarms("Invalid device")
				p = key.touch(p, elsewhere).alarms("Assertion failed")
				key.touch(p, s.url).greets("alice", "/again")
			},
		},
		{
			name: "passkey of another host", standIn: keyStandIn, blueprint: keyBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").signIn("alice").calm()
				if _, asked := p.Attribute("data-options"); asked {
					p.fatal("asks for a key that would be another host's")
				}
				p.shows("has to be set up at").shows("Continue at")
			},
		},
	}
}

func keyStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUp(authentiktest.DeviceWebAuthn, &authentiktest.AuthenticatorWebAuthnStage{}), n.account("alice"))
}

func keyBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(keyBetween)
}

func keyBetween(d *draft) {
	d.setUp("webauthn", "authentik_stages_authenticator_webauthn.authenticatorwebauthnstage", "device", Attrs{
		"user_verification": "preferred", "resident_key_requirement": "preferred",
	})
}

// namesStandIn asks whoever comes with a passkey for nothing else.
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
	}).passwordAlone("flow").policy("flow-password-binding", "unless", unlessPasskey)
	keyBetween(d)
	return d.decides("validation-binding", "policy", "unless").login("flow")
}
