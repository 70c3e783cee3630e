package signin

import (
	"strings"
	"testing"
	"time"
)

func TestVisit_RestEndsAfterAWhile(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, row := range map[string]struct {
		sent time.Time
		rest time.Duration
	}{
		"just now":         {now, restAfter},
		"a while ago":      {now.Add(-10 * time.Second), restAfter - 10*time.Second},
		"long ago":         {now.Add(-restAfter), 0},
		"in times to come": {now.Add(time.Hour), 0},
	} {
		v := Visit{Sent: map[string]time.Time{"email": row.sent}}
		if got := v.rest("email", now); got != row.rest {
			t.Errorf("%s: %v, want %v", name, got, row.rest)
		}
	}
	if got := (Visit{}).rest("", now); got != 0 {
		t.Errorf("got a rest of %v before any message, want none", got)
	}
	if messageOf(nil) != "" || strings.Contains(messageOf(nil), "to") {
		t.Error("got a message for no answer, want none")
	}
}
