package authentiktest

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// protocolRows are the recordings about the executor's protocol.
func protocolRows() []row {
	return []row{
		{name: "concurrent-answers", replay: concurrentAnswers},
		{name: "dummy-deny", replay: dummyDeny},
		{name: "language-de", replay: languageDE},
		{name: "midflow", replay: midflow},
		{name: "protocol-csrf", replay: protocolCSRF},
		{name: "protocol-deny-stage", replay: protocolDenyStage},
		{name: "protocol-error-then-get", replay: simply(people("lg-errget"), twoSteps("lg-proto"))},
		{name: "protocol-http-and-hosts", replay: simply(people("lg-http"), oneStep("lg-simple"))},
		{name: "protocol-lost-session", replay: simply(people("lg-lost"), twoSteps("lg-proto"), twoSteps("lg-proto-two"))},
		{name: "protocol-next", replay: simply(people("lg-next"), oneStep("lg-simple"))},
		{name: "protocol-policies", replay: protocolPolicies},
		{name: "protocol-query-changes", replay: simply(people("lg-querych"), twoSteps("lg-proto"))},
		{name: "protocol-query-encodings", replay: simply(people("lg-query"), twoSteps("lg-proto"))},
		{name: "protocol-request-forms", replay: protocolRequestForms},
		{name: "protocol-requirements", replay: protocolRequirements},
		{name: "protocol-restart", replay: protocolRestart},
		{name: "protocol-stage-disappears", replay: protocolStageDisappears},
		{name: "redirect-stage", replay: redirectStage},
	}
}

// dummy is the dummy stage of the recorded protocol flows.
func dummy(name string) Stage { return &DummyStage{Name: name} }

func dummyDeny(*replay) Config {
	first := dummy("st-dummy")
	named := func(slug string, stages ...Stage) Flow { return titled(flowOf(slug, stages...)) }
	start := named("st-dummy", first, &DenyStage{Message: "No entry for you."})
	start.Title = "Dummy"
	restart := named("st-deny-restart", first, &DenyStage{})
	restart.Bindings[1].InvalidResponse = Restart
	policy := named("st-deny-policy", &DenyStage{Message: "own message of the stage"})
	policy.Bindings[0].Policies = []Policy{says(true, "message of the policy")}
	return Config{Flows: []Flow{
		start, named("st-dummy-error", &DummyStage{Throw: true}), named("st-deny-plain", &DenyStage{}), policy, restart,
	}}
}

// says is an expression policy that always has the same result.
func says(passing bool, messages ...string) Policy {
	return Policy{Func: func(*PolicyRequest) (bool, []string, error) { return passing, messages, nil }}
}

// raises is an expression policy that raises an exception.
func raises(what string) Policy {
	return Policy{Func: func(*PolicyRequest) (bool, []string, error) { return false, nil, errors.New(what) }}
}

func protocolCSRF(r *replay) Config {
	r.signedIn(0, "lg-csrf")
	f := flowOf("lg-csrf-flow", dummy("lg-dummy"))
	f.Title, f.Designation, f.Authentication = "A click", DesignationStageConfiguration, RequireAuthenticated
	return Config{Users: people("lg-csrf"), Flows: []Flow{f}}
}

func protocolDenyStage(*replay) Config {
	return Config{Users: people("lg-deny"), Flows: []Flow{
		twoSteps("lg-deny-message", &DenyStage{Message: "Logins are closed today."}),
		twoSteps("lg-deny-plain", &DenyStage{}),
	}}
}

func protocolPolicies(*replay) Config {
	no := says(false, "Only on weekdays.", "Ask the help desk.")
	refused := func(slug string, action DeniedAction, p Policy) Flow {
		f := oneStep(slug)
		f.DeniedAction, f.Policies = action, []Policy{p}
		return f
	}
	skipped := func(slug string, p Policy, onPlan bool) Flow {
		f := twoSteps(slug, dummy("lg-dummy"))
		f.Bindings[2].Policies = []Policy{p}
		f.Bindings[2].EvaluateOnPlan, f.Bindings[2].SkipReevaluation = onPlan, onPlan
		return f
	}
	boom := raises("policy is broken")
	return Config{Users: people("lg-pol"), Flows: []Flow{
		refused("lg-refused-message", DeniedMessage, no),
		refused("lg-refused-continue", DeniedContinue, no),
		refused("lg-refused-message-continue", DeniedMessageContinue, no),
		refused("lg-refused-boom", DeniedMessage, boom),
		skipped("lg-stage-skipped", no, false),
		skipped("lg-stage-boom", boom, false),
		skipped("lg-stage-plan", no, true),
	}}
}

func protocolRequestForms(r *replay) Config {
	r.change("a body of 3 million bytes (not shown)", func(q *recordedRequest) {
		q.Body = map[string]any{"component": "ak-stage-password", "password": strings.Repeat("x", 3_000_000)}
	})
	return Config{Users: people("lg-forms"), Flows: []Flow{twoSteps("lg-proto")}}
}

