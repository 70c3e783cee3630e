package proxy

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// ticketOf is an authentik session cookie with an identifier.
func ticketOf(sid string) flowclient.Cookies {
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"sid":"` + sid + `","authenticated":true}`))
	return flowclient.Cookies{"authentik_session": "e30." + payload + ".c2ln"}
}

// sidOf is how tokens and logout notices name it.
func sidOf(sid string) string {
	name, _ := ticketOf(sid).Session()
	return name
}

func TestEndSID_EndsAllSessionsOfOneSessionAtAuthentik(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	other := d.beside(nil)
	begin := func(sid string) string {
		rec := recordOf(jane)
		rec.Cookies, rec.SID = ticketOf(sid), sidOf(sid)
		s, _, err := startSession(t.Context(), d.Gate, rec, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Cookie()
	}
	first, second, another := begin("one"), begin("one"), begin("two")
	for _, cookie := range []string{first, second, another} {
		if !d.alive(cookie) || !other.alive(cookie) {
			t.Fatal("got no session, want one begun")
		}
	}
	if err := d.Operator().EndAuthentik(t.Context(), sidOf("one")); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); other.alive(first) || other.alive(second); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("got the ended session admitted by another gate")
		}
	}
	if d.alive(first) || d.alive(second) {
		t.Error("got a session alive, want it ended")
	}
	if !d.alive(another) || !other.alive(another) {
		t.Error("got a session ended that rests on another authentik session, want it kept")
	}
	if err := d.Operator().EndAuthentik(t.Context(), "never seen"); err != nil {
		t.Error(err)
	}
	if err := d.Operator().EndAuthentik(t.Context(), ""); !errors.Is(err, ErrNoSession) {
		t.Errorf("unknown session: got error %v, want none", err)
	}
}
