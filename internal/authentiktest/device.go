package authentiktest

import (
	"slices"
	"strings"
	"time"
)

// A DeviceClass is a kind of second factor.
type DeviceClass string

// The classes of authentik, in the order in which a user's devices are listed.
const (
	DeviceStatic   DeviceClass = "static"
	DeviceTOTP     DeviceClass = "totp"
	DeviceWebAuthn DeviceClass = "webauthn"
	DeviceDuo      DeviceClass = "duo"
	DeviceSMS      DeviceClass = "sms"
	DeviceEmail    DeviceClass = "email"
)

var deviceClasses = []DeviceClass{DeviceStatic, DeviceTOTP, DeviceWebAuthn, DeviceDuo, DeviceSMS, DeviceEmail}

// A Device is a second factor of a user. Which fields apply depends on the
// class.
type Device struct {
	Class      DeviceClass
	UID        int // given by the server unless set
	Name       string
	Secret     string     // of totp: base32
	Digits     int        // of totp: 6 or 8; default 6
	Codes      []string   // of static: those that are not used up
	Number     string     // of sms
	Email      string     // of email
	Credential Credential // of webauthn
	LastUsed   time.Time

	created  time.Time
	model    string // of webauthn: the type that authentik knows it as
	attempts attempts
	step     uint64 // of totp: the last step whose code was accepted
	sent     message
}

// A Credential is what a server knows of a security key.
type Credential struct {
	ID, PublicKey []byte // the key is CBOR, as in COSE
	SignCount     uint32
}

// A message is a code that was sent to a telephone or a mailbox. Once it is
// used, it is the zero message.
type message struct {
	code  string
	until time.Time
}

// attempts are the wrong codes in a row of one device. After n of them the
// device accepts no code for 2^(n-1) seconds, not even a right one, and does
// not say so.
type attempts struct {
	failed int
	last   time.Time
}

func (a attempts) paused(now time.Time) bool {
	return a.failed > 0 && now.Sub(a.last) < time.Second<<min(a.failed-1, 30)
}

// devices are those of a user that are of one of the classes, in authentik's
// order.
func (u User) devices(classes []DeviceClass) []Device {
	var found []Device
	for _, class := range deviceClasses {
		if len(classes) > 0 && !slices.Contains(classes, class) {
			continue
		}
		for _, d := range u.Devices {
			if d.Class == class {
				found = append(found, d)
			}
		}
	}
	return found
}

// editDevice changes one device of a user. It reports whether there is one of
// that class and key.
func (s *Server) editDevice(pk int, class DeviceClass, uid int, edit func(*Device)) (found bool) {
	s.update(pk, func(u *User) {
		for i := range u.Devices {
			if u.Devices[i].Class == class && u.Devices[i].UID == uid {
				found = true
				edit(&u.Devices[i])
			}
		}
	})
	return found
}

// enroll adds a device to the visitor's user.
func (v *visit) enroll(d Device) {
	d.created, d.attempts = v.srv.now(), attempts{}
	v.srv.update(v.person().PK, func(u *User) { u.Devices = append(u.Devices, d) })
}

// person is the user that a stage is about, as stored now: the pending user,
// else the signed-in one.
func (v *visit) person() User {
	if u, ok := v.plan.context[contextPending].(User); ok {
		return v.srv.current(u)
	}
	return v.srv.current(v.user)
}

// draft is a device of that class that is being set up and does not belong to a
// user yet. One release keeps it with the session, so that the next set-up
// finds what the last one left.
func (v *visit) draft(class DeviceClass) (Device, bool) {
	d, found := v.drafts()["draft_"+string(class)].(Device)
	return d, found
}

func (v *visit) keepDraft(d Device) { v.drafts()["draft_"+string(d.Class)] = d }

func (v *visit) dropDraft(class DeviceClass) { delete(v.drafts(), "draft_"+string(class)) }

func (v *visit) drafts() map[string]any {
	if v.srv.dialect.lastingDrafts {
		return v.session.data
	}
	return v.plan.context
}

// masked hides most of an e-mail address. Anything else is an exception in
// authentik.
func masked(address string) (string, error) {
	local, domain, found := strings.Cut(address, "@")
	name, rest, dotted := strings.Cut(domain, ".")
	if !found || !dotted || local == "" || name == "" || strings.Contains(domain, "@") {
		return "", errNoAddress
	}
	stars := func(s string) string { return s[:1] + strings.Repeat("*", len(s)-1) }
	return stars(local) + "@" + stars(name) + "." + rest, nil
}
