package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A measured body says nothing of its length, and counts what is read of it.
type measured struct {
	io.Reader
	read atomic.Int64
}

func (c *measured) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// large is the beginning of a body of each type, filled up to 8 MB.
func large(beginning string) *measured {
	return &measured{Reader: io.MultiReader(strings.NewReader(beginning), strings.NewReader(strings.Repeat("a", 8<<20)))}
}

func TestBodies_WithoutAVisitLittleIsRead(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.gate = func(c *Config) { c.Login = LoginRelay } })
	for _, row := range []struct {
		path, kind, beginning string
		most                  int64
		want                  fault.Code // empty: not looked at
	}{
		{"/.authentik/login", "application/json", `{"visit":"`, 0, fault.VisitLost},
		{"/.authentik/login", "application/x-www-form-urlencoded", "visit=", intake.Small + 1, fault.VisitLost},
		{"/.authentik/login", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=visit\r\n\r\n", intake.Small + 1, fault.VisitLost},
		{"/.authentik/login", "text/plain", "", 0, fault.BadRequest},
		{"/.authentik/logout", "application/x-www-form-urlencoded", "to=", intake.Small + 1, fault.TooLarge},
		{"/.authentik/logout", "application/json", "", 0, ""},
		{"/.authentik/backchannel-logout", "application/x-www-form-urlencoded", "logout_token=", intake.Small + 1, ""},
		{"/.authentik/session", "application/json", "", 0, fault.MethodNotAllowed},
		{"/.authentik/nothing", "application/json", "", 0, fault.NotFound},
		{"/api/v3/flows/executor/login/", "application/json", `{"password":"`, 0, fault.SignInRequired},
	} {
		for _, declared := range []int64{-1, 8 << 20} {
			body := large(row.beginning)
			r := httptest.NewRequest(http.MethodPost, s.URL+row.path, body)
			r.ContentLength, r.ProtoMajor = declared, 2 // with HTTP/1 the rest is read, and not kept, after the response
			r.Header.Set("Content-Type", row.kind)
			r.Header.Set("Accept", "application/json")
			w := httptest.NewRecorder()
			s.Config.Handler.ServeHTTP(w, r)
			if read := body.read.Load(); read > row.most {
				t.Errorf("%s, %s, length %d: got %d bytes read, want at most %d", row.path, row.kind, declared, read, row.most)
			}
			if got := w.Body.String(); row.want != "" && !strings.Contains(got, `"`+string(row.want)+`"`) {
				t.Errorf("%s, %s, length %d: got %d %s, want %s", row.path, row.kind, declared, w.Code, got, row.want)
			}
		}
	}
}

// A hurrying writer notes whether reads have a deadline.
type hurrying struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (h *hurrying) SetReadDeadline(at time.Time) error {
	h.deadline = at
	return nil
}

// TestBodies_UnreadOnesHaveADeadline: net/http waits for the beginning of a body
// that is not read before it sends the gate's response.
func TestBodies_UnreadOnesHaveADeadline(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.gate = func(c *Config) { c.Login = LoginRelay } })
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodOptions} {
		for _, path := range []string{
			"/wiki", "/.authentik/login", "/.authentik/logout", "/.authentik/session", "/.authentik/nothing", "/.authentik/callback",
			"/.authentik/backchannel-logout", "/.authentik/assets/style.css", "/api/v3/flows/executor/login/",
		} {
			w := &hurrying{ResponseRecorder: httptest.NewRecorder()}
			body, sent := io.Pipe() // of which nothing comes before the deadline
			r := httptest.NewRequest(method, s.URL+path, body)
			r.ContentLength = 1 << 30
			_ = sent.CloseWithError(os.ErrDeadlineExceeded)
			s.Config.Handler.ServeHTTP(w, r)
			if w.deadline.IsZero() {
				t.Errorf("%s %s: got status %d without a deadline for the body, want one", method, path, w.Code)
			}
		}
	}
}

// TestBodies_ThatNoAnswerNeedsAreNotAwaited announces a body at every address
// whose answer does not depend on it, and sends none. Only a deadline far beyond
// the test's own would end a wait for it.
func TestBodies_ThatNoAnswerNeedsAreNotAwaited(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) { reg.gate = func(c *Config) { c.Login = LoginRelay } })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Config.Handler.ServeHTTP(patientWriter{w}, r)
	}))
	t.Cleanup(server.Close)
	for _, row := range []struct{ method, path, head string }{
		{http.MethodPost, "/api", ""},
		{http.MethodPut, "/file", "Expect: 100-continue\r\n"},
		{http.MethodGet, "/wiki", "Accept: text/html\r\n"},
		{http.MethodPost, "/form", "Accept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n"},
		{http.MethodPost, "/.authentik/login", "Content-Type: application/json\r\n"},
		{http.MethodPost, "/.authentik/login", "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: cross-site\r\n"},
		{http.MethodPost, "/.authentik/nothing", ""},
		{http.MethodPost, "/.authentik/session", ""},
		{http.MethodPost, "/api/v3/flows/executor/login/", "Content-Type: application/json\r\n"},
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n%s\r\n", row.method, row.path, s.Listener.Addr(), row.head)
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // the connection is closed
		if err != nil || !res.Close {
			t.Errorf("%s %s: got %v, want a response, and the end of the connection", row.method, row.path, err)
		}
		_ = conn.Close()
	}
}

