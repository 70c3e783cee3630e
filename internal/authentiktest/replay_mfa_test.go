package authentiktest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// mfaRows are the recordings about second factors by code.
func mfaRows() []row {
	return []row{
		{name: "mfa-configure-choice", replay: configureChoice},
		{name: "mfa-configure-one", replay: configureOne},
		{name: "mfa-duo-unreachable", replay: duoUnreachable},
		{name: "mfa-email-login", replay: emailLogin},
		{name: "mfa-email-setup", replay: emailSetup},
		{name: "mfa-not-configured", replay: notConfigured},
		{name: "mfa-remember-device", replay: rememberDevice},
		{name: "mfa-several-devices", replay: severalDevices},
		{name: "mfa-sms-login", replay: smsLogin},
		{name: "mfa-sms-setup", replay: smsSetup},
		{name: "mfa-static-login", replay: staticLogin},
		{name: "mfa-static-setup", replay: staticSetup},
		{name: "mfa-totp-login", replay: totpLogin},
		{name: "mfa-totp-setup", replay: totpSetup},
	}
}

func totpLogin(r *replay) Config {
	c := newClock()
	r.types(c, "#9", known, 0)
	r.types(c, "#16", known, 0)
	r.types(c, "#19", known, 30*time.Second)
	r.types(c, "#20", known, 30*time.Second)
	for i, d := range map[string]time.Duration{"#8": 2, "#9": 3, "#17": 2, "#18": 3, "#20": 5} {
		r.wait(c, i, d*time.Second)
	}
	return Config{
		Now: c.now, Users: []User{having("lg-hugo", app())},
		Flows: []Flow{factor("lg-mfa-totp", &AuthenticatorValidateStage{})},
	}
}

// recordedSecret is the secret of a set-up as it was shown in an exchange.
func (r *replay) recordedSecret(i int) string {
	c, _ := r.recording.Exchanges[i].Response.JSON.(map[string]any)
	address, _ := c["config_url"].(string)
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("secret") == "" {
		r.t.Fatalf("got no secret in exchange %d of the recording, want one", i)
	}
	return u.Query().Get("secret")
}

// shown is the secret that stands for the one shown in an exchange.
func (r *replay) shown(i int) func() string {
	return func() string { return r.live.of("config_url", r.recordedSecret(i)) }
}

// totpSetup was recorded at a quick server of the one release and at a slow
// one of 2026.5, where nine seconds went by between the first wrong code and the
// right one, by the times of the device; in 2026.8 the whole set-up took three.
func totpSetup(r *replay) Config {
	c := newClock()
	r.signedIn(0, "lg-gina")
	for i, e := range r.recording.Exchanges {
		if strings.HasPrefix(e.Note, "right code") {
			r.types(c, exchangeNo(i), r.shown(0), 0)
		}
	}
	switch r.release {
	case Release202605:
		r.wait(c, "wrong code", 4*time.Second)
		r.wait(c, "#6", 5*time.Second)
	case Release202608:
		r.wait(c, "#6", 2*time.Second)
	default:
		r.wait(c, "right code, three seconds later", 3*time.Second)
	}
	return Config{Now: c.now, Users: people("lg-gina")}
}

func staticLogin(r *replay) Config {
	c := newClock()
	r.slowly(c)
	codes := Device{Class: DeviceStatic, Codes: []string{r.recordedCode(5), r.recordedCode(13), "neverUsed123"}}
	return Config{
		Now: c.now, Users: []User{having("lg-kurt", codes)},
		Flows: []Flow{factor("lg-mfa-static", &AuthenticatorValidateStage{})},
	}
}

func staticSetup(r *replay) Config {
	r.signedIn(0, "lg-jan")
	return Config{Users: people("lg-jan")}
}

func severalDevices(r *replay) Config {
	c := newClock()
	r.slowly(c)
	codes := Device{Class: DeviceStatic, Codes: []string{r.recordedCode(9)}}
	return Config{
		Now: c.now, Users: []User{having("lg-lena", app(), codes, r.securityKey())},
		Flows: []Flow{factor("lg-mfa-several", &AuthenticatorValidateStage{})},
	}
}

func smsLogin(r *replay) Config {
	c := newClock()
	r.slowly(c)
	r.sends(r.recordedCode(7), r.recordedCode(8))
	return Config{
		Now: c.now, Users: []User{having("lg-zoe", Device{Class: DeviceSMS, Number: "+15550143"})},
		Flows: []Flow{factor("lg-mfa-sms", &AuthenticatorValidateStage{})},
	}
}

