package authentiktest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// writes is an expression policy that passes, and puts something into the
// plan's context.
func writes(write func(*PolicyRequest)) []Policy {
	return []Policy{{Func: func(r *PolicyRequest) (bool, []string, error) {
		write(r)
		return true, nil, nil
	}}}
}

// prompted is what prompts have collected by now.
func prompted(r *PolicyRequest) object {
	data, _ := r.Context[contextPrompted].(object)
	return data
}

// telling is a deny stage that says what the prompts have collected, in the
// words of a policy.
func telling(say func(object) string) Binding {
	return Binding{Stage: &DenyStage{}, Policies: writes(func(r *PolicyRequest) {
		r.Context[contextDeny] = say(prompted(r))
	})}
}

// dumped is Python's JSON of what was collected, with its keys sorted.
func dumped(data object) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // it came as JSON
	}
	var out strings.Builder
	quoted := false
	for i, c := range string(raw) {
		out.WriteRune(c)
		if c == '"' && raw[i-1] != '\\' {
			quoted = !quoted
		}
		if (c == ',' || c == ':') && !quoted {
			out.WriteByte(' ')
		}
	}
	return "data: " + strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(out.String())
}

func consentStage(*replay) Config {
	f := titled(flowOf("st-consent-login", askBoth(), &ConsentStage{}, &UserLoginStage{}))
	f.Bindings[1].Policies = writes(func(r *PolicyRequest) {
		r.Context[contextConsentHeader] = "You're about to sign into Example."
		r.Context[contextConsent] = []Permission{{ID: "openid"}, {ID: "email", Name: "Email address"}}
	})
	return Config{Users: people("st-consent"), Flows: []Flow{f}}
}

func redirectStage(*replay) Config {
	name := &PromptStage{Fields: []Field{{Key: "name", Label: "Name"}}}
	flow := func(slug string, stages ...Stage) Flow { return titled(flowOf(slug, stages...)) }
	target := flow("st-redirect-target", nil)
	target.Title = "Target of the redirect"
	target.Bindings[0] = telling(func(data object) string {
		if data == nil {
			return "prompt data: None"
		}
		return fmt.Sprintf("prompt data: {'component': '%s', 'name': '%s'}", data["component"], data["name"])
	})
	policy := flow("st-redirect-policy", &RedirectStage{To: "https://www.example.com/there"})
	policy.Bindings[0].Policies = writes(func(r *PolicyRequest) {
		r.Context[contextTarget] = "ak-flow://st-redirect-target"
	})
	needs := flow("st-require-redirect", dummy("st-dummy"))
	needs.Authentication = RequireRedirect
	return Config{Flows: []Flow{
		flow("st-redirect-static", name, &RedirectStage{To: "https://www.example.com/there"}, dummy("st-dummy")),
		flow("st-redirect-keep", name, &RedirectStage{Flow: "st-redirect-target"}),
		flow("st-redirect-drop", name, &RedirectStage{Flow: "st-redirect-target", DropContext: true}),
		flow("st-to-require-redirect", &RedirectStage{Flow: "st-require-redirect"}),
		policy, needs, target,
	}}
}

func promptRestart(*replay) Config {
	var cfg Config
	for slug, action := range map[string]InvalidResponse{
		"st-prompt-retry": Retry, "st-prompt-restart": Restart, "st-prompt-restart-with-context": RestartWithContext,
	} {
		f := titled(flowOf(
			slug,
			&PromptStage{Fields: []Field{{Key: "name", Label: "Name"}}},
			&PromptStage{Fields: []Field{{Key: "age", Label: "Age", Type: FieldNumber}}},
		))
		f.Bindings[1].InvalidResponse = action
		cfg.Flows = append(cfg.Flows, f)
	}
	return cfg
}

func promptValidation(*replay) Config {
	sold := Policy{Func: func(r *PolicyRequest) (bool, []string, error) {
		switch prompted(r)["colour"] {
		case "blue":
			return false, []string{"Blue is sold out.", "Please take another colour."}, nil
		case "green":
			return true, []string{"A good choice."}, nil
		}
		return true, nil, nil
	}}
	black := Policy{Func: func(r *PolicyRequest) (bool, []string, error) {
		return prompted(r)["colour"] != "black", nil, nil
	}}
	f := titled(flowOf("st-prompt-validate", &PromptStage{
		Fields: []Field{{
			Key: "colour", Label: "Colour", Type: FieldRadio, Choices: choices("blue", "green", "black"),
		}},
		Policies: []Policy{sold, black},
	}))
	f.Bindings = append(f.Bindings, telling(dumped))
	return Config{Flows: []Flow{f}}
}

// choices makes plain choices.
func choices(values ...string) (list []Choice) {
	for _, v := range values {
		list = append(list, Choice{Value: v})
	}
	return list
}

// dependent asks for what depends on the answer before it.
func dependent() *PromptStage {
	return &PromptStage{Fields: []Field{
		{Key: "city", Label: "City", Type: FieldDropdown, ChoicesFunc: func(r *PolicyRequest) []Choice {
			if prompted(r)["country"] == "de" {
				return choices("Berlin", "Bonn")
			}
			return choices("Paris", "Lyon")
		}},
		{Key: "note", Label: "Note", Type: FieldStatic, Optional: true, Order: 1, InitialFunc: func(r *PolicyRequest) string {
			return fmt.Sprint("You chose ", prompted(r)["country"])
		}},
	}}
}

func promptChoices(r *replay) Config {
	none := func(*PolicyRequest) []Choice { return nil }
	letters := []Choice{{"p", "P"}, {"q", "Q"}}
	country := Field{Key: "country", Label: "Country", Type: FieldDropdown, Choices: choices("de", "fr")}
	empty := Field{Key: "empty", Label: "No choices", Type: FieldDropdown, Optional: true, Order: 1, ChoicesFunc: none}
	blank := Field{
		Key: "blank", Label: "Choice with a blank value", Type: FieldDropdown, Optional: true, Order: 2,
		Choices: []Choice{{"", "none"}, {"x", "X"}},
	}
	numbers := Field{Key: "numbers", Label: "Numbers as choices", Type: FieldRadio, Optional: true, Choices: choices("1", "2", "3")}
	initial := Field{
		Key: "numbers_init", Label: "Initial value not among the choices", Type: FieldDropdown, Optional: true,
		Initial: "zzz", Choices: letters,
	}
	ordered := func(f Field, order int) Field {
		f.Order = order
		return f
	}
	plain := initial
	if r.release == Release202510 {
		plain.Choices = choices("p", "q")
	}
	second := dependent()
	named := func(slug string, stages ...Stage) Flow {
		f := flowOf(slug, stages...)
		f.Title = "Choices"
		return f
	}
	return Config{Flows: []Flow{
		named("st-prompt-choices", &PromptStage{Fields: []Field{
			country, empty, blank, ordered(numbers, 3), ordered(initial, 4),
		}}, second),
		named("st-prompt-choices-plain", &PromptStage{Fields: []Field{
			country, empty, ordered(numbers, 2), ordered(plain, 3),
		}}, second),
	}}
}
