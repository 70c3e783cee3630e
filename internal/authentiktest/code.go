package authentiktest

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

var errNoAddress = errors.New("not an e-mail address")

// period is for how long a TOTP code is shown (RFC 6238).
const period = 30

// try offers a code to all devices of a user in turn, whichever of them the
// user selected. The first device that accepts it uses it up; the devices asked
// before count a failure.
func (s *Server) try(pk int, code string) (taken Device, ok bool) {
	now := s.now()
	s.update(pk, func(u *User) {
		for _, class := range deviceClasses {
			for i := range u.Devices {
				if d := &u.Devices[i]; d.Class == class && d.take(s.dialect, code, now) {
					d.LastUsed = now
					taken, ok = *d, true
					return
				}
			}
		}
	})
	return taken, ok
}

// take reports whether a device accepts a code.
func (d *Device) take(dialect dialect, code string, now time.Time) bool {
	throttled := d.Class == DeviceStatic || d.Class == DeviceTOTP || dialect.messagePauses
	if throttled && d.attempts.paused(now) {
		return false
	}
	if d.matches(code, now) {
		d.attempts = attempts{}
		return true
	}
	d.attempts.failed++
	d.attempts.last = now
	return false
}

// matches compares a code, and deletes a code that can be used only once.
func (d *Device) matches(code string, now time.Time) bool {
	switch d.Class {
	case DeviceStatic:
		left := slices.DeleteFunc(slices.Clone(d.Codes), func(c string) bool { return same(c, code) })
		used := len(left) < len(d.Codes)
		d.Codes = left
		return used
	case DeviceTOTP:
		return d.matchesTOTP(code, now)
	case DeviceSMS, DeviceEmail:
		ok := d.sent.code != "" && same(d.sent.code, code) && now.Before(d.sent.until)
		if ok {
			d.sent = message{}
		}
		return ok
	}
	return false
}

// matchesTOTP accepts the code of the current, the previous and the next step,
// but only of a step later than the last one used. Codes are compared as
// numbers.
func (d *Device) matchesTOTP(code string, now time.Time) bool {
	number, err := strconv.Atoi(strings.TrimSpace(code))
	if err != nil || now.Unix() < 2*period {
		return false
	}
	current := uint64(now.Unix()) / period //nolint:gosec // not before 1970, as checked above
	for step := current - 1; step <= current+1; step++ {
		want, err := d.codeOf(step)
		if err != nil {
			return false
		}
		if expected, err := strconv.Atoi(want); err == nil && step > d.step && expected == number {
			d.step = step
			return true
		}
	}
	return false
}

// codeOf is the TOTP code of a step.
func (d *Device) codeOf(step uint64) (string, error) {
	return hotp.GenerateCodeCustom(d.Secret, step, hotp.ValidateOpts{
		Digits: otp.Digits(or(d.Digits, 6)), Algorithm: otp.AlgorithmSHA1,
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// newCode is a code of six digits for a message.
func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("authentiktest: no randomness: " + err.Error())
	}
	return fmt.Sprintf("%06d", n)
}

// newMessage is a code that is valid for a while.
func (s *Server) newMessage(lasts time.Duration) message {
	return message{s.code(), s.now().Add(lasts)}
}

// sendMail records an e-mail for [Server.Mail].
func (s *Server) sendMail(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, m)
}

// sendText records a message for [Server.Texts].
func (s *Server) sendText(t Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, t)
}

// deliver sends the code of a device to its mailbox or telephone.
func (s *Server) deliver(d Device) {
	body := "Your code is " + d.sent.code + "."
	if d.Class == DeviceSMS {
		s.sendText(Text{To: d.Number, Body: body, Code: d.sent.code})
		return
	}
	s.sendMail(Mail{To: d.Email, Subject: "authentik Sign-in code", Body: body, Code: d.sent.code})
}
