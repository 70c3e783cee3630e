package authentiktest

import (
	"encoding/json"
)

// webauthnRows are the recordings about security keys and passkeys.
func webauthnRows() []row {
	return []row{
		{name: "ident-passkey", replay: identPasskey},
		{name: "webauthn-login", replay: oneKey("lg-mfa-webauthn", &AuthenticatorValidateStage{})},
		{name: "webauthn-other-host", replay: otherHost},
		{name: "webauthn-passwordless", replay: passwordless},
		{name: "webauthn-setup", replay: webauthnSetup},
		{name: "webauthn-user-verification", replay: userVerification},
	}
}

// oneKey is a login in which nina shows her security key.
func oneKey(slug string, stage *AuthenticatorValidateStage) func(*replay) Config {
	return func(r *replay) Config {
		return Config{Users: []User{having("lg-nina", r.securityKey())}, Flows: []Flow{factor(slug, stage)}}
	}
}

// otherHost was recorded with a key that had been used before.
func otherHost(r *replay) Config {
	c := newClock()
	r.slowly(c)
	key := r.securityKey()
	key.LastUsed = c.now()
	return Config{
		Now: c.now, Users: []User{having("lg-nina", key)},
		Flows: []Flow{factor("lg-mfa-webauthn-host", &AuthenticatorValidateStage{})},
	}
}

// keysOnly is validation that accepts only security keys.
func keysOnly(verification string) *AuthenticatorValidateStage {
	return &AuthenticatorValidateStage{DeviceClasses: []DeviceClass{DeviceWebAuthn}, UserVerification: verification}
}

func passwordless(r *replay) Config {
	f := flowOf("lg-passwordless", keysOnly("required"), &UserLoginStage{})
	f.Title = "Security key"
	return Config{Users: []User{having("lg-nina", r.securityKey())}, Flows: []Flow{f}}
}

func userVerification(r *replay) Config {
	key, strict := r.securityKey(), keysOnly("required")
	if r.release == Release202608 {
		key.LastUsed = newClock().now()
	}
	strict.Hints = []string{"client-device", "hybrid"}
	return Config{
		Users: []User{having("lg-nina", key)},
		Flows: []Flow{factor("lg-mfa-uv", strict), factor("lg-mfa-uv-no", keysOnly("discouraged"))},
	}
}

func identPasskey(r *replay) Config {
	offer := func(slug string) Flow {
		first := ask()
		first.Passkey = keysOnly("required")
		return flowOf(slug, first, &PasswordStage{}, &AuthenticatorValidateStage{}, &UserLoginStage{})
	}
	skip := offer("lg-passkey-skip")
	skip.Bindings[1].Policies, skip.Bindings[2].Policies = []Policy{unlessPasskey()}, []Policy{unlessPasskey()}
	return Config{
		Users: []User{having("lg-nina", r.securityKey())},
		Flows: []Flow{offer("lg-passkey"), skip},
	}
}

// webauthnSetup uses the recorded attestations unchanged: a key that
// attests nothing signs nothing. Only the challenge is of this run. The
// id of the user is part of what is compared.
func webauthnSetup(r *replay) Config {
	r.signedIn(0, "lg-mona")
	for i, e := range r.recording.Exchanges {
		body, _ := e.Request.Body.(map[string]any)
		credential, _ := body["response"].(map[string]any)
		response, ok := credential["response"].(map[string]any)
		if !ok {
			continue
		}
		r.change(exchangeNo(i), func(q *recordedRequest) {
			client := r.clientData(response["clientDataJSON"])
			made := edited(credential, "response", edited(response, "clientDataJSON", b64.EncodeToString(client)))
			q.Body = edited(body, "response", made)
		})
	}
	mona := person("lg-mona")
	mona.Name, mona.UID = "Mona Example", r.registered(0)
	return Config{Users: []User{mona}}
}

// registered is the uid of the user for whom an exchange offers to register.
func (r *replay) registered(i int) string {
	raw, err := json.Marshal(r.recording.Exchanges[i].Response.JSON)
	if err != nil {
		r.t.Fatal(err)
	}
	var shown struct {
		Registration struct{ User struct{ ID string } }
	}
	if err := json.Unmarshal(raw, &shown); err != nil {
		r.t.Fatal(err)
	}
	uid, err := b64.DecodeString(shown.Registration.User.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(uid)
}
