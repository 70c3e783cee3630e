package testsite

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// Jane is the user who signs in.
const (
	Jane     = "jane"
	JaneName = "Jane Doe"
	Password = "correct horse battery staple"
	// Code is Jane's second factor once she has one: see [AddCode].
	Code = "recovery-code-1"
)

// LoginFlow is the flow by which authentik signs users in, unless a test says
// otherwise.
const LoginFlow = "default-authentication-flow"

// UserJane is Jane as authentik knows her.
func UserJane() authentiktest.User {
	return authentiktest.User{
		Username: Jane, Name: JaneName, Email: "jane@example.com", Password: Password, Groups: []string{"staff"},
	}
}

// CodeDevice is a second factor whose only code is [Code].
func CodeDevice() authentiktest.Device {
	return authentiktest.Device{Class: authentiktest.DeviceStatic, Codes: []string{Code}}
}

// AddCode gives Jane a second factor, whose code is [Code].
func AddCode(standIn *authentiktest.Server) {
	standIn.EditUser(Jane, func(u *authentiktest.User) { u.Devices = append(u.Devices, CodeDevice()) })
}

// Bindings are the stages of a flow, in order. Without any they are a name, a
// password and a login.
func Bindings(stages ...authentiktest.Stage) (bindings []authentiktest.Binding) {
	if len(stages) == 0 {
		stages = []authentiktest.Stage{
			&authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
		}
	}
	for _, s := range stages {
		bindings = append(bindings, authentiktest.Binding{Stage: s})
	}
	return bindings
}

// Flow is the configuration of an authentik whose users sign in by these
// stages.
func Flow(stages ...authentiktest.Stage) authentiktest.Config {
	return authentiktest.Config{Flows: []authentiktest.Flow{{Slug: LoginFlow, Title: "Welcome", Bindings: Bindings(stages...)}}}
}

// SecondFactorFlow is a flow by which users sign in with a code such as [Code].
func SecondFactorFlow(slug string) authentiktest.Flow {
	return authentiktest.Flow{Slug: slug, Title: "Second factor", Bindings: Bindings(
		&authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{},
		&authentiktest.AuthenticatorValidateStage{
			DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceStatic}, NotConfigured: authentiktest.NotConfiguredDeny,
		},
		&authentiktest.UserLoginStage{},
	)}
}

// SigningKey returns a key for stand-ins: to make one takes longer than most
// tests.
var SigningKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the machine has no randomness
	}
	return key
})

// StartAuthentik starts a stand-in, and returns its address. Without users in
// its configuration it has Jane. front, if it is not nil, is in front of it.
func StartAuthentik(t testing.TB, cfg authentiktest.Config, front func(http.Handler) http.Handler) (*authentiktest.Server, string) {
	t.Helper()
	if cfg.Users == nil {
		cfg.Users = []authentiktest.User{UserJane()}
	}
	if cfg.SigningKey == nil {
		cfg.SigningKey = SigningKey()
	}
	standIn, err := authentiktest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler = standIn
	if front != nil {
		handler = front(standIn)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return standIn, server.URL
}

// WithKeys is an authentik whose users set a passkey up during a login if they
// have none, and where a passkey signs in without a name. names, if it is not
// nil, offers passkeys beside the field for the name.
func WithKeys(names *authentiktest.AuthenticatorValidateStage) authentiktest.Config {
	setup := &authentiktest.AuthenticatorWebAuthnStage{ResidentKey: "required", UserVerification: "required"}
	factor := &authentiktest.AuthenticatorValidateStage{
		NotConfigured: authentiktest.NotConfiguredConfigure, ConfigurationStages: []authentiktest.SetupStage{setup},
	}
	passwordless := &authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceWebAuthn}, UserVerification: "required",
	}
	withoutPasskey := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		return r.Context["auth_method"] != "auth_webauthn_pwl", nil, nil
	}}
	return authentiktest.Config{Flows: []authentiktest.Flow{
		{Slug: LoginFlow, Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, Passkey: names, PasswordlessFlow: "passwordless"}},
			{Stage: &authentiktest.PasswordStage{}, Policies: []authentiktest.Policy{withoutPasskey}},
			{Stage: factor, Policies: []authentiktest.Policy{withoutPasskey}},
			{Stage: &authentiktest.UserLoginStage{}},
		}},
		{Slug: "passwordless", Title: "Passkey", Bindings: Bindings(passwordless, &authentiktest.UserLoginStage{})},
	}}
}
