package demo

import (
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// refusingUser is the user whose phone refuses the approval.
const refusingUser = "duo-no"

// A phone represents Duo and all phones with its app. Every approval takes some
// time.
type phone struct {
	after time.Duration

	mu    sync.Mutex
	begun map[string]time.Time // when each user began to set up Duo
}

func (t *phone) duo() authentiktest.Duo {
	return authentiktest.Duo{Push: t.push, Enrolment: t.enrolment}
}

func (t *phone) push(u authentiktest.User) (bool, error) {
	time.Sleep(t.after)
	return u.Username != refusingUser, nil
}

// The enrolment succeeds some time after the user has begun it.
func (t *phone) enrolment(u authentiktest.User) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun == nil {
		t.begun = make(map[string]time.Time)
	}
	if _, known := t.begun[u.Username]; !known {
		t.begun[u.Username] = time.Now()
	}
	if time.Since(t.begun[u.Username]) < t.after {
		return "waiting", nil
	}
	return "success", nil
}
