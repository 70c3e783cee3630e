package authentiktest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// mfa is a login in two forms: name and password, then the factor.
func mfa(slug string, stage *AuthenticatorValidateStage) Flow {
	return flowOf(slug, askBoth(), stage, &UserLoginStage{})
}

// code answers the validation stage with a code.
func (c *client) code(slug, code string) object {
	c.t.Helper()
	return c.do(http.MethodPost, executor(slug), fmt.Sprintf(`{"code": %q}`, code))
}

// refused is the first error of a field.
func refused(t testing.TB, c object, field string) string {
	t.Helper()
	errs, _ := c["response_errors"].(object)
	list, _ := errs[field].([]any)
	if len(list) == 0 {
		t.Fatalf("got no error of %s in %v, want one", field, c)
	}
	first, _ := list[0].(object)
	return fmt.Sprint(first["string"])
}

func TestValidate_CodeOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{
		Users: []User{
			having("lg-own", Device{Class: DeviceStatic, Codes: []string{"mine01"}}),
			having("lg-other", Device{Class: DeviceStatic, Codes: []string{"theirs"}}),
		},
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{})},
	})
	want(t, c.login("in", "lg-own"), "component", "ak-stage-authenticator-validate")
	refused(t, c.code("in", "theirs"), "code")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
}

func TestValidate_CodeBeforeTheChallengeIsRefused(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{
		Users: []User{having("lg-early", Device{Class: DeviceStatic, Codes: []string{"mine01"}})},
		Flows: []Flow{flowOf("in", &AuthenticatorValidateStage{}, &UserLoginStage{})},
	})
	refused(t, c.code("in", "mine01"), "code")
}

func TestValidate_OnlyAllowedClassesAreOfferedAndAccepted(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{
		Users: []User{having("lg-class", Device{Class: DeviceStatic, Codes: []string{"mine01"}})},
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{
			DeviceClasses: []DeviceClass{DeviceTOTP}, NotConfigured: NotConfiguredDeny,
		})},
	})
	want(t, c.login("in", "lg-class"), "component", "ak-stage-access-denied")
}

// cookie is the value of a cookie that the client holds.
func (c *client) cookie(name string) string {
	c.t.Helper()
	u, err := url.Parse(c.base + "/")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, one := range c.http.Jar.Cookies(u) {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// fresh is another browser that has but one cookie of the first.
func (c *client) fresh(name, value string) *client {
	c.t.Helper()
	other := browse(c.t, c.base)
	u, err := url.Parse(c.base + "/")
	if err != nil {
		c.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}}) //nolint:gosec // a test's
	other.http.Jar = jar
	return other
}

func TestValidate_RememberedFactorIsForOneStageAndExpires(t *testing.T) {
	t.Parallel()
	clk := newClock()
	hour := func() *AuthenticatorValidateStage { return &AuthenticatorValidateStage{LastAuthThreshold: time.Hour} }
	never := &AuthenticatorValidateStage{}
	s, c := serve(t, Config{
		Now: clk.now, Users: []User{having("lg-mem", Device{Class: DeviceStatic, Codes: []string{"mine01"}, UID: 71})},
		Flows: []Flow{mfa("in", hour()), mfa("other", hour()), mfa("never", never)},
	})
	c.login("in", "lg-mem")
	want(t, c.code("in", "mine01"), "component", "xak-flow-redirect")
	cookie := c.cookie(cookieFactor)
	if cookie == "" {
		t.Fatal("got no cookie that remembers the factor, want one")
	}
	head, _, _ := strings.Cut(cookie, ".")
	later := clk.now().Add(time.Minute).Unix()
	for what, one := range map[string]struct {
		slug, cookie, component string
	}{
		"as it is":      {"in", cookie, "xak-flow-redirect"},
		"another stage": {"other", cookie, "ak-stage-authenticator-validate"},
		"no threshold":  {"never", s.sign(object{"device": 71, "stage": s.keyOf(never), "exp": later}), "ak-stage-authenticator-validate"},
		"a forgery":     {"in", head + ".e30.AAAA", "ak-stage-authenticator-validate"},
	} {
		got := c.fresh(cookieFactor, one.cookie).login(one.slug, "lg-mem")
		if got["component"] != one.component {
			t.Errorf("%s: got challenge %v", what, got["component"])
		}
	}
	clk.pass(time.Hour)
	want(t, c.fresh(cookieFactor, cookie).login("in", "lg-mem"), "component", "ak-stage-authenticator-validate")
}

