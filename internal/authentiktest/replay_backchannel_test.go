package authentiktest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// A listener receives the logout tokens of the recorded clients in this run.
type listener struct {
	*replay
	address string

	mu       sync.Mutex
	heard    []recordedRequest
	statuses []int // of the answers to come; all others are 200
	missed   int   // how many of the last tries the recording lacks
}

// listens starts a listener. What authentik sent in the recording is compared
// with what arrives there.
func (r *replay) listens() *listener {
	l := &listener{replay: r}
	web := httptest.NewServer(l)
	r.t.Cleanup(web.Close)
	l.address = web.URL
	for i, e := range r.recording.Exchanges {
		if e.By == "authentik" {
			r.skip(exchangeNo(i), "sent by authentik: compared with what the stand-in sends")
		}
	}
	return l
}

// at registers the listener as a client's back-channel address.
func (l *listener) at(path string) func(*Provider) {
	return func(p *Provider) { p.BackchannelURI = l.address + path }
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	heard := recordedRequest{Method: r.Method, Path: r.URL.RequestURI(), Headers: map[string]string{}}
	for _, name := range []string{"User-Agent", "Accept", "Content-Type"} {
		heard.Headers[name] = r.Header.Get(name)
	}
	body := map[string]any{}
	if err := r.ParseForm(); err != nil {
		l.t.Errorf("got error %v, want the form sent to the client", err)
	}
	for name := range r.PostForm {
		body[name] = r.PostForm.Get(name)
	}
	heard.Body = body
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, heard)
	if len(l.statuses) > 0 {
		w.WriteHeader(l.statuses[0])
		l.statuses = l.statuses[1:]
	}
}

// hears compares the logout tokens since its last call with those that
// the recorded client got.
func (l *listener) hears(recorded []exchange) {
	l.t.Helper()
	if err := l.Delivered(l.t.Context()); err != nil {
		l.t.Error(err)
	}
	l.mu.Lock()
	heard := l.heard[:max(0, len(l.heard)-l.missed)]
	l.heard, l.missed = nil, 0
	l.mu.Unlock()
	if len(heard) != len(recorded) {
		l.t.Errorf("got %d logout tokens, want %d as recorded", len(heard), len(recorded))
		return
	}
	byPath := func(a, b recordedRequest) int { return strings.Compare(a.Path, b.Path) }
	slices.SortStableFunc(heard, byPath)
	slices.SortStableFunc(recorded, func(a, b exchange) int { return byPath(a.Request, b.Request) })
	for i, e := range recorded {
		l.compareRequest(e, heard[i])
	}
}

func (l *listener) compareRequest(e exchange, live recordedRequest) {
	l.t.Helper()
	d := &differences{replay: l.replay}
	if e.Request.Method != live.Method || e.Request.Path != live.Path {
		d.add("request", e.Request.Method+" "+e.Request.Path, live.Method+" "+live.Path)
	}
	for name, value := range live.Headers {
		if e.Request.Headers[name] != value {
			d.add(name, e.Request.Headers[name], value)
		}
	}
	d.value("body", "", e.Request.Body, live.Body)
	for _, what := range d.list {
		l.t.Errorf("%s: %s", e.Note, what)
	}
}

// sent are the recorded messages of authentik that match.
func (l *listener) sent(match func(exchange) bool) (all []exchange) {
	for _, e := range l.recording.Exchanges {
		if e.By == "authentik" && match(e) {
			all = append(all, e)
		}
	}
	return all
}

// causes does something as the administrator, and compares the logout tokens
// that it causes.
func (l *listener) causes(exchange, cause string, do func()) {
	l.by(exchange, func() {
		do()
		l.hears(l.because(cause))
	})
}

func (l *listener) because(cause string) []exchange {
	return l.sent(func(e exchange) bool { return strings.Contains(e.Note, "because of: "+cause+" ") })
}

// enters opens a session in which clients get an access token each.
func (l *listener) enters(username string, clients ...string) *session {
	s := l.load(l.open(username)[cookieSession])
	for _, id := range clients {
		l.give(id, s, map[string]any{"scope": "openid"})
	}
	return s
}

