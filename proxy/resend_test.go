package proxy

import (
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// TestResend_MailIsNotSentAgainAtOnce counts mails, as its receiver would.
func TestResend_MailIsNotSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, inLogin(whoIsIt(&authentiktest.EmailStage{})...), nil)
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	page.says(t, "We sent you an email with a link")
	page.says(t, `data-rest="30"`)
	page = p.send(page)
	page.says(t, "It was just sent.")
	if n := len(s.authentik.Mail()); n != 1 {
		t.Fatalf("got %d mails, want 1", n)
	}
	s.clock.move(30 * time.Second)
	page = p.send(page)
	page.says(t, "We tried to send the email again")
	if n := len(s.authentik.Mail()); n != 2 {
		t.Fatalf("got %d mails after half a minute, want 2", n)
	}
	p.send(page).says(t, "It was just sent.")
	if n := len(s.authentik.Mail()); n != 2 {
		t.Errorf("got %d mails, want 2", n)
	}
}

// TestResend_CodeIsNotSentAgainAtOnce also asks in JSON, which is no way around.
func TestResend_CodeIsNotSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	cfg := inLogin(whoIsIt(&authentiktest.AuthenticatorValidateStage{})...)
	cfg.Users = people()
	cfg.Users[0].Devices = []authentiktest.Device{
		{Class: authentiktest.DeviceEmail, UID: 3, Email: "jane@example.com"}, {Class: authentiktest.DeviceSMS, UID: 4, Number: "+49151"},
	}
	s := newSiteOf(t, cfg, nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page = p.send(page, "device", "email:3")
	page.says(t, "We sent a code to")
	page.says(t, "data-rest=")
	page = p.send(page, "device", "email:3")
	page.says(t, "It was just sent.")
	page.says(t, `name="code"`)
	if n := len(s.authentik.Mail()); n != 1 {
		t.Fatalf("got %d mails, want 1", n)
	}
	page = p.send(page, "device", "sms:4")
	page.says(t, "We sent a code to your phone.")
	if n := len(s.authentik.Texts()); n != 1 {
		t.Fatalf("got %d texts, want 1: another kind of message must not rest", n)
	}
	p.send(page, "device", "email:3").says(t, "It was just sent.") // nor does it end the rest of the first
	s.clock.move(31 * time.Second)
	p.send(page, "device", "email:3")
	if n := len(s.authentik.Mail()); n != 2 {
		t.Errorf("got %d mails after half a minute, want 2", n)
	}
}
