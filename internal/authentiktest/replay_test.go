package authentiktest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// A row is one scenario, in every release: either replay
// sets the stand-in up for it, or why says why it is not replayed.
type row struct {
	name   string
	replay func(*replay) Config
	why    string
}

// later is the reason of rows that are not done yet. It is not a valid reason: a
// test fails as long as one is left.
const later = "not yet replayed"

// table names every scenario. Each group stands in a separate file.
func table() []row {
	return slices.Concat(
		loginRows(), protocolRows(), sessionRows(), settingsRows(), mfaRows(), webauthnRows(), captchaRows(), promptRows(),
		mailRows(), sourceRows(), oidcRows(), samlRows(), adminRows(),
	)
}

func TestReplay_TableListsEveryRecordingOnce(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, r := range table() {
		if rows[r.name] {
			t.Errorf("got %s in the table twice, want once", r.name)
		}
		rows[r.name] = true
		if (r.replay == nil) == (r.why == "") {
			t.Errorf("%s: got a replay %v and a reason %q why it has none, want one of them", r.name, r.replay != nil, r.why)
		}
	}
	names := map[string]bool{}
	for _, one := range recorded(t) {
		names[one.Name] = true
		if !rows[one.Name] {
			t.Errorf("got no row for %s (%s) in the table, want one", one.Name, one.Release)
		}
	}
	for name := range rows {
		if !names[name] {
			t.Errorf("got a row for %s, which is not recorded", name)
		}
	}
}

func TestReplay_EveryOmissionHasAReason(t *testing.T) {
	t.Parallel()
	for _, r := range table() {
		if r.why == later {
			t.Errorf("got no reason why %s is not replayed, want one", r.name)
		}
	}
}

func TestReplay_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	for _, row := range table() {
		for _, release := range Releases() {
			one, found := all[string(release)+"/"+row.name]
			if !found || row.replay == nil {
				continue
			}
			t.Run(string(release)+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				play(t, one, row.replay)
			})
		}
	}
}

// play sends every request of a recording and compares the answers.
func play(t *testing.T, one recording, setup func(*replay) Config) {
	r := &replay{t: t, release: one.Release, recording: one}
	cfg := setup(r)
	cfg.Release, cfg.SigningKey = one.Release, signingKey()
	server, err := New(cfg)
	if err != nil {
		t.Fatalf("got error %v, want the stand-in started", err)
	}
	r.Server = server
	for i := 0; i < len(one.Exchanges); i++ {
		i = r.play(i)
	}
	if skipped := len(r.skipped); skipped > 0 {
		t.Logf("%d of %d exchanges left out: %s", skipped, len(one.Exchanges), strings.Join(r.skipped, "; "))
	}
	for what := range r.hooks {
		if !r.met[what] {
			t.Errorf("got a hook for %q, which is not an exchange of the recording", what)
		}
	}
}

// A replay is one scenario being sent to the stand-in. Set-up functions hang
// their hooks on it; these name an exchange by its note, or by "#" and its
// number, counted from 0.
type replay struct {
	*Server // nil during the set-up

	t         *testing.T
	release   Release
	recording recording

	hooks   map[string]*hooks
	met     map[string]bool
	live    values // what stands for recorded one-time values
	skipped []string
	signed  map[int]string
}

type hooks struct {
	before   []func()
	change   []func(*recordedRequest)
	skip     string
	together bool
}

func (r *replay) hook(exchange string) *hooks {
	if r.hooks == nil {
		r.hooks, r.met = map[string]*hooks{}, map[string]bool{}
	}
	if r.hooks[exchange] == nil {
		r.hooks[exchange] = &hooks{}
	}
	return r.hooks[exchange]
}

// before does something before an exchange: what the administrator did
// between two requests.
func (r *replay) before(exchange string, do func()) {
	h := r.hook(exchange)
	h.before = append(h.before, do)
}

