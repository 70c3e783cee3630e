package proxy

import (
	"strings"
	"testing"
)

func TestPoll_WaitingPageLearnsOfASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	waiting := p.open("/")
	if told := p.send(waiting, "poll", "1"); !strings.Contains(told.body, `"wait"`) {
		t.Fatalf("before the sign-in: got %s", told.body)
	}
	p.signIn("jane", "open sesame", "/")
	if told := p.send(waiting, "poll", "1"); !strings.Contains(told.body, `"begin"`) {
		t.Errorf("got %s after a sign-in in another tab, want begin", told.body)
	}
	if told := s.person(t).send(waiting, "poll", "1"); !strings.Contains(told.body, `"wait"`) {
		t.Errorf("got %s in another browser, want wait", told.body)
	}
}
