package authentiktest

import (
	"net/http"
	"time"
)

// A UserLoginStage signs the pending user in. It does not ask anything unless
// it has a RememberMe: then it asks whether the visitor wants to stay signed
// in.
type UserLoginStage struct {
	Duration   time.Duration // of the session; default: until the browser is closed
	RememberMe time.Duration // added to Duration if the visitor agrees
	Device     time.Duration // remember_device; default 30 days

	TerminateOthers bool // ends the user's other sessions

	// BindAddress stands for any network_binding or geoip_binding: the stand-in
	// has no databases of networks and places, and without them each binding
	// breaks as soon as the address changes.
	BindAddress bool
}

func (s *UserLoginStage) get(v *visit) (*response, error) {
	if s.RememberMe > 0 {
		return v.ask(v.userChallenge("ak-stage-user-login"))
	}
	return s.login(v, s.Duration)
}

func (s *UserLoginStage) post(v *visit) (*response, error) {
	if s.RememberMe == 0 {
		return s.login(v, s.Duration)
	}
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	stay, _ := f.boolean("remember_me", rule{})
	if f.failed() {
		return v.refuse(v.userChallenge("ak-stage-user-login"), f.errs)
	}
	if stay {
		return s.login(v, s.Duration+s.RememberMe)
	}
	return s.login(v, s.Duration)
}

// login signs in. The cookie of a known device is set with the redirect that
// follows, and not if the visitor was asked.
func (s *UserLoginStage) login(v *visit, lasts time.Duration) (*response, error) {
	u := v.srv.current(pending(v.plan.context))
	if u.PK == 0 || u.Inactive {
		return v.deny("")
	}
	v.signIn(u)
	v.session.until = time.Time{}
	if lasts > 0 {
		v.session.until = v.srv.now().Add(lasts)
	}
	if s.BindAddress {
		v.session.data[dataAddress] = v.client()
	}
	if s.TerminateOthers {
		v.srv.EndSessions(u.Username)
	}
	res, err := v.solved()
	if err == nil && s.RememberMe == 0 {
		res.cookies = append(res.cookies, s.device(v, u))
	}
	return res, err
}

func (s *UserLoginStage) device(v *visit, u User) *http.Cookie {
	lasts := or(s.Device, 30*24*time.Hour)
	token := v.srv.sign(map[string]any{"sub": u.UID, "exp": v.srv.now().Add(lasts).Unix()})
	return v.cookie(&http.Cookie{
		Name: cookieDevice, Value: token, MaxAge: int(lasts.Seconds()), SameSite: http.SameSiteLaxMode,
	})
}

// A UserLogoutStage signs the visitor out and deletes all that the session
// holds, including the target of the flow.
type UserLogoutStage struct {
	Name string // tells one such stage from another
}

func (s *UserLogoutStage) get(v *visit) (*response, error) {
	v.tell()
	v.signOut()
	return v.solved()
}

func (s *UserLogoutStage) post(v *visit) (*response, error) { return s.get(v) }
