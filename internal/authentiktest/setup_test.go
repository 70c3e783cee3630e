package authentiktest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// signedUp is a browser in which a user is signed in, whose POSTs carry what
// authentik's own page would send.
func signedUp(t testing.TB, cfg Config, username string) (*Server, *client) {
	t.Helper()
	cfg.Flows = append(cfg.Flows, oneStep("signing-in"))
	s, c := serve(t, cfg)
	want(t, c.login("signing-in", username), "component", "xak-flow-redirect")
	return s, c
}

// post sends an answer of a signed-in user.
func (c *client) post(path, body string) object {
	c.t.Helper()
	return c.do(http.MethodPost, path, body, "X-Authentik-Csrf", c.cookie(cookieCSRF), "Origin", c.base)
}

func TestDuo_StatusNeedsASignedInUserInTheOlderRelease(t *testing.T) {
	t.Parallel()
	for release, status := range map[Release]int{Release202510: http.StatusForbidden, Release202605: http.StatusOK} {
		stage := &AuthenticatorDuoStage{}
		s, c := signedUp(t, Config{
			Release: release, Users: people("lg-duo"), Flows: []Flow{settingUp("duo", "Duo", stage)},
			Duo: Duo{Enrolment: func(User) (string, error) { return "waiting", nil }},
		}, "lg-duo")
		c.do(http.MethodGet, executor("duo"), "")
		path := "/api/v3/stages/authenticator/duo/" + s.keyOf(stage) + "/enrollment_status/"
		want(t, c.do(http.MethodPost, path, ""), "status", status)
		want(t, c.post(path, ""), "duo_response", "waiting")
	}
}

func TestDuo_SetUpWaitsForTheEnrolment(t *testing.T) {
	t.Parallel()
	status := "waiting"
	stage := &AuthenticatorDuoStage{}
	s, c := signedUp(t, Config{
		Users: people("lg-duo"), Flows: []Flow{settingUp("duo", "Duo", stage)},
		Duo: Duo{Enrolment: func(User) (string, error) { return status, nil }},
	}, "lg-duo")
	poll := func(pk string) object {
		return c.post("/api/v3/stages/authenticator/duo/"+pk+"/enrollment_status/", "")
	}
	want(t, poll(s.keyOf(stage)), "status", http.StatusBadRequest)
	shown := c.do(http.MethodGet, executor("duo"), "")
	want(t, shown, "component", "ak-stage-authenticator-duo", "stage_uuid", s.keyOf(stage))
	want(t, poll(s.keyOf(stage)), "status", http.StatusOK, "duo_response", "waiting")
	want(t, poll(uuid()), "status", http.StatusNotFound)
	want(t, c.post(executor("duo"), `{}`), "error_message", "Invalid enrollment status: waiting.")
	status = "success"
	c.do(http.MethodGet, executor("duo"), "")
	want(t, c.post(executor("duo"), `{}`), "component", "xak-flow-redirect")
	if u, _ := s.User("lg-duo"); len(u.devices([]DeviceClass{DeviceDuo})) != 1 {
		t.Errorf("got devices %v of the user", u.Devices)
	}
}

func TestSetUp_TelephoneBelongsToOneUser(t *testing.T) {
	t.Parallel()
	s, c := signedUp(t, Config{
		Users: append(people("lg-sms"), having("lg-first", Device{Class: DeviceSMS, Number: "+15550100"})),
		Flows: []Flow{settingUp("sms", "SMS", &AuthenticatorSMSStage{})},
	}, "lg-sms")
	c.do(http.MethodGet, executor("sms"), "")
	number := func(n string) object { return c.post(executor("sms"), fmt.Sprintf(`{"phone_number": %q}`, n)) }
	if what := refused(t, number("+15550100"), elsewhere); what != "Invalid phone number" || len(s.Texts()) != 0 {
		t.Errorf("got %q and messages %v for another user's number, want a refusal and none", what, s.Texts())
	}
	number("+15550101")
	number("+15550102")
	texts := s.Texts()
	if len(texts) != 2 || texts[0].Code != texts[1].Code || texts[1].To != "+15550102" {
		t.Fatalf("got messages %v, want one", texts)
	}
	want(t, c.post(executor("sms"), `{"code": "`+texts[1].Code+`"}`), "component", "xak-flow-redirect")
	u, _ := s.User("lg-sms")
	if len(u.Devices) != 1 || u.Devices[0].Number != "+15550102" || u.Devices[0].sent.code != "" {
		t.Errorf("got devices %v of the user", u.Devices)
	}
}

// fill is a stage that puts what prompts would collect into the plan.
type fill object

