package authentiktest

import (
	"testing"
	"time"
)

// standIn is a server with a clock that is not served.
func standIn(t testing.TB, release Release, users ...User) (*Server, *clock) {
	t.Helper()
	c := newClock()
	s, err := New(Config{Release: release, Now: c.now, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// offer tries a code for the only user of a server.
func offer(s *Server, code string) bool {
	u, _ := s.find(func(User) bool { return true })
	_, ok := s.try(u.PK, code)
	return ok
}

func TestCode_WrongCodesThrottleTheDeviceExponentially(t *testing.T) {
	t.Parallel()
	codes := Device{Class: DeviceStatic, Codes: []string{"right1"}}
	s, c := standIn(t, Release202605, having("lg-slow", codes))
	for failed, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if offer(s, "wrong") {
			t.Fatal("got a wrong code accepted")
		}
		c.pass(pause - time.Millisecond)
		if offer(s, "right1") {
			t.Fatalf("got the right code accepted after %d wrong ones and less than %v", failed+1, pause)
		}
		c.pass(time.Millisecond)
	}
	if !offer(s, "right1") {
		t.Error("got the right code refused after the pause, want it accepted")
	}
}

func TestCode_IsAcceptedOnce(t *testing.T) {
	t.Parallel()
	for class, d := range map[DeviceClass]Device{
		DeviceStatic: {Class: DeviceStatic, Codes: []string{"123456", "other1"}},
		DeviceSMS:    {Class: DeviceSMS, sent: message{"123456", newClock().now().Add(time.Hour)}},
		DeviceTOTP:   app(),
	} {
		s, c := standIn(t, Release202605, having("lg-once", d))
		code := "123456"
		if class == DeviceTOTP {
			code = totpAt(t, secret, c.now())
		}
		if !offer(s, code) {
			t.Errorf("%s: got the code refused, want it accepted", class)
		}
		c.pass(2 * time.Second)
		if offer(s, code) {
			t.Errorf("%s: got the code accepted twice, want once", class)
		}
	}
}

func TestCode_OfAMessageExpires(t *testing.T) {
	t.Parallel()
	s, c := standIn(t, Release202605, having("lg-late", Device{
		Class: DeviceEmail, sent: message{"123456", newClock().now().Add(time.Minute)},
	}))
	c.pass(time.Minute)
	if offer(s, "123456") {
		t.Error("got an expired code accepted")
	}
}

func TestCode_BeforeOneWasSentIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := standIn(t, Release202605, having("lg-none", Device{Class: DeviceSMS, sent: message{until: newClock().now().Add(time.Hour)}}))
	if offer(s, "") {
		t.Error("got an empty code accepted before one was sent")
	}
}

func TestCode_MessagesAreThrottledInOneReleaseOnly(t *testing.T) {
	t.Parallel()
	for release, paused := range map[Release]bool{Release202510: false, Release202605: true} {
		s, c := standIn(t, release, having("lg-sms", Device{
			Class: DeviceSMS, sent: message{"123456", newClock().now().Add(time.Hour)},
		}))
		offer(s, "000000")
		if offer(s, "123456") == paused {
			t.Errorf("%s: got the right code right after a wrong one treated otherwise, want throttled %t", release, paused)
		}
		c.pass(time.Second)
		if paused && !offer(s, "123456") {
			t.Errorf("%s: got the right code refused after the pause, want it accepted", release)
		}
	}
}

func TestCode_OfAnAppMayBeOneStepOff(t *testing.T) {
	t.Parallel()
	for off, ok := range map[time.Duration]bool{
		-60 * time.Second: false, -30 * time.Second: true, 0: true, 30 * time.Second: true, 60 * time.Second: false,
	} {
		s, c := standIn(t, Release202605, having("lg-off", app()))
		if got := offer(s, totpAt(t, secret, c.now().Add(off))); got != ok {
			t.Errorf("code of an app that is %v off: got accepted %t", off, got)
		}
	}
}

func TestCode_OfAnAppIsComparedAsANumber(t *testing.T) {
	t.Parallel()
	right := totpAt(t, secret, newClock().now())
	for code, ok := range map[string]bool{" " + right + " ": true, right + "0": false, "x": false, "": false} {
		s, _ := standIn(t, Release202605, having("lg-num", app()))
		if got := offer(s, code); got != ok {
			t.Errorf("code %q: got accepted %t", code, got)
		}
	}
}

func TestCode_OfAnAppHasSixOrEightDigits(t *testing.T) {
	t.Parallel()
	for digits, want := range map[int]int{0: 6, 6: 6, 8: 8} {
		code, err := (&Device{Secret: secret, Digits: digits}).codeOf(1)
		if err != nil || len(code) != want {
			t.Errorf("%d digits: got code %q, error %v", digits, code, err)
		}
	}
}

func TestCode_NewOnesHaveSixDigits(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		code := newCode()
		if len(code) != 6 {
			t.Errorf("got code %q, want six digits", code)
		}
		seen[code] = true
	}
	if len(seen) < 90 {
		t.Errorf("got %d different codes of 100, want nearly all different", len(seen))
	}
}

func TestMasked_KeepsOneLetterAndTheEnd(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"jane.doe@example.org": "j*******@e******.org", "a@b.co.uk": "a@b.co.uk",
		"not an address": "", "@example.org": "", "a@b": "", "a@.org": "", "a@b@c.org": "", "a@b.c@d": "",
	} {
		got, err := masked(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("masked(%q): got %q, %v", address, got, err)
		}
	}
}
