package authentiktest

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/url"
	"slices"
)

// An AuthenticatorTOTPStage sets up an authenticator app.
type AuthenticatorTOTPStage struct {
	Name   string
	Digits int // 6 or 8; default 6
}

func (s *AuthenticatorTOTPStage) about() setup {
	return setupOf(s.Name, "TOTP Device", "TOTP Authenticator", "totp")
}

func (s *AuthenticatorTOTPStage) get(v *visit) (*response, error) {
	if v.person().PK == 0 {
		return v.solved()
	}
	return v.ask(s.challenge(v, s.begin(v)))
}

// begin is the device that is being set up. A reload shows the same secret.
func (s *AuthenticatorTOTPStage) begin(v *visit) Device {
	d, found := v.draft(DeviceTOTP)
	if !found {
		secret := make([]byte, 20)
		rand.Read(secret)
		d = Device{
			Class: DeviceTOTP, Name: "TOTP Authenticator", Digits: or(s.Digits, 6),
			Secret: base32.StdEncoding.EncodeToString(secret), created: v.srv.now(),
		}
		v.keepDraft(d)
	}
	return d
}

func (s *AuthenticatorTOTPStage) challenge(v *visit, d Device) object {
	issuer := v.brand.title()
	c := v.userChallenge("ak-stage-authenticator-totp")
	c["config_url"] = fmt.Sprintf("otpauth://totp/%s?secret=%s&algorithm=SHA1&digits=%d&period=%d&issuer=%s",
		url.PathEscape(issuer)+"%3A"+url.PathEscape(v.person().Username), d.Secret, d.Digits, period, url.QueryEscape(issuer))
	return c
}

func (s *AuthenticatorTOTPStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	d := s.begin(v)
	code, ok := f.code(rule{})
	if ok && !d.take(v.srv.dialect, code, v.srv.now()) {
		v.keepDraft(d) // it counts wrong codes
		f.wrong("code", "Code does not match", "invalid")
	}
	if f.failed() {
		return v.refuse(s.challenge(v, d), f.errs)
	}
	v.dropDraft(DeviceTOTP)
	v.enroll(d)
	return v.solved()
}

// code is the field code, which one release reads as a number.
func (f *fields) code(r rule) (string, bool) {
	if f.visit.srv.dialect.numericCodes {
		n, ok := f.integer("code", r)
		return fmt.Sprint(n), ok
	}
	return f.text("code", r)
}

// An AuthenticatorStaticStage makes recovery codes and shows them once.
type AuthenticatorStaticStage struct {
	Name          string
	Count, Length int // of the codes; default 6 of 12 characters
}

func (s *AuthenticatorStaticStage) about() setup {
	return setupOf(s.Name, "Static tokens", "Static Authenticator", "static")
}

func (s *AuthenticatorStaticStage) get(v *visit) (*response, error) {
	if v.person().PK == 0 {
		return v.solved()
	}
	c := v.userChallenge("ak-stage-authenticator-static")
	c["codes"] = slices.Clone(s.begin(v).Codes)
	return v.ask(c)
}

func (s *AuthenticatorStaticStage) begin(v *visit) Device {
	d, found := v.draft(DeviceStatic)
	if !found {
		d = Device{Class: DeviceStatic, Name: "Static Token"}
		for range or(s.Count, 6) {
			d.Codes = append(d.Codes, letters(or(s.Length, 12)))
		}
		v.keepDraft(d)
	}
	return d
}

func letters(n int) string {
	text := ""
	for len(text) < n {
		text += rand.Text()
	}
	return text[:n]
}

// post adds the codes to the user.
func (s *AuthenticatorStaticStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if f.failed() {
		return s.get(v)
	}
	d := s.begin(v)
	v.dropDraft(DeviceStatic)
	v.enroll(d)
	return v.solved()
}
