package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// oidcScenarios are sign-ins that rest on OpenID Connect.
func oidcScenarios() []scenario {
	plain := scenario{name: "password in two steps", standIn: plainStandIn, blueprint: plainBlueprint, walk: func(t *testing.T, s *site) {
		t.Helper()
		v := s.visitor(t)
		p := v.open("/deep/link?x=1&y=%2F").asks("uid_field").calm()
		p = p.identify("alice").asks("password").calm().shows(s.of("alice"))
		p = p.password("wrong").asks("password").alarms("Invalid password")
		p = p.password(s.password).greets("alice", "/deep/link?x=1&y=%2F")
		p.shows(fullName("alice")).shows(s.address("alice"))
		v.open("/again").greets("alice", "/again")
		v.signOut()
		v.open("/third").signIn("alice").greets("alice", "/third")
	}}
	public, keyless := plain, plain
	public.name, keyless.name = "a client without a secret", "tokens that are signed with the secret"
	all := []scenario{
		plain.by(client{}), public.by(client{public: true}), keyless.by(client{keyless: true}),
		scenario{
			name: "consent that is asked for once", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").calm().stands("ak-stage-consent").shows("Email address")
				v.open("/").asks("uid_field") // not before the consent
				p.press("").greets("alice", "/x")
				v.signOut()
				v.open("/y").signIn("alice").greets("alice", "/y")
				s.visitor(t).open("/").signIn("bob").stands("ak-stage-consent").press("").greets("bob", "/")
			},
		}.by(client{asks: true}),
		scenario{
			name: "consent declined", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").stands("ak-stage-consent").press("again=1").asks("uid_field").calm()
				v.open("/").asks("uid_field")
			},
		}.by(client{asks: true}),
		scenario{
			name: "application denied", standIn: appStandIn, blueprint: appBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/a").signIn("bob").refused(http.StatusForbidden).shows(s.of("bob"))
				p := v.open("/b").refused(http.StatusForbidden).shows(s.of("bob"))
				// With another account the same browser may.
				p.press("Use another account").signIn("alice").greets("alice", "/b").shows(s.of("staff"))
			},
		}.by(client{}),
		scenario{
			name: "recovery with a link by e-mail", standIn: recoveryStandIn, blueprint: recoveryBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/wanted").press("flow=recovery").asks("uid_field").calm().identify("alice").stands("ak-stage-email").calm()
				p := v.follow(s.reads(t, s.address("alice")), "recovery").stands("ak-stage-consent").shows(s.of("alice")).press("")
				p.calm().renews(newPassword, newPassword).greets("alice", "/") // the flow signs in, and authentik vouches for it
				v.signOut()
				v.open("/wanted").identify("alice").password(newPassword).greets("alice", "/wanted")
			},
		}.by(client{}),
		scenario{
			name: "enrolment with a link by e-mail", standIn: enrolmentStandIn, blueprint: enrolmentBlueprint, pageHost: true,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/wanted").press("flow=enroll").calm().enrols("zoe", s.password).stands("ak-stage-email").calm()
				p := v.follow(s.reads(t, s.address("zoe")), "enrolment").stands("ak-stage-consent").calm().shows(s.of("zoe"))
				p.press("").greets("zoe", "/").shows("Zoe Doe").shows(s.address("zoe"))
			},
		}.by(client{}),
	}
	all = append(all, scenario{
		name: "a client without grant types", standIn: plainStandIn, blueprint: plainBlueprint, since: authentiktest.Release202605,
		walk: func(t *testing.T, s *site) {
			p := s.visitor(t).open("/x")
			if p.Status < http.StatusInternalServerError {
				p.fatal("does not say that the site is not set up")
			}
			p.shows("grant types must include authorization code and refresh token")
		},
	}.by(client{ungranted: true}))
	for _, s := range jsonScenarios() {
		all = append(all, s.by(client{}))
	}
	return all
}
