package contract

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

const newPassword = "another horse 42 staple"

func recoveryScenarios() []scenario {
	return []scenario{
		{
			name: "recovery with a link by e-mail", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/wanted").press("flow=recovery").asksFor("uid_field").showsNoError().identify("alice").isChallenge("ak-stage-email").showsNoError()
				mail := s.nextMessage(t, s.address("alice"))
				p = p.pressStarting("Send the email again").isChallenge("ak-stage-email").showsNoError().showsNotice() // too soon to send another
				s.advance(time.Minute)
				p.pressStarting("Send the email again").isChallenge("ak-stage-email").showsNoError().showsNotice()
				s.nextMessage(t, s.address("alice"))
				if all := s.inbox.received(s.address("alice")); len(all) != 2 {
					t.Errorf("got %d mails, want 1", len(all))
				}

				p = v.follow(mail, "recovery").isChallenge("ak-stage-consent").shows(s.unique("alice")).press("").isChallenge("ak-stage-prompt").showsNoError()
				p = p.setPassword(newPassword, newPassword+"!").showsError("Passwords don't match.")
				p = p.setPassword("short", "short").showsError(tooShort)
				p = p.setPassword(newPassword, newPassword).asksFor("uid_field").showsNotice().showsNoError()
				p = p.signIn("alice").showsError("Invalid password")
				p.password(newPassword).greets("alice", "/wanted")
			},
		},
		{
			name: "recovery in another browser", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				s.visitor(t).open("/").press("flow=recovery").identify("alice").isChallenge("ak-stage-email")
				mail := s.nextMessage(t, s.address("alice"))
				late := s.visitor(t).follow(mail, "recovery").isChallenge("ak-stage-consent")

				// Another visit in that browser makes no difference.
				v := s.visitor(t)
				v.open("/").identify("bob").asksFor("password")
				p := v.follow(mail, "recovery").isChallenge("ak-stage-consent").shows(s.unique("alice")).press("").showsNoError()
				p.setPassword(newPassword, newPassword).asksFor("uid_field").showsNotice().identify("alice").password(newPassword).greets("alice", "/")

				s.visitor(t).follow(mail, "recovery").asksFor("uid_field").showsNotice().showsNoError()
				late.press("").isChallenge("ak-stage-prompt") // a visit that has the challenge already may go on
			},
		},
		{
			name: "recovery of an unknown user", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				s.visitor(t).open("/").press("flow=recovery").identify("unknown").isChallenge("ak-stage-email").showsNoError()
				s.visitor(t).open("/").press("flow=recovery").identify("bob").isChallenge("ak-stage-email").showsNoError()
				s.nextMessage(t, s.address("bob")) // requested later, so the first request is done too
				if got := s.inbox.received(s.address("unknown")); len(got) > 0 {
					t.Errorf("got messages %q to the unknown user, want none", got)
				}
			},
		},
		{
			name: "a forged recovery link", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/if/flow/" + s.unique("recovery") + "/?flow_token=doesnotexist")
				p.asksFor("uid_field").showsNotice().showsNoError()
			},
		},
	}
}

// setPassword submits the form for a new password.
func (p page) setPassword(password, again string) page {
	p.visitor.Helper()
	return p.isChallenge("ak-stage-prompt").enter("New password", password, "New password again", again)
}

func recoveryStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"), n.account("bob"))
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: usual, RecoveryFlow: n.unique("recovery")}
	cfg.Flows = append(cfg.Flows, n.designed(
		"recovery", authentiktest.DesignationRecovery,
		&authentiktest.IdentificationStage{UserFields: usual}, &authentiktest.EmailStage{},
		&authentiktest.PromptStage{Policies: []authentiktest.Policy{longEnough}, Fields: []authentiktest.Field{
			{Key: "password", Label: "New password", Type: authentiktest.FieldPassword},
			{Key: "password_repeat", Label: "New password again", Type: authentiktest.FieldPassword, Order: 1},
		}},
		&authentiktest.UserWriteStage{Creation: authentiktest.CreateNever}, &authentiktest.UserLoginStage{},
	))
	return cfg
}

func recoveryBlueprint(n names) *draft {
	d := n.draft("alice", "bob").flow("recovery", "recovery").identification("recovery")
	d.mail("recovery", "email/password_reset.html", false)
	d.named("authentik_policies_expression.expressionpolicy", "long-enough", Attrs{"expression": passwordPolicy})
	d.checkedPrompts(
		"recovery", "secret", []any{KeyOf("long-enough")},
		Attrs{"field_key": "password", "label": "New password", "type": "password", "required": true},
		Attrs{"field_key": "password_repeat", "label": "New password again", "type": "password", "required": true},
	)
	d.userWrite("recovery", "never_create", false).login("recovery")
	return d.identificationAs("flow", Attrs{"recovery_flow": KeyOf("recovery")}).boundPassword("flow").login("flow")
}