func (s *fill) get(v *visit) (*response, error) {
	v.plan.context[contextPrompted] = object(*s)
	return v.solved()
}

func (s *fill) post(v *visit) (*response, error) { return s.get(v) }

func TestSetUp_PromptedAddressGetsItsCodeAtOnce(t *testing.T) {
	t.Parallel()
	broken := errors.New("the gateway is out of order")
	sms := &AuthenticatorSMSStage{Send: func(string, string) error { return broken }}
	s, c := signedUp(t, Config{Users: people("lg-prompt"), Flows: []Flow{
		flowOf("mail", &fill{"email": "other@example.org"}, &AuthenticatorEmailStage{}),
		flowOf("sms", &fill{"phone": "+15550103"}, &AuthenticatorSMSStage{}),
		flowOf("broken", &fill{"phone": "+15550104"}, sms),
	}}, "lg-prompt")
	want(t, c.do(http.MethodGet, executor("mail"), ""), "email", "o****@e******.org", "email_required", false)
	want(t, c.do(http.MethodGet, executor("sms"), ""), "phone_number_required", false)
	if len(s.Mail()) != 1 || s.Mail()[0].To != "other@example.org" || len(s.Texts()) != 1 {
		t.Errorf("got mails %v and messages %v, want one each", s.Mail(), s.Texts())
	}
	if what := refused(t, c.do(http.MethodGet, executor("broken"), ""), elsewhere); what != broken.Error() {
		t.Errorf("got the gateway's error as %q", what)
	}
}

func TestSetUp_AddressBelongsToOneUser(t *testing.T) {
	t.Parallel()
	users := append(people("lg-mail"), having("lg-first", Device{Class: DeviceEmail, Email: "used@example.com"}))
	users[0].Email = ""
	s, c := signedUp(t, Config{Users: users, Flows: []Flow{settingUp("mail", "Mail", &AuthenticatorEmailStage{})}}, "lg-mail")
	c.do(http.MethodGet, executor("mail"), "")
	if what := refused(t, c.post(executor("mail"), `{"email": "used@example.com"}`), elsewhere); what != "Invalid email" || len(s.Mail()) != 0 {
		t.Errorf("got %q and mails %v for another user's address, want a refusal and none", what, s.Mail())
	}
}

func TestSetUp_IsSkippedWithoutAUser(t *testing.T) {
	t.Parallel()
	stages := map[string]Stage{
		"totp": &AuthenticatorTOTPStage{}, "static": &AuthenticatorStaticStage{}, "sms": &AuthenticatorSMSStage{},
		"email": &AuthenticatorEmailStage{}, "duo": &AuthenticatorDuoStage{}, "webauthn": &AuthenticatorWebAuthnStage{},
		"validate": &AuthenticatorValidateStage{DeviceClasses: []DeviceClass{DeviceTOTP}},
	}
	var flows []Flow
	for slug, stage := range stages {
		flows = append(flows, flowOf(slug, stage))
	}
	_, c := serve(t, Config{Flows: flows})
	for slug := range stages {
		if got := c.do(http.MethodGet, executor(slug), ""); got["component"] != "xak-flow-redirect" {
			t.Errorf("%s: got %v", slug, got)
		}
	}
}

func TestDevices_AreListedToTheirUser(t *testing.T) {
	t.Parallel()
	const all = "/api/v3/authenticators/all/"
	_, c := signedUp(t, Config{Users: []User{having("lg-list", app(), Device{Class: DeviceStatic})}}, "lg-list")
	list := fmt.Sprint(c.do(http.MethodGet, all, ""))
	for _, model := range []string{"authentik_stages_authenticator_totp.TOTPDevice", "authentik_stages_authenticator_static.StaticDevice"} {
		if !strings.Contains(list, model) {
			t.Errorf("got no %s in %s", model, list)
		}
	}
	want(t, browse(t, c.base).do(http.MethodGet, all, ""), "status", http.StatusForbidden)
	want(t, c.post(all, "{}"), "status", http.StatusMethodNotAllowed)
}

func TestDevices_AreInAuthentiksOrder(t *testing.T) {
	t.Parallel()
	var u User
	for _, class := range slices.Backward(deviceClasses) {
		u.Devices = append(u.Devices, Device{Class: class})
	}
	for i, d := range u.devices(nil) {
		if d.Class != deviceClasses[i] {
			t.Errorf("device %d: got class %s", i, d.Class)
		}
	}
	if got := u.devices([]DeviceClass{DeviceSMS}); len(got) != 1 || got[0].Class != DeviceSMS {
		t.Errorf("got devices of one class %v", got)
	}
}
