package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// posts sends the interface's answer in any flow, and returns the status. Redirects
// are not followed: a browser under an attacker's control need not do so.
func (p *interfaced) posts(slug, query string, answer map[string]any) int {
	p.t.Helper()
	body, _ := json.Marshal(answer)
	to := p.site.URL + "/api/v3/flows/executor/" + slug + "/?query=" + query
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, to, strings.NewReader(string(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	before := p.http.CheckRedirect
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { p.http.CheckRedirect = before }()
	return p.do(r).status
}

// endings are flows that answer a wrong password without an error.
func endings() map[string]authentiktest.Flow {
	restart := func(how authentiktest.InvalidResponse) authentiktest.Flow {
		flow := patient("guarded")
		flow.Bindings[1].InvalidResponse = how
		return flow
	}
	once, onceAgain, late := patient("guarded"), restart(authentiktest.Restart), restart(authentiktest.Restart)
	once.Bindings[1].Stage = &authentiktest.PasswordStage{FailedAttempts: 1}
	onceAgain.Bindings[1].Stage = &authentiktest.PasswordStage{FailedAttempts: 1}
	late.Bindings = append([]authentiktest.Binding{{Stage: &authentiktest.DummyStage{}}}, late.Bindings...)
	return map[string]authentiktest.Flow{
		"retry": patient("guarded"), "restart": restart(authentiktest.Restart), "restart with context": restart(authentiktest.RestartWithContext),
		"the last attempt denies": once, "the last attempt restarts": onceAgain, "restart at another challenge": late,
	}
}

func TestThrottle_RelayedRefusalsThatLookLikeNoneCount(t *testing.T) {
	t.Parallel()
	for name, flow := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stillSite(t, func(c *Config) { c.Flow, c.Login = "guarded", LoginRelay }, flow)
			tried := 0
			for i := range 4 * accountFree {
				p := &interfaced{person: s.person(t).from(fmt.Sprintf("198.51.100.%d", i))}
				p.opens("/")
				if len(flow.Bindings) > 3 {
					p.posts("guarded", "", map[string]any{"component": "ak-stage-dummy"})
				}
				switch p.posts("guarded", "a%3Db", map[string]any{"uid_field": "jane"}) {
				case http.StatusTooManyRequests:
					continue
				case http.StatusOK, http.StatusFound:
				default:
					t.Fatal("got the name refused, want it accepted")
				}
				if p.posts("guarded", "a%3Db", map[string]any{"password": "wrong"}) != http.StatusTooManyRequests {
					tried++
				}
			}
			if tried != accountFree+1 {
				t.Errorf("got %d guesses, want %d", tried, accountFree+1)
			}
		})
	}
}

// TestThrottle_RelayCookieFromBeforeTheNameCounts has a program keep the cookie of
// a visit in which no account was named, and guess with it.
func TestThrottle_RelayCookieFromBeforeTheNameCounts(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow, c.Login = "patient", LoginRelay }, patient("patient"))
	p := &interfaced{person: s.person(t)}
	p.opens("/")
	p.is(p.asks(nil), asksName)
	relay := cookieNames(s.gate).Relay
	old := p.cookie(relay)
	p.posts("patient", "", map[string]any{"uid_field": "jane"})
	tried := 0
	for i := range 4 * accountFree {
		p.setCookie(relay, old)
		p.from(fmt.Sprintf("198.51.100.%d", i))
		if p.posts("patient", "", map[string]any{"password": "wrong"}) != http.StatusTooManyRequests {
			tried++
		}
	}
	if tried != accountFree+1 {
		t.Errorf("got %d guesses, want %d", tried, accountFree+1)
	}
}

func TestThrottle_RefusalsThatLookLikeNoneCountOnThePage(t *testing.T) {
	t.Parallel()
	for name, flow := range endings() {
		for _, form := range []string{"page", "JSON"} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				s := stillSite(t, func(c *Config) { c.Flow = "guarded" }, flow)
				tried := 0
				for i := range 4 * accountFree {
					p := s.program(t)
					p.from(fmt.Sprintf("198.51.100.%d", i))
					step := p.ask("/.authentik/login")
					if len(flow.Bindings) > 3 {
						step = p.answer(step, `{}`)
					}
					if step = p.answer(step, `{"uid_field":"jane"}`); step.status == http.StatusTooManyRequests {
						continue
					}
					step.asks(asksPassword)
					if form == "page" {
						if !p.send(step.page(), "password", "wrong").isSlow(t) {
							tried++
						}
						continue
					}
					if p.answer(step, `{"password":"wrong"}`).status != http.StatusTooManyRequests {
						tried++
					}
				}
				if tried != accountFree+1 {
					t.Errorf("got %d guesses, want %d", tried, accountFree+1)
				}
			})
		}
	}
}

// TestThrottle_RelayedAnswerWithoutAResultCounts has authentik check a password and
// fail before it says what has come of it: with its answer, or when the gate asks
// for the next challenge.
func TestThrottle_RelayedAnswerWithoutAResultCounts(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(r *http.Request, answered bool) int{
		"with its answer": func(r *http.Request, _ bool) int {
			if r.Method == http.MethodPost {
				return http.StatusInternalServerError
			}
			return 0
		},
		"with the next challenge": func(r *http.Request, answered bool) int {
			if r.Method == http.MethodGet && answered {
				return http.StatusInternalServerError
			}
			return 0
		},
		"and a proxy says so": func(r *http.Request, answered bool) int {
			if r.Method == http.MethodGet && answered {
				return http.StatusBadGateway
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stillSite(t, func(c *Config) { c.Flow, c.Login = "patient", LoginRelay }, patient("patient"))
			p := &interfaced{person: s.person(t)}
			p.opens("/")
			p.is(p.asks(nil), asksName)
			p.posts("patient", "", map[string]any{"uid_field": "jane"})
			inner := s.front.Handler
			tried, answered := 0, false
			s.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := fails(r, answered)
				if r.Method == http.MethodPost {
					tried, answered = tried+1, true
				}
				if status == 0 {
					inner.ServeHTTP(w, r)
					return
				}
				if status == http.StatusInternalServerError {
					w.Header().Set("X-authentik-id", "test")
				}
				w.WriteHeader(status)
			})
			for i := range 4 * accountFree {
				answered = false
				p.from(fmt.Sprintf("198.51.100.%d", i))
				p.posts("patient", "", map[string]any{"password": "wrong"})
			}
			if tried != accountFree+1 {
				t.Errorf("got %d passwords checked, want %d", tried, accountFree+1)
			}
		})
	}
}