func protocolRequirements(r *replay) Config {
	r.signedIn(2, "lg-req")
	need := func(slug string, a Authentication) Flow {
		f := oneStep(slug)
		f.Authentication = a
		return f
	}
	return Config{Users: people("lg-req"), Flows: []Flow{
		need("lg-need-out", RequireUnauthenticated),
		need("lg-need-in", RequireAuthenticated),
		need("lg-need-super", RequireSuperuser),
	}}
}

func protocolStageDisappears(r *replay) Config {
	f := flowOf("lg-disappears", ask(), dummy("lg-dummy"), &PasswordStage{}, &UserLoginStage{})
	f.Bindings[1].Policies = []Policy{{Func: func(q *PolicyRequest) (bool, []string, error) {
		return !slices.Contains(q.Pending.Groups, "lg-vanish"), nil, nil
	}}}
	r.before("answer of the dummy stage, which is gone by now: the password stage refuses it", func() {
		r.EditUser("lg-gone", func(u *User) { u.Groups = append(u.Groups, "lg-vanish") })
	})
	return Config{Users: people("lg-gone"), Flows: []Flow{f}}
}

func midflow(r *replay) Config {
	cfg := Config{Users: people("st-mid-deactivated", "st-mid-deleted", "st-mid-loggedin")}
	stages := map[string][]Stage{}
	for _, change := range []string{"unbind-current", "delete-current", "delete-later", "add-later", "rename", "delete-flow"} {
		slug := "st-mid-" + change
		stages[change] = []Stage{dummy(slug + "-a"), dummy(slug + "-b")}
		cfg.Flows = append(cfg.Flows, titled(flowOf(slug, stages[change]...)))
	}
	changes := map[string]func(){
		"unbind-current": func() { r.EditFlow("st-mid-unbind-current", func(f *Flow) { f.Bindings = f.Bindings[1:] }) },
		"delete-current": func() { r.DeleteStage(stages["delete-current"][0]) },
		"delete-later":   func() { r.DeleteStage(stages["delete-later"][1]) },
		"add-later": func() {
			r.EditFlow("st-mid-add-later", func(f *Flow) {
				f.Bindings = append(f.Bindings, Binding{Stage: dummy("st-mid-add-later-c")})
			})
		},
		"rename":      func() { r.EditFlow("st-mid-rename", func(f *Flow) { f.Slug = "st-mid-rename-x" }) },
		"delete-flow": func() { r.DeleteFlow("st-mid-delete-flow") },
	}
	for change, do := range changes {
		r.before(change+" done; POST for stage a", do)
	}
	r.before("the user is deactivated now; right password", func() { r.SetActive("st-mid-deactivated", false) })
	r.before("the user is deleted now; right password", func() { r.DeleteUser("st-mid-deleted") })
	r.before("the logged-in user is deactivated now; POST", func() { r.SetActive("st-mid-loggedin", false) })
	cfg.Flows = append(cfg.Flows, titled(twoSteps("st-mid-login")), titled(oneStep("st-login")))
	return cfg
}

// concurrentAnswers holds the two answers that were sent at the same moment
// until both are being worked on.
func concurrentAnswers(r *replay) Config {
	var others chan struct{}
	meet := Policy{Func: func(*PolicyRequest) (bool, []string, error) {
		if others == nil {
			return true, nil, nil
		}
		select {
		case others <- struct{}{}:
		case <-others:
		case <-time.After(5 * time.Second):
			return false, nil, errors.New("the other answer never came")
		}
		return true, nil, nil
	}}
	r.before("#11", func() { others = make(chan struct{}) })
	r.together("#11")
	r.before("#13", func() { others = nil })
	proto := twoSteps("lg-proto")
	proto.Bindings[1].Policies = []Policy{meet}
	return Config{Users: people("lg-twice"), Flows: []Flow{proto, twoSteps("lg-twice-mfa", dummy("lg-dummy"))}}
}

// withCodes is a user with recovery codes that the visitor does not know.
func withCodes(username string) User {
	return having(username, Device{Class: DeviceStatic, Codes: []string{"neverUsed123"}})
}

func languageDE(*replay) Config {
	return Config{
		Users: []User{withCodes("lg-deutsch")},
		Flows: []Flow{factor("lg-language", &AuthenticatorValidateStage{}), oneStep("lg-simple")},
	}
}

func protocolRestart(*replay) Config {
	restarts := func(f Flow, i int, action InvalidResponse) Flow {
		f.Bindings[i].InvalidResponse = action
		return f
	}
	return Config{Users: []User{withCodes("lg-rest")}, Flows: []Flow{
		restarts(twoSteps("lg-restart"), 1, Restart),
		restarts(twoSteps("lg-restart-with-context"), 1, RestartWithContext),
		restarts(flowOf("lg-restart-deny", ask(), &DenyStage{}), 1, Restart),
		restarts(factor("lg-restart-mfa", &AuthenticatorValidateStage{}), 2, RestartWithContext),
	}}
}
