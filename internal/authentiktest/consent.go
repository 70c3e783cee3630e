package authentiktest

import (
	"crypto/subtle"
	"slices"
	"time"
)

// Keys of a plan's context, with authentik's names, that say what a visitor is
// asked to consent to. Policies may set them.
const (
	contextConsentHeader = "consent_header"                 // string
	contextConsent       = "consent_permissions"            // []Permission
	contextConsentMore   = "consent_additional_permissions" // []Permission, those that were not given before
	contextConsented     = "consent"                        // consent, as remembered
)

const dataConsent = "consent_token" // of the last challenge that was shown

// A ConsentStage asks whether an application may have what it asks for.
type ConsentStage struct {
	Mode    ConsentMode   // default: always_require
	Expires time.Duration // of the mode expiring; default: four weeks
}

// A ConsentMode is how long a consent is valid.
type ConsentMode string

// The modes of authentik.
const (
	ConsentAlways    ConsentMode = "always_require"
	ConsentPermanent ConsentMode = "permanent"
	ConsentExpiring  ConsentMode = "expiring"
)

// A Permission is one thing that a visitor is asked to consent to.
type Permission struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A consent is what a user has agreed to. A user has at most one for an
// application.
type consent struct {
	permissions []string
	until       time.Time // zero: forever
}

type consentKey struct {
	user        int
	application string
}

func (s *ConsentStage) get(v *visit) (*response, error) {
	app, known := v.plan.context[contextApp].(Application)
	if !s.remembers() || !known {
		return v.ask(s.challenge(v))
	}
	given, found := v.srv.consented(v.consentKey(app))
	if !found {
		delete(v.plan.context, contextConsented)
		return v.ask(s.challenge(v))
	}
	v.plan.context[contextConsented] = given
	if wanted := v.wanted(); !given.covers(wanted) {
		before, more := given.split(wanted)
		v.plan.context[contextConsent], v.plan.context[contextConsentMore] = before, more
		return v.ask(s.challenge(v))
	}
	return v.solved()
}

func (s *ConsentStage) remembers() bool {
	return s.Mode == ConsentPermanent || s.Mode == ConsentExpiring
}

// challenge has a new token each time, so that the previous one no longer
// works.
func (s *ConsentStage) challenge(v *visit) object {
	token := uuid()
	v.session.data[dataConsent] = token
	c := v.userChallenge("ak-stage-consent")
	if header, ok := v.plan.context[contextConsentHeader].(string); ok {
		c["header_text"] = header
	}
	c["permissions"] = permissions(v.plan.context, contextConsent)
	c["additional_permissions"] = permissions(v.plan.context, contextConsentMore)
	c["token"] = token
	return c
}

func permissions(context map[string]any, key string) []Permission {
	list, _ := context[key].([]Permission)
	return append([]Permission{}, list...)
}

func (s *ConsentStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	token, ok := f.text("token", rule{})
	shown, _ := v.session.data[dataConsent].(string)
	if ok && subtle.ConstantTimeCompare([]byte(token), []byte(shown)) == 0 {
		f.wrong("token", "Invalid consent token, re-showing prompt", "invalid")
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	if app, known := v.plan.context[contextApp].(Application); known && s.remembers() {
		if err := s.remember(v, app); err != nil {
			return nil, err
		}
	}
	return v.solved()
}

// remember stores what was agreed to. In one release an expired consent that
// has not been cleaned up raises an exception.
func (s *ConsentStage) remember(v *visit, app Application) error {
	given := consent{}
	for _, p := range v.wanted() {
		given.permissions = append(given.permissions, p.ID)
	}
	if s.Mode == ConsentExpiring {
		given.until = v.srv.now().Add(or(s.Expires, 4*7*24*time.Hour))
	}
	_, known := v.plan.context[contextConsented]
	return v.srv.consent(v.consentKey(app), given, known)
}

// wanted are all permissions that the visitor is asked for.
func (v *visit) wanted() []Permission {
	return append(permissions(v.plan.context, contextConsent), permissions(v.plan.context, contextConsentMore)...)
}

func (v *visit) consentKey(app Application) consentKey {
	u := pending(v.plan.context)
	if u.PK == 0 {
		u = v.user
	}
	return consentKey{u.PK, app.Slug}
}

// consented returns a consent that is still valid.
func (s *Server) consented(key consentKey) (consent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, found := s.agreed[key]
	return given, found && (given.until.IsZero() || s.now().Before(given.until))
}

// consent stores a consent, over an earlier one or as a new one.
func (s *Server) consent(key consentKey, given consent, known bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, found := s.agreed[key]; s.dialect.consentStays && found && !known && there.same(given.permissions) {
		return errRaised
	}
	s.agreed[key] = given
	return nil
}

// covers reports whether exactly these permissions were given: fewer are asked
// for again, too.
func (c consent) covers(wanted []Permission) bool {
	var ids []string
	for _, p := range wanted {
		ids = append(ids, p.ID)
	}
	return c.same(ids)
}

func (c consent) same(ids []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(c.permissions)), slices.Sorted(slices.Values(ids)))
}

// split separates the permissions that were given before from the new ones.
func (c consent) split(wanted []Permission) (before, more []Permission) {
	for _, p := range wanted {
		if slices.Contains(c.permissions, p.ID) {
			before = append(before, p)
		} else {
			more = append(more, p)
		}
	}
	return before, more
}
