package authentiktest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Keys of a plan's context that the factors share.
const (
	contextDevices  = "device_challenges"     // []object, as last shown
	contextCeremony = "webauthn_challenge"    // string, base64url
	contextSetups   = "configuration_stages"  // []SetupStage, as last shown
	contextTries    = "registration_attempts" // int, of a security key
)

// Values of auth_method in a plan's context, besides password.
const (
	methodPasskey = "auth_webauthn_pwl" //nolint:gosec // a name, no credential
	methodFactor  = "auth_mfa"
)

// cookieFactor skips the stage for a while.
const cookieFactor = "authentik_mfa"

// anyDevice is the device_uid of a challenge that every security key may
// answer.
const anyDevice = "-1"

// An AuthenticatorValidateStage asks for a second factor. In a login flow in
// which no user is known yet, a security key is the only factor.
type AuthenticatorValidateStage struct {
	DeviceClasses []DeviceClass // those that are accepted; default: all

	// NotConfigured applies to users without a device. Default: skip.
	NotConfigured NotConfigured

	// ConfigurationStages are what a user without a device may set up if
	// NotConfigured says so. The visitor is not asked to choose from a single
	// one.
	ConfigurationStages []SetupStage

	// LastAuthThreshold is for how long a browser in which a factor was used is
	// not asked for one. Default: it is always asked.
	LastAuthThreshold time.Duration

	UserVerification string   // of security keys: required, preferred (default) or discouraged
	Hints            []string // webauthn_hints, in the releases that have them
}

// NotConfigured is what happens to users without a device.
type NotConfigured string

// The actions of authentik. The zero value means skip.
const (
	NotConfiguredSkip      NotConfigured = "skip"
	NotConfiguredDeny      NotConfigured = "deny"
	NotConfiguredConfigure NotConfigured = "configure"
)

// A SetupStage is a stage in which users set up a device.
type SetupStage interface {
	Stage
	about() setup
}

// A setup is a set-up stage in the list to choose from.
type setup struct{ name, verbose, model string }

// setupOf is a setup with the names of authentik's own blueprints.
func setupOf(name, standard, verbose, app string) setup {
	return setup{or(name, standard), verbose, "authentik_stages_authenticator_" + app + ".authenticator" + app + "stage"}
}

func (s *AuthenticatorValidateStage) get(v *visit) (*response, error) {
	if _, known := v.plan.context[contextPending]; !known && v.user.PK == 0 {
		return s.first(v)
	}
	u := v.person()
	devices := u.devices(s.DeviceClasses)
	if s.remembered(v, devices) {
		return v.solved()
	}
	challenges, err := s.deviceChallenges(v, devices)
	if err != nil {
		return nil, err
	}
	v.plan.context[contextDevices] = challenges
	if len(challenges) == 0 {
		return s.unconfigured(v)
	}
	return v.ask(s.challenge(v))
}

// first asks for a security key of any user.
func (s *AuthenticatorValidateStage) first(v *visit) (*response, error) {
	login := or(v.flow.Designation, DesignationAuthentication) == DesignationAuthentication
	if !login || !s.allows(DeviceWebAuthn) {
		return v.solved()
	}
	v.plan.context[contextDevices] = []object{{
		"device_class": DeviceWebAuthn, "device_uid": anyDevice,
		"challenge": s.assertionOptions(v, nil), "last_used": nil,
	}}
	return v.ask(s.challenge(v))
}

func (s *AuthenticatorValidateStage) allows(class DeviceClass) bool {
	return len(s.DeviceClasses) == 0 || slices.Contains(s.DeviceClasses, class)
}

// unconfigured handles a user without an accepted device.
func (s *AuthenticatorValidateStage) unconfigured(v *visit) (*response, error) {
	switch {
	case s.NotConfigured == NotConfiguredDeny:
		return v.deny(v.text("No (allowed) MFA authenticator configured."))
	case s.NotConfigured != NotConfiguredConfigure:
		return v.solved()
	case len(s.ConfigurationStages) == 1:
		return v.insert(s.ConfigurationStages[0])
	}
	v.plan.context[contextSetups] = s.ConfigurationStages
	return v.ask(s.challenge(v))
}

// insert ends the stage and inserts another one after it that has no binding.
func (v *visit) insert(stage Stage) (*response, error) {
	v.plan.steps = slices.Insert(slices.Clone(v.plan.steps), 1, planned{binding: Binding{Stage: stage}})
	return v.solved()
}

// challenge shows what was stored when the stage began: after a refused answer
// the challenges are the same.
func (s *AuthenticatorValidateStage) challenge(v *visit) object {
	c := v.userChallenge("ak-stage-authenticator-validate")
	devices, _ := v.plan.context[contextDevices].([]object)
	setups, _ := v.plan.context[contextSetups].([]SetupStage)
	stages := []object{}
	for _, one := range setups {
		a := one.about()
		stages = append(stages, object{
			"pk": v.srv.keyOf(one), "name": a.name, "verbose_name": a.verbose, "meta_model_name": a.model,
		})
	}
	c["device_challenges"], c["configuration_stages"] = append([]object{}, devices...), stages
	return c
}

// deviceChallenges has one challenge for each class that the user has a device
// of.
func (s *AuthenticatorValidateStage) deviceChallenges(v *visit, devices []Device) ([]object, error) {
	challenges := []object{}
	var seen []DeviceClass
	for _, d := range devices {
		if slices.Contains(seen, d.Class) {
			continue
		}
		seen = append(seen, d.Class)
		how, err := s.deviceChallenge(v, d, devices)
		if err != nil {
			return nil, err
		}
		challenges = append(challenges, object{
			"device_class": d.Class, "device_uid": strconv.Itoa(d.UID), "challenge": how, "last_used": moment(d.LastUsed),
		})
	}
	return challenges, nil
}

func (s *AuthenticatorValidateStage) deviceChallenge(v *visit, d Device, all []Device) (object, error) {
	switch d.Class {
	case DeviceEmail:
		address, err := masked(d.Email)
		return object{"email": address}, err
	case DeviceWebAuthn:
		return s.assertionOptions(v, all), nil
	}
	return object{}, nil
}

// moment is a time in authentik's format, or nil.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// keyOf is the primary key of a stage.
func (s *Server) keyOf(stage Stage) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[stage] == "" {
		s.keys[stage] = uuid()
	}
	return s.keys[stage]
}

// remembered reports whether the browser has a cookie that one of these devices
// was used in it not long ago.
func (s *AuthenticatorValidateStage) remembered(v *visit, devices []Device) bool {
	claims, genuine := v.srv.verify(v.sent(cookieFactor))
	if s.LastAuthThreshold == 0 || !genuine || claims["stage"] != v.srv.keyOf(s) {
		return false
	}
	uid, _ := claims["device"].(float64)
	until, _ := claims["exp"].(float64)
	return float64(v.srv.now().Unix()) < until &&
		slices.ContainsFunc(devices, func(d Device) bool { return float64(d.UID) == uid })
}

// remember returns the cookie of a remembered device.
func (s *AuthenticatorValidateStage) remember(v *visit, d Device) *http.Cookie {
	token := v.srv.sign(map[string]any{
		"device": d.UID, "stage": v.srv.keyOf(s), "exp": v.srv.now().Add(s.LastAuthThreshold).Unix(),
	})
	return v.cookie(&http.Cookie{ //nolint:gosec // authentik sets it so
		Name: cookieFactor, Value: token, MaxAge: int(s.LastAuthThreshold.Seconds()), SameSite: http.SameSiteLaxMode,
	})
}