func TestValidate_SelectingADeviceSendsACode(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{
		Users: []User{having("lg-send",
			Device{Class: DeviceSMS, Number: "+15550100", UID: 901}, Device{Class: DeviceEmail, Email: "a@example.com", UID: 902})},
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{})},
	})
	c.login("in", "lg-send")
	choose := func(class DeviceClass, uid int) object {
		return c.do(http.MethodPost, executor("in"), fmt.Sprintf(
			`{"selected_challenge": {"device_class": %q, "device_uid": "%d", "challenge": {}, "last_used": null}}`, class, uid))
	}
	refused(t, choose(DeviceSMS, 901), elsewhere)
	refused(t, choose(DeviceEmail, 902), elsewhere)
	refused(t, choose(DeviceSMS, 902), "selected_challenge")
	texts, mails := s.Texts(), s.Mail()
	if len(texts) != 1 || texts[0].To != "+15550100" || len(mails) != 1 || mails[0].To != "a@example.com" {
		t.Fatalf("got messages %v and mails %v, want one each", texts, mails)
	}
	if !strings.Contains(texts[0].Body, texts[0].Code) || texts[0].Code == mails[0].Code {
		t.Errorf("got the messages %v and %v, want the device's code in each", texts[0], mails[0])
	}
	want(t, c.code("in", texts[0].Code), "component", "xak-flow-redirect")
}

func TestValidate_DuoDecides(t *testing.T) {
	t.Parallel()
	allowed := true
	cfg := Config{
		Users: []User{having("lg-duo", Device{Class: DeviceDuo, UID: 7}), having("lg-else", Device{Class: DeviceDuo, UID: 8})},
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{})},
		Duo:   Duo{Push: func(u User) (bool, error) { return allowed && u.Username == "lg-duo", nil }},
	}
	_, c := serve(t, cfg)
	c.login("in", "lg-duo")
	push := func(uid string) object { return c.do(http.MethodPost, executor("in"), `{"duo": `+uid+`}`) }
	want(t, push("8"), "component", "ak-stage-flow-error")
	refused(t, push(`"x"`), "duo")
	allowed = false
	if what := refused(t, push("7"), "duo"); what != "Duo denied access" {
		t.Errorf("got the refusal %q", what)
	}
	allowed = true
	want(t, push(`"7"`), "component", "xak-flow-redirect")
}

func TestValidate_DeviceSetUpInTheLoginIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Config{
		Users: people("lg-conf"),
		Flows: []Flow{mfa("in", &AuthenticatorValidateStage{
			NotConfigured: NotConfiguredConfigure, ConfigurationStages: []SetupStage{&AuthenticatorStaticStage{Count: 2, Length: 40}},
		})},
	})
	shown := c.login("in", "lg-conf")
	codes, _ := shown["codes"].([]any)
	if len(codes) != 2 || len(fmt.Sprint(codes[0])) != 40 {
		t.Fatalf("got the codes %v", shown)
	}
	if u, _ := s.User("lg-conf"); len(u.Devices) > 0 {
		t.Error("got the codes stored before the visitor has seen them, want none")
	}
	want(t, c.do(http.MethodPost, executor("in"), `{}`), "component", "xak-flow-redirect")
	u, _ := s.User("lg-conf")
	if len(u.Devices) != 1 || !slices.Contains(u.Devices[0].Codes, fmt.Sprint(codes[1])) {
		t.Errorf("got devices %v of the user", u.Devices)
	}
	other := browse(t, c.base)
	want(t, other.login("in", "lg-conf"), "component", "ak-stage-authenticator-validate")
	want(t, other.code("in", fmt.Sprint(codes[1])), "component", "xak-flow-redirect")
}