// A patientWriter waits for bodies as long as clients like.
type patientWriter struct{ http.ResponseWriter }

func (patientWriter) SetReadDeadline(time.Time) error { return nil }

// TestBodies_RoomIsGivenBack: what a large answer holds is free again whatever has
// come of it.
func TestBodies_RoomIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	secret := seal.NewSecret().Cookie()
	for kind, body := range map[string]string{
		"application/json":                  `{"visit":"` + strings.Repeat("a", 1<<20) + `","on":true}`,
		"application/x-www-form-urlencoded": "visit=" + strings.Repeat("a", 1<<19),
		"multipart/form-data; boundary=b":   "--b\r\nContent-Disposition: form-data; name=visit\r\n\r\n" + strings.Repeat("a", 1<<20) + "\r\n--b--\r\n",
	} {
		r := httptest.NewRequest(http.MethodPost, s.URL+"/.authentik/login", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Accept", "application/json")
		r.AddCookie(&http.Cookie{Name: cookieNames(s.gate).Visit, Value: secret})
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), string(fault.VisitLost)) {
			t.Errorf("%s: got %d %s, want %s", kind, w.Code, w.Body, fault.VisitLost)
		}
		if taken, waiting := s.gate.member.Shared.Room.State(); taken != 0 || waiting != 0 {
			t.Errorf("%s: got %d bytes held and %d waiting, want none", kind, taken, waiting)
		}
	}
}

// TestAnswer_IsReducedToWhatItsChallengeAsksFor has a program send a password
// beside the name that is asked for, and to a challenge that asks for none.
func TestAnswer_IsReducedToWhatItsChallengeAsksFor(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "patient" }, patient("patient"))
	p := s.program(t)
	first := p.ask("/.authentik/login")
	p.answer(first, `{"uid_field":"jane","password":"open sesame"}`).asks(asksPassword)
	s.clock.move(submissionsKept)
	before := s.authentik.Requests()
	p.answer(first, `{"password":"open sesame"}`).complains(asksName, "non_field_errors", "wrong_page")
	if got := s.authentik.Requests() - before; got != 0 {
		t.Errorf("requests to authentik: got %d, want none", got)
	}
	for range 2 * accountFree {
		if got := p.answer(first, `{"uid_field":"joe","password":"open sesame"}`); got.Done {
			t.Fatal("got the password of an old page sent to authentik, want it dropped")
		}
		s.clock.move(submissionsKept)
	}
}

func TestAnswer_LargerThanItsChallengeCanNeedIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`).asks(asksPassword)
	before := s.authentik.Requests()
	p.answer(step, `{"password":"`+strings.Repeat("a", 1<<20)+`"}`).fails(fault.TooLarge)
	if got := s.authentik.Requests() - before; got != 0 {
		t.Errorf("requests to authentik: got %d, want none", got)
	}
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

// TestBodies_OfTheRelayAreBounded has a visit of authentik's own interface, whose
// answers are forms, and whose other requests have no body.
func TestBodies_OfTheRelayAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Login = LoginRelay })
	p := &interfaced{person: s.person(t)}
	p.opens("/")
	send := func(path string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, s.URL+path, body)
		r.ContentLength, r.ProtoMajor = -1, 2
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range p.jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		return w
	}
	before := s.front.asked.Load()
	for path, most := range map[string]int64{
		"/api/v3/flows/executor/login/?query=": 8<<20 + 1,
		"/api/v3/stages/authenticator/duo/00000000-0000-0000-0000-000000000000/enrollment_status/?stage_uuid=x": 1<<10 + 1,
	} {
		body := &measured{Reader: io.MultiReader(strings.NewReader(`{"uid_field":"`), strings.NewReader(strings.Repeat("a", 9<<20)))}
		w := send(path, body)
		if read := body.read.Load(); read > most || !strings.Contains(w.Body.String(), string(fault.TooLarge)) {
			t.Errorf("%s: got %d bytes read and status %d, want at most %d and %s", path, read, w.Code, most, fault.TooLarge)
		}
	}
	if got := s.front.asked.Load() - before; got != 0 {
		t.Errorf("got %d requests to authentik, want none", got)
	}
	for _, body := range []string{`{"uid_field":"jane","more":"` + strings.Repeat("a", 1<<20) + `"}`, `{"uid_field":"` + strings.Repeat("a", 1<<20)} {
		send("/api/v3/flows/executor/login/?query=", strings.NewReader(body))
		if taken, waiting := s.gate.member.Shared.Room.State(); taken != 0 || waiting != 0 {
			t.Errorf("got %d bytes held and %d waiting, want none", taken, waiting)
		}
	}
}
