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
				p := v.open("/wanted").press("flow=recovery").asks("uid_field").calm().identify("alice").stands("ak-stage-email").calm()
				mail := s.reads(t, s.address("alice"))
				p = p.begins("Send the email again").stands("ak-stage-email").calm().notes() // not so soon
				s.advance(time.Minute)
				p.begins("Send the email again").stands("ak-stage-email").calm().notes()
				s.reads(t, s.address("alice"))
				if all := s.post.received(s.address("alice")); len(all) != 2 {
					t.Errorf("%d mails have been sent", len(all))
				}

				p = v.follow(mail, "recovery").stands("ak-stage-consent").shows(s.of("alice")).press("").stands("ak-stage-prompt").calm()
				p = p.renews(newPassword, newPassword+"!").alarms("Passwords don't match.")
				p = p.renews("short", "short").alarms(tooShort)
				p = p.renews(newPassword, newPassword).asks("uid_field").notes().calm()
				p = p.signIn("alice").alarms("Invalid password")
				p.password(newPassword).greets("alice", "/")
			},
		},
		{
			name: "recovery in another browser", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				s.visitor(t).open("/").press("flow=recovery").identify("alice").stands("ak-stage-email")
				mail := s.reads(t, s.address("alice"))
				late := s.visitor(t).follow(mail, "recovery").stands("ak-stage-consent")

				// Somebody else is on their way in that browser. It makes no difference.
				v := s.visitor(t)
				v.open("/").identify("bob").asks("password")
				p := v.follow(mail, "recovery").stands("ak-stage-consent").shows(s.of("alice")).press("").calm()
				p.renews(newPassword, newPassword).asks("uid_field").notes().identify("alice").password(newPassword).greets("alice", "/")

				s.visitor(t).follow(mail, "recovery").asks("uid_field").notes().calm()
				late.press("").stands("ak-stage-prompt") // who has seen the question before may go on
			},
		},
		{
			name: "recovery of nobody", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				s.visitor(t).open("/").press("flow=recovery").identify("nobody").stands("ak-stage-email").calm()
				s.visitor(t).open("/").press("flow=recovery").identify("bob").stands("ak-stage-email").calm()
				s.reads(t, s.address("bob")) // which was asked for later
				if got := s.post.received(s.address("nobody")); len(got) > 0 {
					t.Errorf("nobody was sent %q", got)
				}
			},
		},
		{
			name: "a link that nobody has made", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/if/flow/" + s.of("recovery") + "/?flow_token=doesnotexist")
				p.asks("uid_field").notes().calm()
			},
		},
	}
}

// renews fills in the form for a new password.
func (p page) renews(password, again string) page {
	p.visitor.Helper()
	return p.stands("ak-stage-prompt").enter("New password", password, "New password again", again)
}

func recoveryStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"), n.account("bob"))
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: usual, RecoveryFlow: n.of("recovery")}
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
	return d.identificationAs("flow", Attrs{"recovery_flow": KeyOf("recovery")}).passwordAlone("flow").login("flow")
}
