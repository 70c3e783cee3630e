package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// tooShort is the message of the policy for short passwords.
const tooShort = "At least 12 characters, please."

// passwordPolicy is that policy as an expression for authentik.
const passwordPolicy = `if len(request.context["prompt_data"]["password"]) < 12:
    ak_message("` + tooShort + `")
    return False
return True`

// longEnough is the same policy for the stand-in.
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
				p := v.open("/wanted").press("flow=enroll").showsNoError().enrol("alice", s.password).showsError("Username is already taken.")
				p = p.enrol("zoe", "short").showsError(tooShort)
				p.enrol("zoe", s.password).isChallenge("ak-stage-email").showsNoError()
				mail := s.nextMessage(t, s.address("zoe"))

				p = v.follow(mail, "enrolment").isChallenge("ak-stage-consent").showsNoError().shows(s.unique("zoe"))
				p = p.press("").asksFor("uid_field").showsNotice().showsNoError() // the flow signs in, but it is not the gate's
				p.signIn("zoe").greets("zoe", "/wanted").shows("Zoe Doe").shows(s.address("zoe"))

				// With a session, the address of the flow belongs to the application.
				// Without one, the flow starts from its first stage.
				v.open("/if/flow/"+s.unique("enrolment")+"/").greets("zoe", "/if/flow/"+s.unique("enrolment")+"/")
				s.visitor(t).follow(mail, "enrolment").isChallenge("ak-stage-prompt").showsNoError().showsNotice()
			},
		},
		{
			name: "enrolment confirmed in another browser", standIn: enrolmentStandIn, blueprint: enrolmentBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				waits := v.open("/").press("flow=enroll").enrol("zoe", s.password).isChallenge("ak-stage-email")
				// The account is inactive until the link is followed.
				s.visitor(t).open("/").signIn("zoe").asksFor("password").showsError("Invalid password")
				mail := s.nextMessage(t, s.address("zoe"))
				s.visitor(t).follow(mail, "enrolment").isChallenge("ak-stage-consent") // opening the link does not use it up
				other := s.visitor(t)
				other.follow(mail, "enrolment").press("").asksFor("uid_field").showsNotice().signIn("zoe").greets("zoe", "/")

				// The first browser still shows the e-mail stage, and can sign in.
				waits.pressStarting("Send the email again").isChallenge("ak-stage-email")
				v.open("/mine").signIn("zoe").greets("zoe", "/mine")
			},
		},
	}
}

// enrol submits the form of the enrolment.
func (p page) enrol(user, password string) page {
	p.visitor.Helper()
	s := p.visitor.site
	return p.enter(
		"Username", s.unique(user), "Name", "Zoe Doe", "Mailbox", s.address(user), "Password", password, "Password again", password,
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
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: usual, EnrollmentFlow: n.unique("enrolment")}
	cfg.Flows = append(cfg.Flows, n.designed(
		"enrolment", authentiktest.DesignationEnrollment,
		&authentiktest.PromptStage{Fields: accountFields(), Policies: []authentiktest.Policy{longEnough}},
		&authentiktest.UserWriteStage{Creation: authentiktest.CreateAlways},
		&authentiktest.EmailStage{Activate: true}, &authentiktest.UserLoginStage{},
	))
	return cfg
}

func enrolmentBlueprint(n names) *draft {
	d := n.draft("alice").createdLater("zoe").flow("enrolment", "enrollment")
	d.named("authentik_policies_expression.expressionpolicy", "long-enough", Attrs{"expression": passwordPolicy})
	d.checkedPrompts("enrolment", "about", []any{KeyOf("long-enough")}, accountAttrs()...)
	d.userWrite("enrolment", "always_create", true)
	d.mail("enrolment", "email/account_confirmation.html", true).login("enrolment")
	return d.identificationAs("flow", Attrs{"enrollment_flow": KeyOf("enrolment")}).boundPassword("flow").login("flow")
}
