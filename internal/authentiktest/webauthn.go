package authentiktest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
)

// A told error has a text that the visitor is shown, in authentik's words.
type told string

func (t told) Error() string { return string(t) }

// authentik's texts for an assertion that is wrong.
const (
	errInvalidDevice   = told("Invalid device")
	errAssertionFailed = told("Assertion failed")
)

// ceremony is a new challenge for a security key, kept for the answer.
func (v *visit) ceremony() string {
	challenge := make([]byte, 64)
	rand.Read(challenge)
	v.plan.context[contextCeremony] = base64.RawURLEncoding.EncodeToString(challenge)
	return base64.RawURLEncoding.EncodeToString(challenge)
}

// relyingParty is the host of the request, whatever host a key was made for.
func (v *visit) relyingParty() (id, origin string) {
	id = v.request.Host
	if host, _, err := net.SplitHostPort(id); err == nil {
		id = host
	}
	return id, v.address("")
}

// assertionOptions ask for an assertion by one of the devices, or by any device
// if the list is empty.
func (s *AuthenticatorValidateStage) assertionOptions(v *visit, devices []Device) object {
	allowed := []object{}
	for _, d := range devices {
		if d.Class == DeviceWebAuthn {
			allowed = append(allowed, object{
				"id": base64.RawURLEncoding.EncodeToString(d.Credential.ID), "type": "public-key",
			})
		}
	}
	id, _ := v.relyingParty()
	options := object{
		"challenge": v.ceremony(), "timeout": 60000, "rpId": id,
		"allowCredentials": allowed, "userVerification": or(s.UserVerification, "preferred"),
	}
	if v.srv.dialect.hints && len(s.Hints) > 0 {
		options["hints"] = slices.Clone(s.Hints)
	}
	return options
}

// assert verifies an assertion and returns the user and the device. If a user
// is known already, the device must be that user's.
func (s *AuthenticatorValidateStage) assert(v *visit, raw object) (User, Device, error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return User{}, Device{}, errInvalidDevice
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(text)
	if err != nil {
		return User{}, Device{}, errInvalidDevice
	}
	u, d, found := v.srv.keeper(parsed.RawID)
	if expected := v.person(); !found || expected.PK != 0 && expected.PK != u.PK {
		return User{}, Device{}, errInvalidDevice
	}
	id, origin := v.relyingParty()
	challenge, _ := v.plan.context[contextCeremony].(string)
	err = parsed.Verify(challenge, id, "", []string{origin}, nil, nil, protocol.TopOriginImplicitVerificationMode,
		true, s.UserVerification == "required", true, d.Credential.PublicKey, protocol.SignaturePolicy{})
	if count := parsed.Response.AuthenticatorData.Counter; err != nil || challenge == "" || !v.srv.counted(u, &d, count) {
		return User{}, Device{}, errAssertionFailed
	}
	return u, d, nil
}

// keeper is the user who has the security key with that credential.
func (s *Server) keeper(credential []byte) (u User, d Device, found bool) {
	holds := func(d Device) bool { return d.Class == DeviceWebAuthn && bytes.Equal(d.Credential.ID, credential) }
	u, found = s.find(func(u User) bool { return slices.ContainsFunc(u.Devices, holds) })
	if found {
		d = u.Devices[slices.IndexFunc(u.Devices, holds)]
	}
	return u, d, found
}

// counted records that a key was used. A counter that does not grow means that
// the key was copied.
func (s *Server) counted(u User, d *Device, count uint32) (grown bool) {
	now := s.now()
	s.editDevice(u.PK, DeviceWebAuthn, d.UID, func(kept *Device) {
		grown = count > kept.Credential.SignCount || count == 0 && kept.Credential.SignCount == 0
		if grown {
			kept.Credential.SignCount, kept.LastUsed = count, now
			*d = *kept
		}
	})
	return grown
}
