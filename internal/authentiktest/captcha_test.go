package authentiktest

import (
	"net/http"
	"testing"
)

func TestCaptcha_ChecksScoreAndErrorCodes(t *testing.T) {
	t.Parallel()
	s := recaptcha()
	for token, want := range map[string]string{
		"good": "", "score-0.5": "", "score-1": "", "score-0.49": invalidCaptcha, "score-1.1": invalidCaptcha,
		"missing-input-response": "Invalid captcha response. Retrying may solve this issue.", "other": invalidCaptcha,
		"broken": "Failed to validate token",
	} {
		if got := s.refusal(token); got != want {
			t.Errorf("%s: got %q, want %q", token, got, want)
		}
	}
	s.Lenient = true
	if s.refusal("other") != "" || s.refusal("broken") == "" {
		t.Error("got another result with Lenient, want only a provider's refusal accepted")
	}
	if (&CaptchaStage{}).refusal("any") != "" {
		t.Error("got a token refused without a provider, want it accepted")
	}
}

func TestEndpointAgent_ValidResponsePasses(t *testing.T) {
	t.Parallel()
	required := &EndpointAgentStage{Required: true, Verify: func(r string) bool { return r == "signed" }}
	for release, component := range map[Release]string{
		Release202605: "ak-stage-endpoint-agent", Release202510: "ak-stage-flow-error",
	} {
		_, c := serve(t, Config{Release: release, Flows: []Flow{flowOf("in", required)}})
		want(t, c.do(http.MethodGet, executor("in"), ""), "component", component)
	}
	_, c := serve(t, Config{Flows: []Flow{flowOf("in", required)}})
	refused(t, c.do(http.MethodPost, executor("in"), `{"response": "unsigned"}`), "response")
	want(t, c.do(http.MethodPost, executor("in"), `{"response": "signed"}`), "component", "xak-flow-redirect")
}
