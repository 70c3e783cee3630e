package contract

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// captchaScenarios need a real authentik to reach this machine's own addresses: it
// asks the provider about each token, and the provider is the test.
func captchaScenarios() []scenario {
	return []scenario{
		{
			name: "captcha", standIn: captchaStandIn, blueprint: captchaBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").stands("ak-stage-captcha").calm()
				p = p.proves("token", "").alarms("confirm first").stands("ak-stage-captcha")
				p = p.proves("token", "invalid").alarms("Invalid captcha response").stands("ak-stage-captcha")
				if token, _ := p.Value("token"); token != "" {
					p.fatal("keeps the token %q, which is good once", token)
				}
				p.proves("token", goodToken).asks("uid_field").calm().signIn("alice").greets("alice", "/there")
			},
		},
		{
			name: "captcha in the first form", standIn: captchaAlsoStandIn, blueprint: captchaAlsoBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").asks("uid_field").asks("password").calm()
				give := func(token, password string) page {
					if err := p.Put("captcha_token", token); err != nil {
						t.Fatal(err)
					}
					return p.enter("uid_field", s.of("alice"), "password", password)
				}
				p = give("", s.password).asks("password").alarms("confirm first")
				for _, try := range [][2]string{{"invalid", s.password}, {goodToken, "wrong"}} {
					if p = give(try[0], try[1]).asks("password"); len(p.Errors()) == 0 {
						p.fatal("says nothing of what was wrong")
					}
					if name, _ := p.Value("uid_field"); name != s.of("alice") {
						p.fatal("has forgotten the name")
					}
				}
				give(goodToken, s.password).greets("alice", "/")
			},
		},
	}
}

// goodToken is the one that the provider finds good.
const goodToken = "good"

// proves sends what a script of the page would, once it has a token.
func (p page) proves(field, token string) page {
	p.visitor.Helper()
	next, err := p.Script(p.visitor.Context(), field, token)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// provider is the address at which tokens are verified, as providers do it. It is
// there as long as the tests are.
var provider = sync.OnceValue(func() string {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		verdict := map[string]any{"success": r.FormValue("response") == goodToken && r.FormValue("secret") == "secret"}
		if verdict["success"] == false {
			verdict["error-codes"] = []string{"invalid-input-response"}
		}
		_ = json.NewEncoder(w).Encode(verdict) // whoever has gone away needs no verdict
	})).URL
})

func captchaStage() *authentiktest.CaptchaStage {
	return &authentiktest.CaptchaStage{
		SiteKey: "key", JSURL: provider() + "/api.js", Interactive: true,
		Verify: func(token string) (authentiktest.Verdict, error) {
			return authentiktest.Verdict{Success: token == goodToken, Errors: []string{"invalid-input-response"}}, nil
		},
	}
}

const captchaModel = "authentik_stages_captcha.captchastage"

func captchaAttrs() Attrs {
	return Attrs{
		"public_key": "key", "private_key": "secret", "js_url": provider() + "/api.js", "api_url": provider(),
		"interactive": true, "error_on_invalid_score": true, "score_min_threshold": 0.5, "score_max_threshold": 1.0,
	}
}

func captchaStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Bindings = append([]authentiktest.Binding{{Stage: captchaStage()}}, cfg.Flows[0].Bindings...)
	return cfg
}

func captchaBlueprint(n names) *draft {
	return n.draft("alice").stage("flow", captchaModel, "captcha", captchaAttrs()).twoSteps(nil)
}

func captchaAlsoStandIn(n names) authentiktest.Config {
	cfg := oneStepStandIn(n)
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{
		UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}, Captcha: captchaStage(),
	}
	return cfg
}

func captchaAlsoBlueprint(n names) *draft {
	return n.draft("alice").passwordStage("flow").named(captchaModel, "captcha", captchaAttrs()).
		stage("flow", "authentik_stages_identification.identificationstage", "flow-identification", Attrs{
			"user_fields": []string{"username"}, "password_stage": KeyOf("flow-password"), "captcha_stage": KeyOf("captcha"),
		}).login("flow")
}