func smsSetup(r *replay) Config {
	r.signedIn(0, "lg-yara")
	r.sends(r.recordedCode(7))
	refuses := func(string, string) error { return errors.New(`{"error":"number not reachable"}`) }
	if r.release == Release202608 { // the gateway of this recorder took every number
		refuses = nil
	}
	return Config{Users: people("lg-yara"), Flows: []Flow{
		settingUp("lg-sms-setup-fail", "Set up SMS codes", &AuthenticatorSMSStage{Send: refuses}),
		settingUp("lg-sms-setup", "Set up SMS codes", &AuthenticatorSMSStage{}),
	}}
}

// settingUp is a flow for signed-in users in which they set a device up.
func settingUp(slug, title string, stage Stage) Flow {
	return Flow{
		Slug: slug, Title: title, Designation: DesignationStageConfiguration,
		Authentication: RequireAuthenticated, Bindings: []Binding{{Stage: stage}},
	}
}

func emailLogin(r *replay) Config {
	c := newClock()
	if r.release == Release202608 { // the right code was tried at once, and three seconds later
		r.slowly(c, 8, 9)
		r.wait(c, "#9", 3*time.Second)
	} else {
		r.slowly(c)
	}
	r.sends(r.recordedCode(8))
	box := Device{Class: DeviceEmail, Email: "vera.960513219@example.com", LastUsed: c.now().Add(-time.Minute)}
	return Config{
		Now: c.now, Users: []User{having("lg-vera", box)},
		Flows: []Flow{factor("lg-mfa-email", &AuthenticatorValidateStage{})},
	}
}

func emailSetup(r *replay) Config {
	r.signedIn(1, "lg-vera")
	r.signedIn(2, "lg-wim")
	r.sends(r.recordedCode(7), r.recordedCode(8))
	users := people("lg-vera", "lg-wim")
	users[0].Email, users[1].Email = "vera.960513219@example.com", ""
	return Config{Users: users, Flows: []Flow{
		settingUp("lg-email-setup", "Set up e-mail codes", &AuthenticatorEmailStage{}),
	}}
}

func configureOne(r *replay) Config {
	c := newClock()
	r.types(c, "#6", r.shown(5), 0)
	return Config{Now: c.now, Users: people("lg-tina"), Flows: []Flow{
		factor("lg-conf-one", &AuthenticatorValidateStage{
			NotConfigured: NotConfiguredConfigure, ConfigurationStages: []SetupStage{&AuthenticatorTOTPStage{}},
		}),
	}}
}

// configureChoice offers the set-up stages in the order of the recorded
// database.
func configureChoice(r *replay) Config {
	stages := []SetupStage{&AuthenticatorTOTPStage{}, &AuthenticatorStaticStage{}, &AuthenticatorWebAuthnStage{}}
	if r.release == Release202608 {
		stages = []SetupStage{stages[2], stages[0], stages[1]}
	}
	return Config{Users: people("lg-uwe"), Flows: []Flow{
		factor("lg-conf-choice", &AuthenticatorValidateStage{
			NotConfigured: NotConfiguredConfigure, ConfigurationStages: stages,
		}),
	}}
}

func notConfigured(*replay) Config {
	return Config{Users: people("lg-sven"), Flows: []Flow{
		factor("lg-nc-skip", &AuthenticatorValidateStage{}),
		factor("lg-nc-deny", &AuthenticatorValidateStage{NotConfigured: NotConfiguredDeny}),
	}}
}

func rememberDevice(r *replay) Config {
	c := newClock()
	r.types(c, "#5", known, 0)
	return Config{
		Now: c.now, Users: []User{having("lg-ida", app()), having("lg-ida2", app())},
		Flows: []Flow{factor("lg-mfa-remember", &AuthenticatorValidateStage{LastAuthThreshold: time.Hour})},
	}
}

func duoUnreachable(r *replay) Config {
	r.signedIn(1, "lg-duo")
	users := []User{having("lg-duo", Device{Class: DeviceDuo, UID: 1})}
	return Config{Users: slices.Clone(users), Flows: []Flow{
		settingUp("lg-duo-setup", "Set up Duo", &AuthenticatorDuoStage{}),
		factor("lg-mfa-duo", &AuthenticatorValidateStage{}),
	}}
}
