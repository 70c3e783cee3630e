package demo

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestElsewhere_ShowsTheRequestWithoutValues(t *testing.T) {
	t.Parallel()
	form := url.Values{"SAMLResponse": {"very secret"}, "<script>": {"1"}}
	for _, row := range []struct{ method, target, want string }{
		{http.MethodGet, "/redirect", "<code>GET /redirect</code>."},
		{http.MethodGet, "/logout?sid=1&iss=2", "<code>GET /logout</code> with <code>iss</code>, <code>sid</code>."},
		{http.MethodPost, "/acs", "<code>POST /acs</code> with <code>&lt;script&gt;</code>, <code>SAMLResponse</code>."},
	} {
		r := httptest.NewRequest(row.method, row.target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		elsewhere().ServeHTTP(w, r)
		if body := w.Body.String(); !strings.Contains(body, row.want) || strings.Contains(body, "secret") {
			t.Errorf("%s %s: got %s, want %s and no secret", row.method, row.target, body, row.want)
		}
	}
}

func TestPhone_ApprovesAfterADelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		phone, begun := phone{after: 3 * time.Second}, time.Now()
		for name, want := range map[string]bool{"duo": true, refusingUser: false} {
			if got, err := phone.push(authentiktest.User{Username: name}); got != want || err != nil {
				t.Errorf("%s: got approval %t, %v, want %t", name, got, err, want)
			}
		}
		if took := time.Since(begun); took != 6*time.Second {
			t.Errorf("got %s for two approvals, want 6s", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		phone := phone{after: 3 * time.Second}
		for _, want := range []string{"waiting", "waiting", "success"} {
			if got, err := phone.enrolment(authentiktest.User{Username: "setup-duo"}); got != want || err != nil {
				t.Errorf("got the set-up %s, %v, want %s", got, err, want)
			}
			time.Sleep(2 * time.Second)
		}
		if got, _ := phone.enrolment(authentiktest.User{Username: "setup"}); got != "waiting" {
			t.Errorf("got %s for another user, want waiting", got)
		}
	})
}
