package authentiktest

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A clock stands still unless it is advanced. It starts at the beginning
// of a TOTP step.
type clock struct {
	mu   sync.Mutex
	when time.Time
}

func newClock() *clock { return &clock{when: time.Date(2026, 11, 22, 2, 16, 30, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.when
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.when = c.when.Add(d)
}

// wait lets time pass before an exchange.
func (r *replay) wait(c *clock, exchange string, d time.Duration) {
	r.before(exchange, func() { c.pass(d) })
}

// slowly lets time pass before every exchange but some. By the expiry of the
// device cookies, a request of those recordings took some five seconds.
func (r *replay) slowly(c *clock, but ...int) {
	for i := range r.recording.Exchanges {
		if !slices.Contains(but, i) {
			r.wait(c, exchangeNo(i), 5*time.Second)
		}
	}
}

func exchangeNo(i int) string { return "#" + strconv.Itoa(i) }

// edited is a recorded body with one field changed. The recording itself is
// shared and stays.
func edited(body any, field string, value any) map[string]any {
	changed := map[string]any{}
	old, _ := body.(map[string]any)
	for name, v := range old {
		changed[name] = v
	}
	changed[field] = value
	return changed
}

// recordedCode is the recorded code of an exchange.
func (r *replay) recordedCode(i int) string {
	body, _ := r.recording.Exchanges[i].Request.Body.(map[string]any)
	switch code := body["code"].(type) {
	case string:
		return code
	case json.Number:
		return code.String()
	}
	r.t.Fatalf("got no code in exchange %d of the recording, want one", i)
	return ""
}

// sends has the server send the codes that were recorded as answers. The last
// of them is sent from then on.
func (r *replay) sends(codes ...string) {
	r.before("#0", func() {
		next := 0
		r.code = func() string {
			code := codes[min(next, len(codes)-1)]
			next++
			return code
		}
	})
}

// secret is what the tests' authenticator apps hold.
const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" //nolint:gosec // opens nothing

func app() Device { return Device{Class: DeviceTOTP, Secret: secret} }

// totpAt is the code of an app at a moment.
func totpAt(t testing.TB, secret string, when time.Time) string {
	t.Helper()
	code, err := (&Device{Secret: secret}).codeOf(uint64(when.Unix()) / period) //nolint:gosec // a time of this century
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// types has the visitor type the code of an app, as it is when the exchange
// takes place, or some time off.
func (r *replay) types(c *clock, exchange string, secret func() string, off time.Duration) {
	r.change(exchange, func(q *recordedRequest) {
		q.Body = edited(q.Body, "code", totpAt(r.t, secret(), c.now().Add(off)))
	})
}

func known() string { return secret }

// having is a recorded user with devices.
func having(username string, devices ...Device) User {
	u := person(username)
	u.Devices = devices
	return u
}

// factor is a login flow that asks for a second factor as stage says.
func factor(slug string, stage *AuthenticatorValidateStage) Flow { return twoSteps(slug, stage) }
