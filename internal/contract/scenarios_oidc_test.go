package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// oidcScenarios are sign-ins by OpenID Connect.
func oidcScenarios() []scenario {
	plain := scenario{name: "password in two steps", standIn: plainStandIn, blueprint: plainBlueprint, walk: func(t *testing.T, s *site) {
		t.Helper()
		v := s.visitor(t)
		p := v.open("/deep/link?x=1&y=%2F").asksFor("uid_field").showsNoError()
		p = p.identify("alice").asksFor("password").showsNoError().shows(s.unique("alice"))
		p = p.password("wrong").asksFor("password").showsError("Invalid password")
		p = p.password(s.password).greets("alice", "/deep/link?x=1&y=%2F")
		p.shows(fullName("alice")).shows(s.address("alice"))
		v.open("/again").greets("alice", "/again")
		v.signOut()
		v.open("/third").signIn("alice").greets("alice", "/third")
	}}
	public, keyless := plain, plain
	public.name, keyless.name = "a client without a secret", "tokens that are signed with the secret"
	all := []scenario{
		plain.byOIDC(client{}), public.byOIDC(client{public: true}), keyless.byOIDC(client{keyless: true}),
		scenario{
			name: "consent that is asked for once", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").showsNoError().isChallenge("ak-stage-consent").shows("Email address")
				v.open("/").asksFor("uid_field") // not before the consent
				p.press("").greets("alice", "/x")
				v.signOut()
				v.open("/y").signIn("alice").greets("alice", "/y")
				s.visitor(t).open("/").signIn("bob").isChallenge("ak-stage-consent").press("").greets("bob", "/")
			},
		}.byOIDC(client{asksConsent: true}),
		scenario{
			name: "consent declined", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").isChallenge("ak-stage-consent").press("again=1").asksFor("uid_field").showsNoError()
				v.open("/").asksFor("uid_field")
			},
		}.byOIDC(client{asksConsent: true}),
		scenario{
			name: "application denied", standIn: appStandIn, blueprint: appBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/a").signIn("bob").isRefused(http.StatusForbidden).shows(s.unique("bob"))
				p := v.open("/b").isRefused(http.StatusForbidden).shows(s.unique("bob"))
				// With another account the same browser may.
				p.press("Use another account").signIn("alice").greets("alice", "/b").shows(s.unique("staff"))
			},
		}.byOIDC(client{}),
		scenario{
			name: "recovery with a link by e-mail", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/wanted").press("flow=recovery").asksFor("uid_field").showsNoError().identify("alice").isChallenge("ak-stage-email").showsNoError()
				p := v.follow(s.nextMessage(t, s.address("alice")), "recovery").isChallenge("ak-stage-consent").shows(s.unique("alice")).press("")
				p.showsNoError().setPassword(newPassword, newPassword).greets("alice", "/wanted") // the flow signs in, and authentik vouches for it
				v.signOut()
				v.open("/wanted").identify("alice").password(newPassword).greets("alice", "/wanted")
			},
		}.byOIDC(client{}),
		scenario{
			name: "enrolment with a link by e-mail", standIn: enrolmentStandIn, blueprint: enrolmentBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/wanted").press("flow=enroll").showsNoError().enrol("zoe", s.password).isChallenge("ak-stage-email").showsNoError()
				p := v.follow(s.nextMessage(t, s.address("zoe")), "enrolment").isChallenge("ak-stage-consent").showsNoError().shows(s.unique("zoe"))
				p.press("").greets("zoe", "/wanted").shows("Zoe Doe").shows(s.address("zoe"))
			},
		}.byOIDC(client{}),
	}
	all = append(all, scenario{
		name: "a client without grant types", standIn: plainStandIn, blueprint: plainBlueprint, since: authentiktest.Release202605,
		walk: func(t *testing.T, s *site) {
			p := s.visitor(t).open("/x")
			if p.Status < http.StatusInternalServerError {
				p.fatal("is not an error page about the gate's set-up")
			}
			p.shows("grant types must include authorization code and refresh token")
		},
	}.byOIDC(client{ungranted: true}))
	for _, s := range jsonScenarios() {
		all = append(all, s.byOIDC(client{}))
	}
	return all
}
