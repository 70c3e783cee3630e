package authentiktest

import (
	"errors"
	"strconv"
	"strings"
)

// captchaRows are the recordings about captchas and about agents on the
// visitor's device.
func captchaRows() []row {
	return []row{
		{name: "captcha-identification", replay: captchaIdentification},
		{name: "captcha-stage", replay: captchaStage},
		{name: "endpoint-agent", replay: endpointAgent},
	}
}

// provider is the recorded stand-in for a provider of captchas: the token
// says what it is to answer.
func provider(token string) (Verdict, error) {
	if token == "broken" {
		return Verdict{}, errors.New("HTTP 500")
	}
	if digits, found := strings.CutPrefix(token, "score-"); found {
		score, err := strconv.ParseFloat(digits, 64)
		return Verdict{Success: true, Score: &score}, err
	}
	return Verdict{Success: token == "good", Errors: []string{token}}, nil
}

func recaptcha() *CaptchaStage {
	return &CaptchaStage{SiteKey: "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI", Verify: provider}
}

func turnstile() *CaptchaStage {
	return &CaptchaStage{
		SiteKey: "1x00000000000000000000AA", JSURL: "https://challenges.cloudflare.com/turnstile/v0/api.js",
		Interactive: true, Verify: provider,
	}
}

func captchaIdentification(*replay) Config {
	first := askBoth()
	first.Captcha = turnstile()
	return Config{
		Users: people("st-captcha"),
		Flows: []Flow{titled(flowOf("st-captcha-login", first, &UserLoginStage{}))},
	}
}

func captchaStage(*replay) Config {
	hcaptcha := &CaptchaStage{
		SiteKey: "10000000-ffff-ffff-ffff-000000000001", JSURL: "https://js.hcaptcha.com/1/api.js",
		Interactive: true, Verify: provider,
	}
	lenient := recaptcha()
	lenient.Lenient = true
	flow := func(name string, s *CaptchaStage) Flow {
		return titled(flowOf("st-captcha-"+name, s, dummy("st-dummy")))
	}
	return Config{Flows: []Flow{
		flow("recaptcha", recaptcha()), flow("hcaptcha", hcaptcha), flow("turnstile", turnstile()), flow("lenient", lenient),
	}}
}

func endpointAgent(*replay) Config {
	flow := func(name string, required bool) Flow {
		return titled(flowOf("st-agent-"+name, &EndpointAgentStage{Required: required}, dummy("st-dummy")))
	}
	return Config{Flows: []Flow{flow("optional", false), flow("required", true)}}
}
