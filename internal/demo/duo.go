package demo

import (
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// duoRefuses is the user on whose telephone somebody refuses.
const duoRefuses = "duo-no"

// A telephone stands for Duo and for all telephones with its app. Their owners
// need some time.
type telephone struct {
	after time.Duration

	mu    sync.Mutex
	begun map[string]time.Time // set-ups, by the user
}

func (t *telephone) duo() authentiktest.Duo {
	return authentiktest.Duo{Push: t.push, Enrolment: t.enrolment}
}

func (t *telephone) push(u authentiktest.User) (bool, error) {
	time.Sleep(t.after)
	return u.Username != duoRefuses, nil
}

// enrolment is done some time after somebody has asked for it first.
func (t *telephone) enrolment(u authentiktest.User) (string, error) {
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
