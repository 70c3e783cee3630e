package contract

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// captchaScenarios need a real authentik that can reach this machine's loopback
// addresses: it verifies each token at the captcha provider, which the test serves.
func captchaScenarios() []scenario {
	return []scenario{
		{
			name: "captcha", standIn: captchaStandIn, blueprint: captchaBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").isChallenge("ak-stage-captcha").showsNoError()
				p = p.sendToken("token", "").showsError("confirm first").isChallenge("ak-stage-captcha")
				p = p.sendToken("token", "invalid").showsError("Invalid captcha response").isChallenge("ak-stage-captcha")
				if token, _ := p.Value("token"); token != "" {
					p.fatal("keeps the used token %q in its form, want none", token)
				}
				p.sendToken("token", goodToken).asksFor("uid_field").showsNoError().signIn("alice").greets("alice", "/there")
			},
		},
		{
			name: "captcha in the first form", standIn: captchaAlsoStandIn, blueprint: captchaAlsoBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").asksFor("uid_field").asksFor("password").showsNoError()
				give := func(token, password string) page {
					if err := p.Put("captcha_token", token); err != nil {
						t.Fatal(err)
					}
					return p.enter("uid_field", s.unique("alice"), "password", password)
				}
				p = give("", s.password).asksFor("password").showsError("confirm first")
				for _, try := range [][2]string{{"invalid", s.password}, {goodToken, "wrong"}} {
					if p = give(try[0], try[1]).asksFor("password"); len(p.Errors()) == 0 {
						p.fatal("shows no error, want one about the captcha")
					}
					if name, _ := p.Value("uid_field"); name != s.unique("alice") {
						p.fatal("does not keep the name that was typed")
					}
				}
				give(goodToken, s.password).greets("alice", "/")
			},
		},
	}
}

// goodToken is the only token that the captcha provider accepts.
const goodToken = "good"

// sendToken submits a captcha token as the script of the page does.
func (p page) sendToken(field, token string) page {
	p.visitor.Helper()
	next, err := p.Script(p.visitor.Context(), field, token)
	if err != nil {
		p.visitor.Fatal(err)
	}
	return page{next, p.visitor}
}

// provider returns the address of a server that verifies captcha tokens. It serves
// until the test binary ends.
var provider = sync.OnceValue(func() string {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		verdict := map[string]any{"success": r.FormValue("response") == goodToken && r.FormValue("secret") == "secret"}
		if verdict["success"] == false {
			verdict["error-codes"] = []string{"invalid-input-response"}
		}
		_ = json.NewEncoder(w).Encode(verdict) // fails only if the client has disconnected
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
	return n.draft("alice").unboundPassword("flow").named(captchaModel, "captcha", captchaAttrs()).
		stage("flow", "authentik_stages_identification.identificationstage", "flow-identification", Attrs{
			"user_fields": []string{"username"}, "password_stage": KeyOf("flow-password"), "captcha_stage": KeyOf("captcha"),
		}).login("flow")
}
