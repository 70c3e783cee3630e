package authentiktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// An AuthenticatorWebAuthnStage registers a security key.
type AuthenticatorWebAuthnStage struct {
	Name             string
	UserVerification string // required, preferred (default) or discouraged
	ResidentKey      string // required, preferred (default) or discouraged
	Attachment       string // platform or cross-platform; default: any
	Hints            []string
	MaxAttempts      int // default: any number
}

// algorithms are those that authentik accepts, best first.
var algorithms = []int{-7, -8, -36, -37, -38, -39, -257, -258, -259}

func (s *AuthenticatorWebAuthnStage) about() setup {
	return setupOf(s.Name, "WebAuthn device", "WebAuthn Authenticator", "webauthn")
}

func (s *AuthenticatorWebAuthnStage) get(v *visit) (*response, error) {
	if v.person().PK == 0 {
		return v.solved()
	}
	return v.ask(s.challenge(v))
}

// challenge has new options each time, also after a refused answer.
func (s *AuthenticatorWebAuthnStage) challenge(v *visit) object {
	id, _ := v.relyingParty()
	u := v.person()
	parameters := []object{}
	for _, alg := range algorithms {
		parameters = append(parameters, object{"type": "public-key", "alg": alg})
	}
	c := v.userChallenge("ak-stage-authenticator-webauthn")
	registration := object{
		"rp": object{"name": v.brand.title(), "id": id},
		"user": object{
			"id": base64.RawURLEncoding.EncodeToString([]byte(u.UID)), "name": u.Username, "displayName": u.Name,
		},
		"challenge": v.ceremony(), "pubKeyCredParams": parameters, "timeout": 60000, "excludeCredentials": []object{},
		"authenticatorSelection": s.selection(), "attestation": "direct",
	}
	if v.srv.dialect.hints && len(s.Hints) > 0 {
		registration["hints"] = s.Hints
	}
	c["registration"] = registration
	return c
}

func (s *AuthenticatorWebAuthnStage) selection() object {
	selection := object{
		"residentKey":        or(s.ResidentKey, "preferred"),
		"requireResidentKey": s.ResidentKey == "required",
		"userVerification":   or(s.UserVerification, "preferred"),
	}
	if s.Attachment != "" {
		selection["authenticatorAttachment"] = s.Attachment
	}
	return selection
}

func (s *AuthenticatorWebAuthnStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	raw, ok := f.object("response", rule{})
	var made Credential
	if ok {
		if made, err = s.register(v, raw); err != nil {
			f.wrong("response", err.Error(), "invalid")
		}
	}
	if !f.failed() {
		v.enroll(v.srv.newKey(made))
		return v.solved()
	}
	tries, _ := v.plan.context[contextTries].(int)
	v.plan.context[contextTries] = tries + 1
	if s.MaxAttempts > 0 && tries+1 >= s.MaxAttempts {
		return v.deny("Exceeded maximum attempts. Contact your " + v.brand.title() + " administrator for help.")
	}
	return v.refuse(s.challenge(v), f.errs)
}

// unknownKey is the type of security keys whose maker authentik does not know,
// for example those that attest nothing.
const unknownKey = "authentik: Unknown devices"

// newKey is a new security key with its first name.
func (s *Server) newKey(made Credential) Device {
	if s.dialect.keyTypes {
		return Device{Class: DeviceWebAuthn, Name: unknownKey, Credential: made, model: unknownKey}
	}
	return Device{Class: DeviceWebAuthn, Name: "WebAuthn Device", Credential: made}
}

// register verifies a registration.
func (s *AuthenticatorWebAuthnStage) register(v *visit, raw object) (Credential, error) {
	made, err := s.verify(v, raw)
	if err != nil {
		return Credential{}, told("Registration failed. Error: " + err.Error())
	}
	if _, _, found := v.srv.keeper(made.ID); found {
		return Credential{}, told("Credential ID already exists.")
	}
	return made, nil
}

func (s *AuthenticatorWebAuthnStage) verify(v *visit, raw object) (Credential, error) {
	if raw["id"] != raw["rawId"] {
		return Credential{}, told("id and raw_id were not equivalent")
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return Credential{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(text)
	if err != nil {
		return Credential{}, err
	}
	if err := v.expected(parsed); err != nil {
		return Credential{}, err
	}
	id, origin := v.relyingParty()
	challenge, _ := v.plan.context[contextCeremony].(string)
	_, err = parsed.Verify(challenge, id, []string{origin}, nil, nil, protocol.TopOriginImplicitVerificationMode, true,
		s.UserVerification == "required", true, nil, parameters(), protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	data := parsed.Response.AttestationObject.AuthData
	return Credential{data.AttData.CredentialID, data.AttData.CredentialPublicKey, data.Counter}, err
}

func parameters() []protocol.CredentialParameter {
	var all []protocol.CredentialParameter
	for _, alg := range algorithms {
		all = append(all, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg),
		})
	}
	return all
}

// expected checks for the most frequent mistakes, with authentik's own texts.
func (v *visit) expected(parsed *protocol.ParsedCredentialCreationData) error {
	id, origin := v.relyingParty()
	client := parsed.Response.CollectedClientData
	hash := sha256.Sum256([]byte(id))
	switch {
	case client.Challenge != v.plan.context[contextCeremony]:
		return told("Client data challenge was not expected challenge")
	case client.Origin != origin:
		return told(fmt.Sprintf("Unexpected client data origin %q, expected %q", client.Origin, origin))
	case string(parsed.Response.AttestationObject.AuthData.RPIDHash) != string(hash[:]):
		return told("Unexpected RP ID hash")
	}
	return nil
}
