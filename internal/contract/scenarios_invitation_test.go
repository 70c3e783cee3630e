package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func invitationScenarios() []scenario {
	const refusal = "Invalid invite/invite not found"
	return []scenario{
		{
			name: "invitation", standIn: invitationStandIn, blueprint: invitationBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				token := s.admin.createInvitation(t, s.unique("enrolment"), map[string]any{"name": "Invited Guest", "email": s.address("guest")})
				v, link := s.visitor(t), "/if/flow/"+s.unique("enrolment")+"/?itoken="+token
				p := v.open(link).isChallenge("ak-stage-prompt").showsNoError()
				for label, want := range map[string]string{"Name": "Invited Guest", "Mailbox": s.address("guest")} {
					field, _ := p.Labelled(label)
					if got, _ := p.Value(field); got != want {
						p.fatal("has the initial value %q of %s, want %q", got, label, want)
					}
				}
				p = p.enter("Username", s.unique("guest"), "Password", s.password, "Password again", s.password)
				p = p.asksFor("uid_field").showsNotice().showsNoError()
				p.signIn("guest").greets("guest", "/").shows("Invited Guest").shows(s.address("guest"))

				s.visitor(t).open(link).isRefused(http.StatusForbidden).shows(refusal)
			},
		},
		{
			name: "no invitation", standIn: invitationStandIn, blueprint: invitationBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				for _, query := range []string{"", "?itoken=" + s.uuid("nothing"), "?itoken=notauuid"} {
					p := s.visitor(t).open("/if/flow/" + s.unique("enrolment") + "/" + query)
					p.isRefused(http.StatusForbidden).shows(refusal)
					p.click("Sign in").asksFor("uid_field").signIn("alice").greets("alice", "/")
				}
			},
		},
	}
}

func invitationStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows = append(cfg.Flows, n.designed(
		"enrolment", authentiktest.DesignationEnrollment,
		&authentiktest.InvitationStage{}, &authentiktest.PromptStage{Fields: accountFields()},
		&authentiktest.UserWriteStage{Creation: authentiktest.CreateAlways, Active: true}, &authentiktest.UserLoginStage{},
	))
	return cfg
}

func invitationBlueprint(n names) *draft {
	d := n.draft("alice").createdLater("guest").flow("enrolment", "enrollment")
	d.stage("enrolment", "authentik_stages_invitation.invitationstage", "invited", Attrs{"continue_flow_without_invitation": false})
	d.prompts("enrolment", "about", accountAttrs()...)
	d.userWrite("enrolment", "always_create", false).login("enrolment")
	return d.twoSteps(nil)
}