// change alters a request on its way out: a code that depends on the time, a
// body that the recording does not show.
func (r *replay) change(exchange string, edit func(*recordedRequest)) {
	h := r.hook(exchange)
	h.change = append(h.change, edit)
}

// skip leaves an exchange out. It is counted, and logged with its reason.
func (r *replay) skip(exchange, why string) { r.hook(exchange).skip = why }

// together sends an exchange at the same moment as the one after it: the
// answer is waited for only when both are on their way.
func (r *replay) together(exchange string) { r.hook(exchange).together = true }

// signedIn makes a browser one that a user had signed in with before the
// recording began.
func (r *replay) signedIn(browser int, username string) {
	if r.signed == nil {
		r.signed = map[int]string{}
	}
	r.signed[browser] = username
}

func (r *replay) hooksOf(i int) hooks {
	var all hooks
	for _, name := range []string{r.recording.Exchanges[i].Note, fmt.Sprintf("#%d", i)} {
		if h, ok := r.hooks[name]; ok {
			r.met[name] = true
			all.before = append(all.before, h.before...)
			all.change = append(all.change, h.change...)
			all.skip, all.together = all.skip+h.skip, all.together || h.together
		}
	}
	return all
}

// play sends exchange i and returns the number of the last one it has dealt
// with.
func (r *replay) play(i int) int {
	h := r.hooksOf(i)
	for _, do := range h.before {
		do()
	}
	if h.skip != "" {
		r.skipped = append(r.skipped, fmt.Sprintf("#%d (%s)", i, h.skip))
		return i
	}
	if !h.together {
		r.compare(i, r.send(i, h))
		return i
	}
	first := make(chan *http.Response)
	request := r.request(i, h)
	go func() { first <- r.serve(request) }()
	second := r.send(i+1, r.hooksOf(i+1))
	r.compare(i, <-first)
	r.compare(i+1, second)
	return i + 1
}

func (r *replay) send(i int, h hooks) *http.Response { return r.serve(r.request(i, h)) }

func (r *replay) serve(request *http.Request) *http.Response {
	w := httptest.NewRecorder()
	r.serveCore(w, request)
	return w.Result()
}

// request is recorded request i with the values of this run.
func (r *replay) request(i int, h hooks) *http.Request {
	e := r.recording.Exchanges[i]
	recorded := e.Request
	for _, edit := range h.change {
		edit(&recorded)
	}
	r.enter(e)
	request := httptest.NewRequestWithContext(r.t.Context(), recorded.Method, r.live.within(recorded.Path), r.body(recorded))
	request.Header = http.Header{}
	for name, value := range recorded.Headers {
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, r.live.within(value))
	}
	return request
}

// enter signs a browser in whose login is not part of the recording: its
// recorded cookies come to stand for those of a session made for it here.
func (r *replay) enter(e exchange) {
	username, found := r.signed[e.Browser]
	if !found || e.Request.Headers["Cookie"] == "" {
		return
	}
	delete(r.signed, e.Browser)
	fake := http.Request{Header: http.Header{"Cookie": {e.Request.Headers["Cookie"]}}}
	live := r.open(username)
	for _, c := range fake.Cookies() {
		if value, ok := live[c.Name]; ok {
			r.live.learn(c.Name, c.Value, value)
		}
	}
}

// open signs a user in without a flow and returns the user's cookies.
func (r *replay) open(username string) map[string]string {
	u, found := r.User(username)
	if !found {
		r.t.Fatalf("got no user %s, want one", username)
	}
	v := r.visit(httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, "/", http.NoBody))
	v.plan = &plan{context: map[string]any{contextMethod: "password"}}
	v.signIn(u)
	r.save(v.session)
	return map[string]string{
		cookieSession: r.sign(v.claims()),
		cookieCSRF:    v.rotated,
		cookieDevice:  (&UserLoginStage{}).device(v, u).Value,
	}
}