// ended is a session with access tokens that the administrator ends.
func (l *listener) ended(username string, clients ...string) func() {
	return func() { l.EndSession(sidOf(l.enters(username, clients...).id)) }
}

func logoutBackchannel(r *replay) Config {
	l := r.listens()
	r.signedIn(1, "oi-lea")
	r.signedIn(4, "oi-lea")
	r.holds(held{client: "oi-bc", before: 7, at: 7})
	const second = "2. the administrator deletes the session"
	r.before(second, func() { l.hears(l.because("1")) })
	l.causes(second, "2", l.ended("oi-lea", "oi-bc"))
	l.causes("3. session deleted that has two access tokens of oi-bc (one by refresh) and one of oi-bc2", "3",
		l.ended("oi-lea", "oi-bc", "oi-bc", "oi-bc2"))
	r.before(exchangeNo(10), l.signsInAgain)
	r.by("5. the administrator sets the password (no effect on sessions)", func() { l.hears(l.because("4")) })
	l.causes("and deactivates the user", "5", func() {
		l.enters("oi-lea", "oi-bc")
		r.SetActive("oi-lea", false)
	})
	r.by("activated again", func() { r.SetActive("oi-lea", true) })
	var bereft *session
	r.before(exchangeNo(14), func() { bereft = l.toBeRevoked(14) })
	l.causes("then the session is deleted", "6", func() { r.EndSession(sidOf(bereft.id)) })
	l.causes("7. the user is deleted", "7", func() {
		l.enters("oi-lea", "oi-bc")
		r.DeleteUser("oi-lea")
	})
	const page = "/.authentik/backchannel-logout"
	return Config{
		Users:        []User{member("oi-lea")},
		Applications: []Application{relying("oi-bc", l.at(page)), relying("oi-bc2", l.at(page+"2"))},
	}
}

// signsInAgain is a second login in the same browser.
func (l *listener) signsInAgain() {
	v := l.visit(httptest.NewRequestWithContext(l.t.Context(), http.MethodGet, "/", http.NoBody))
	v.session = l.enters("oi-lea", "oi-bc")
	u, _ := l.User("oi-lea")
	v.signIn(u)
}

// toBeRevoked is a session whose access token an exchange is to revoke.
func (l *listener) toBeRevoked(exchange int) *session {
	s := l.load(l.open("oi-lea")[cookieSession])
	given, _ := l.give("oi-bc", s, map[string]any{"scope": "openid"})
	body, _ := l.recording.Exchanges[exchange].Request.Body.(map[string]any)
	recorded, _ := body["token"].(string)
	l.live.learn("token", recorded, given.access)
	return s
}

// logoutBackchannelRetries has two sessions end. In the recording of 2025.10
// there was no time left for the last try of the first; in that of 2026.8 the
// client also hears of a session of an earlier scenario, which is left out.
func logoutBackchannelRetries(r *replay) Config {
	l := r.listens()
	about := func(sid any) []exchange { return l.sent(func(e exchange) bool { return sidIn(e) == sid }) }
	all := l.sent(func(exchange) bool { return true })
	tries, once := about(sidIn(all[0])), about(sidIn(all[len(all)-1]))
	var failures []int
	for _, e := range tries {
		if e.Response.Status != http.StatusOK {
			failures = append(failures, e.Response.Status)
		}
	}
	r.by("session deleted; the client answers 500 three times, then 200", func() {
		l.statuses, l.missed = failures, len(failures)+1-len(tries)
		l.ended("oi-lou", "oi-bcr")()
		l.hears(tries)
	})
	r.by("session deleted; the client takes eight seconds to answer 200", func() {
		l.ended("oi-lou", "oi-bcr")()
		l.hears(once)
	})
	return Config{
		Users: []User{member("oi-lou")}, LogoutRetry: time.Millisecond,
		Applications: []Application{relying("oi-bcr", l.at("/.authentik/backchannel-logout"))},
	}
}

// sidIn is the session that a recorded message is about.
func sidIn(e exchange) any {
	body, _ := e.Request.Body.(map[string]any)
	token, _ := body["logout_token"].(string)
	return claimsOf(token)["sid"]
}
