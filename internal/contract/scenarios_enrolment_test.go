package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// tooShort is what a policy says of passwords.
const tooShort = "At least 12 characters, please."

// passwordPolicy is that policy as authentik runs it.
const passwordPolicy = `if len(request.context["prompt_data"]["password"]) < 12:
    ak_message("` + tooShort + `")
    return False
return True`

// longEnough is the same policy at the stand-in.
var longEnough = authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
	data, _ := r.Context["prompt_data"].(map[string]any)
	if password, _ := data["password"].(string); len(password) < 12 {
		return false, []string{tooShort}, nil
	}
	return true, nil, nil
}}

func enrolmentScenarios() []scenario {
	return []scenario{
		{
			name: "enrolment with a link by e-mail", standIn: enrolmentStandIn, blueprint: enrolmentBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/wanted").press("flow=enroll").calm().enrols("alice", s.password).alarms("Username is already taken.")
				p = p.enrols("zoe", "short").alarms(tooShort)
				p.enrols("zoe", s.password).stands("ak-stage-email").calm()
				mail := s.reads(t, s.address("zoe"))

				p = v.follow(mail, "enrolment").stands("ak-stage-consent").calm().shows(s.of("zoe"))
				p = p.press("").asks("uid_field").notes().calm() // the flow signs in, but it is not the gate's
				p.signIn("zoe").greets("zoe", "/").shows("Zoe Doe").shows(s.address("zoe"))

				// Signed in, the address is the application's. To others the flow
				// begins at its beginning.
				v.open("/if/flow/"+s.of("enrolment")+"/").greets("zoe", "/if/flow/"+s.of("enrolment")+"/")
				s.visitor(t).follow(mail, "enrolment").stands("ak-stage-prompt").calm().notes()
			},
		},
		{
			name: "enrolment confirmed in another browser", standIn: enrolmentStandIn, blueprint: enrolmentBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				waits := v.open("/").press("flow=enroll").enrols("zoe", s.password).stands("ak-stage-email")
				// The account is inactive until the link is followed.
				s.visitor(t).open("/").signIn("zoe").asks("password").alarms("Invalid password")
				mail := s.reads(t, s.address("zoe"))
				s.visitor(t).follow(mail, "enrolment").stands("ak-stage-consent") // to look at it uses nothing up
				other := s.visitor(t)
				other.follow(mail, "enrolment").press("").asks("uid_field").notes().signIn("zoe").greets("zoe", "/")

				// The browser that waits goes on waiting, and can sign in.
				waits.begins("Send the email again").stands("ak-stage-email")
				v.open("/mine").signIn("zoe").greets("zoe", "/mine")
			},
		},
	}
}

// enrols fills in the form of the enrolment.
func (p page) enrols(user, password string) page {
	p.visitor.Helper()
	s := p.visitor.site
	return p.enter(
		"Username", s.of(user), "Name", "Zoe Doe", "Mailbox", s.address(user), "Password", password, "Password again", password,
	)
}

func accountFields() []authentiktest.Field {
	return []authentiktest.Field{
		{Key: "username", Label: "Username", Type: authentiktest.FieldUsername},
		{Key: "name", Label: "Name", Order: 1},
		{Key: "email", Label: "Mailbox", Type: authentiktest.FieldEmail, Order: 2},
		{Key: "password", Label: "Password", Type: authentiktest.FieldPassword, Order: 3},
		{Key: "password_repeat", Label: "Password again", Type: authentiktest.FieldPassword, Order: 4},
	}
}

func accountAttrs() []Attrs {
	return []Attrs{
		{"field_key": "username", "label": "Username", "type": "username", "required": true},
		{"field_key": "name", "label": "Name", "type": "text", "required": true},
		{"field_key": "email", "label": "Mailbox", "type": "email", "required": true},
		{"field_key": "password", "label": "Password", "type": "password", "required": true},
		{"field_key": "password_repeat", "label": "Password again", "type": "password", "required": true},
	}
}

func enrolmentStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: usual, EnrollmentFlow: n.of("enrolment")}
	cfg.Flows = append(cfg.Flows, n.designed(
		"enrolment", authentiktest.DesignationEnrollment,
		&authentiktest.PromptStage{Fields: accountFields(), Policies: []authentiktest.Policy{longEnough}},
		&authentiktest.UserWriteStage{Creation: authentiktest.CreateAlways},
		&authentiktest.EmailStage{Activate: true}, &authentiktest.UserLoginStage{},
	))
	return cfg
}

func enrolmentBlueprint(n names) *draft {
	d := n.draft("alice").later("zoe").flow("enrolment", "enrollment")
	d.named("authentik_policies_expression.expressionpolicy", "long-enough", Attrs{"expression": passwordPolicy})
	d.checkedPrompts("enrolment", "about", []any{KeyOf("long-enough")}, accountAttrs()...)
	d.userWrite("enrolment", "always_create", true)
	d.mail("enrolment", "email/account_confirmation.html", true).login("enrolment")
	return d.identificationAs("flow", Attrs{"enrollment_flow": KeyOf("enrolment")}).passwordAlone("flow").login("flow")
}
