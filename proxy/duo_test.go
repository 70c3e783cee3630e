package proxy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A duoService is Duo, as far as a test can turn it.
type duoService struct {
	mu            sync.Mutex
	status        string
	down          bool
	asked, pushed int
	allows        bool
}

func (d *duoService) set(change func(*duoService)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *duoService) service() authentiktest.Duo {
	return authentiktest.Duo{
		Enrolment: func(authentiktest.User) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.asked++
			if d.down {
				return "", errors.New("down")
			}
			return d.status, nil
		},
		Push: func(authentiktest.User) (bool, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.pushed++
			if d.down {
				return false, errors.New("down")
			}
			return d.allows, nil
		},
	}
}

// setUpDuo brings a person to the set-up of Duo.
func setUpDuo(t *testing.T, duo *duoService) (*site, *person, screen) {
	t.Helper()
	cfg := inLogin(whoIsIt(&authentiktest.AuthenticatorDuoStage{})...)
	cfg.Duo = duo.service()
	s := newSiteOf(t, cfg, nil)
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page.says(t, "Set up the Duo app")
	return s, p, page
}

// TestDuo_SetUpIsAnsweredOnceDuoKnowsTheDevice: an answer that came too early would end
// the flow.
func TestDuo_SetUpIsAnsweredOnceDuoKnowsTheDevice(t *testing.T) {
	t.Parallel()
	duo := &duoService{status: "waiting"}
	s, p, page := setUpDuo(t, duo)
	page = p.send(page)
	page.says(t, "Duo does not know your device yet.")
	page.lacks(t, "Access denied")

	duo.set(func(d *duoService) { d.status = "success" })
	s.clock.move(2 * time.Second)
	p.send(page).says(t, "hello jane")
}

func TestDuo_ForgottenSetUpBeginsAgainWithANotice(t *testing.T) {
	t.Parallel()
	duo := &duoService{status: "invalid"}
	_, p, page := setUpDuo(t, duo)
	page = p.send(page)
	page.says(t, "your sign-in has started over")
	page.says(t, `name="uid_field"`)
}

func TestDuo_UnreachableOneLosesNoVisit(t *testing.T) {
	t.Parallel()
	duo := &duoService{status: "waiting"}
	s, p, page := setUpDuo(t, duo)
	duo.set(func(d *duoService) { d.down = true })
	page = p.send(page)
	page.says(t, "Duo cannot be reached right now.")
	duo.set(func(d *duoService) { d.down, d.status = false, "success" })
	s.clock.move(2 * time.Second)
	p.send(page).says(t, "hello jane")
}

// TestDuo_PollsOfAPageAreBounded polls as fast as it can.
func TestDuo_PollsOfAPageAreBounded(t *testing.T) {
	t.Parallel()
	duo := &duoService{status: "waiting"}
	s, p, page := setUpDuo(t, duo)
	duo.set(func(d *duoService) { d.asked = 0 })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if told := p.send(page, "poll", "1"); !strings.Contains(told.body, `"wait"`) {
				t.Errorf("got %s", told.body)
			}
		})
	}
	wg.Wait()
	duo.set(func(d *duoService) {
		if d.asked > 2 { // more than one only where this took two seconds
			t.Errorf("got %d requests to Duo", d.asked)
		}
		d.status = "success"
	})
	s.clock.move(2 * time.Second)
	if told := p.send(page, "poll", "1"); !strings.Contains(told.body, `"answer"`) {
		t.Errorf("got %s", told.body)
	}
	p.send(page).says(t, "hello jane")
}

// pushable brings a person to the page of a Duo device that is already set up.
func pushable(t *testing.T, duo *duoService, change func(*Config)) (*site, *person, screen) {
	t.Helper()
	cfg := inLogin(whoIsIt(&authentiktest.AuthenticatorValidateStage{})...)
	cfg.Duo = duo.service()
	cfg.Users = people()
	cfg.Users[0].Devices = []authentiktest.Device{{Class: authentiktest.DeviceDuo, UID: 6, Name: "Duo"}}
	s := newSiteOf(t, cfg, change)
	p := s.person(t)
	page := p.send(p.open("/app"), "uid_field", "jane")
	page.says(t, `name="device" value="duo:6"`)
	return s, p, page
}

func TestDuo_PushIsSentOnlyForAClick(t *testing.T) {
	t.Parallel()
	duo := &duoService{}
	_, p, page := pushable(t, duo, nil)
	p.send(page)
	p.send(page, "device", "")
	p.send(page, "chosen", "duo:6")
	p.send(page, "poll", "1")
	if duo.set(func(*duoService) {}); duo.pushed != 0 {
		t.Fatalf("got %d pushes without a click, want 0", duo.pushed)
	}
	page = p.send(page, "device", "duo:6")
	page.says(t, "Duo denied access")
	duo.set(func(d *duoService) { d.allows = true })
	p.send(page, "device", "duo:6").says(t, "hello jane")
	if duo.pushed != 2 {
		t.Errorf("got %d pushes for two clicks", duo.pushed)
	}
}

// TestDuo_PushCanBeRetriedAfterAFailure: authentik itself answers it with an error
// that would end the sign-in.
func TestDuo_PushCanBeRetriedAfterAFailure(t *testing.T) {
	t.Parallel()
	duo := &duoService{down: true}
	_, p, page := pushable(t, duo, nil)
	page = p.send(page, "device", "duo:6")
	page.says(t, "Duo cannot be reached right now.")
	page.says(t, `name="device" value="duo:6"`)
	duo.set(func(d *duoService) { d.down, d.allows = false, true })
	p.send(page, "device", "duo:6").says(t, "hello jane")
}

// impatientAuthentik does not wait for telephones.
type impatientAuthentik struct {
	Authentik
	lost *int
}

func (a impatientAuthentik) Answer(ctx context.Context, v flowclient.Visitor, f flowclient.Flow, answer flowclient.Answer) (flowclient.Step, error) {
	if duo, push := answer.(flowclient.ValidateDuoAnswer); push && duo.UID != "" && *a.lost > 0 {
		*a.lost--
		return flowclient.Step{}, flowclient.ErrUnreachable
	}
	return a.Authentik.Answer(ctx, v, f, answer)
}

// TestDuo_UnconfirmedPushCanBeSentAgain loses two: the second would be taken for the
// first's double click, were the page the same.
func TestDuo_UnconfirmedPushCanBeSentAgain(t *testing.T) {
	t.Parallel()
	duo, lost := &duoService{allows: true}, 2
	_, p, page := pushable(t, duo, func(c *Config) { c.Client = impatientAuthentik{c.Client, &lost} })
	for range 2 {
		page = p.send(page, "device", "duo:6")
		page.says(t, "The sign-in was not confirmed in the Duo app in time.")
		if page.status != 200 {
			t.Errorf("got status %d", page.status)
		}
	}
	p.send(page, "device", "duo:6").says(t, "hello jane")
}
