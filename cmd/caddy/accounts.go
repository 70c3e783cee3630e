package main

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// An account is somebody to sign in as.
type account struct {
	user authentiktest.User
	asks string // what authentik asks, besides the password
}

// everybodysPassword is the password of all accounts of the demonstration.
const everybodysPassword = "demo"

// appSecret is what an authenticator app is set up with.
func appSecret() string { return base32.StdEncoding.EncodeToString([]byte("a demonstration only")) }

// paper is a sheet of codes, each of which is good for one sign-in.
func paper() []string {
	var codes []string
	for n := range 9 {
		codes = append(codes, fmt.Sprintf("paper%d", n+1))
	}
	return codes
}

// accounts are the people of the demonstration, one for each kind of question.
func accounts() []account {
	app := authentiktest.Device{Class: authentiktest.DeviceTOTP, Name: "Authenticator app", Secret: appSecret()}
	sheet := authentiktest.Device{Class: authentiktest.DeviceStatic, Name: "Codes on paper", Codes: paper()}
	phone := authentiktest.Device{Class: authentiktest.DeviceSMS, Name: "Telephone", Number: "+1555010010"}
	mail := authentiktest.Device{Class: authentiktest.DeviceEmail, Name: "Mailbox", Email: "email@example.com"}
	return []account{
		{person("demo"), "nothing"},
		{person("totp", app), "a code from an authenticator app: press Enter here to see it"},
		{person("static", sheet), "a code on paper: paper1, paper2, and so on to paper9, each once"},
		{person("sms", phone), "a code by text message, which appears here"},
		{person("email", mail), "a code by e-mail, which appears here"},
		{person("several", app, sheet, phone), "a code from one of three devices"},
		{person("setup"), "to choose a second factor and to set it up"},
		{person("setup-totp"), "to set up an authenticator app: paste its secret here and press Enter to see the code"},
		{person("setup-static"), "to write down codes"},
		{person("setup-sms"), "to set up a telephone; the code appears here"},
		{person("setup-email"), "to set up a mailbox; the code appears here"},
		{person("stay"), "whether to stay signed in"},
		{person("consent"), "to consent to what an application wants"},
		{person("denied"), "nothing, and lets nobody in"},
	}
}

// person makes a user.
func person(username string, devices ...authentiktest.Device) authentiktest.User {
	name, size := utf8.DecodeRuneInString(username)
	return authentiktest.User{
		Username: username, Name: string(unicode.ToUpper(name)) + username[size:] + " User", Email: username + "@example.com",
		Password: everybodysPassword, Groups: []string{"staff", "authentik users"}, Devices: devices,
	}
}

// setUp is an authentik as it comes, with the accounts of the demonstration.
func setUp() authentiktest.Config {
	var users []authentiktest.User
	for _, a := range accounts() {
		users = append(users, a.user)
	}
	return authentiktest.Config{
		Users: users,
		Flows: []authentiktest.Flow{{
			Slug: "default-authentication-flow", Title: "Welcome to the demonstration", Bindings: bindings(),
		}},
	}
}

// bindings are the stages of the sign-in flow. Which of them a user meets is
// told by his name.
func bindings() []authentiktest.Binding {
	app, sheet := &authentiktest.AuthenticatorTOTPStage{}, &authentiktest.AuthenticatorStaticStage{}
	phone, mail := &authentiktest.AuthenticatorSMSStage{}, &authentiktest.AuthenticatorEmailStage{}
	return []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}},
		{Stage: &authentiktest.PasswordStage{}},
		only(&authentiktest.DenyStage{}, "denied"),
		only(&authentiktest.AuthenticatorValidateStage{}, "totp", "static", "sms", "email", "several"),
		only(configure(app, sheet, phone, mail), "setup"),
		only(configure(app), "setup-totp"),
		only(configure(sheet), "setup-static"),
		only(configure(phone), "setup-sms"),
		only(configure(mail), "setup-email"),
		{Stage: &authentiktest.ConsentStage{}, Policies: []authentiktest.Policy{{Func: consents}}},
		only(&authentiktest.UserLoginStage{RememberMe: 30 * 24 * time.Hour}, "stay"),
		unless(&authentiktest.UserLoginStage{}, "stay"),
	}
}

func configure(stages ...authentiktest.SetupStage) authentiktest.Stage {
	return &authentiktest.AuthenticatorValidateStage{
		NotConfigured: authentiktest.NotConfiguredConfigure, ConfigurationStages: stages,
	}
}

func only(stage authentiktest.Stage, usernames ...string) authentiktest.Binding {
	return authentiktest.Binding{Stage: stage, Policies: []authentiktest.Policy{{
		Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
			return slices.Contains(usernames, r.Pending.Username), nil, nil
		},
	}}}
}

func unless(stage authentiktest.Stage, usernames ...string) authentiktest.Binding {
	b := only(stage, usernames...)
	b.Policies[0].Negate = true
	return b
}

// consents puts down what there is to consent to, as an authorization would.
func consents(r *authentiktest.PolicyRequest) (bool, []string, error) {
	r.Context["consent_header"] = "You are about to sign into Stock ledger."
	r.Context["consent_permissions"] = []authentiktest.Permission{
		{ID: "profile", Name: "General profile information"}, {ID: "email", Name: "E-mail address"},
	}
	return r.Pending.Username == "consent", nil, nil
}

// announce says where everything is and whom to sign in as.
func (d *demo) announce(at addresses) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n  Open  http://%s\n", at.gate)
	if at.gate != d.listen {
		fmt.Fprintf(&text, "        (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(&text, "\n  and sign in as\n\n")
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "  Username\tPassword\tWhat authentik asks besides")
	_, _ = fmt.Fprintln(table, "  --------\t--------\t---------------------------")
	for _, a := range accounts() {
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", a.user.Username, a.user.Password, a.asks)
	}
	_ = table.Flush()
	fmt.Fprintf(&text, "\n  The stand-in for authentik is at http://%s, and this is the whole configuration:\n\n%s", at.standIn, indent(at.caddyfile()))
	fmt.Fprintf(&text, "\n  Ctrl-C ends it.\n\n")
	_, _ = text.WriteTo(d.out)
}
