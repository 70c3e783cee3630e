package authentiktest

import "slices"

// defaultFlows are the flows that every new authentik has.
func defaultFlows() []Flow {
	return slices.Concat(providerFlows(), sourceFlows(), []Flow{
		{
			Slug: "default-authentication-flow", Title: "Welcome to authentik!",
			Bindings: []Binding{
				{Stage: &IdentificationStage{UserFields: []string{"email", "username"}}},
				{Stage: &PasswordStage{}, Policies: []Policy{unlessPasskey()}},
				{Stage: &AuthenticatorValidateStage{}, Policies: []Policy{unlessPasskey()}},
				{Stage: &UserLoginStage{}},
			},
		},
		{
			Slug: "default-invalidation-flow", Title: "Default Invalidation Flow", Designation: DesignationInvalidation,
			Bindings: []Binding{{Stage: &UserLogoutStage{}}},
		},
		setupFlow("totp", "Set up Two-Factor authentication", &AuthenticatorTOTPStage{}),
		setupFlow("static", "Setup Static OTP Tokens", &AuthenticatorStaticStage{}),
		setupFlow("webauthn", "Setup WebAuthn", &AuthenticatorWebAuthnStage{}),
	})
}

// unlessPasskey skips a stage for visitors who have used a passkey, which is
// both factors at once.
func unlessPasskey() Policy {
	return Policy{Func: func(r *PolicyRequest) (bool, []string, error) {
		return r.Context[contextMethod] != methodPasskey, nil, nil
	}}
}

func setupFlow(class, title string, stage Stage) Flow {
	return Flow{
		Slug: "default-authenticator-" + class + "-setup", Title: title, Designation: DesignationStageConfiguration,
		Authentication: RequireAuthenticated, Bindings: []Binding{{Stage: stage}},
	}
}
