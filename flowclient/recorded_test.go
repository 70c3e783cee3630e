package flowclient

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// recorded is one exchange with a real authentik.
type recorded struct {
	Note, Method, Path, Cookie string
	Browser, Status            int
	Answer                     map[string]any
	Headers                    [][2]string
	Body                       string
}

func unpack(t testing.TB, file string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + file) //nolint:gosec // Test data.
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // It was only read.
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil || len(out) == 0 {
		t.Fatalf("%s: got %d bytes, %v, want some", file, len(out), err)
	}
	return out
}

func exchanges(t testing.TB, about, release string) map[string][]recorded {
	t.Helper()
	var out map[string][]recorded
	if err := json.Unmarshal(unpack(t, about+"-"+release+".json.gz"), &out); err != nil || len(out) == 0 {
		t.Fatalf("%s of %s: got %d answers, %v, want some", about, release, len(out), err)
	}
	return out
}

// lost lists the exchanges, by scenario and number, after which Step.Lost must be
// true. After all others it must be false.
var lost = map[string][]int{
	"protocol-lost-session":     {0, 3, 6, 11, 17},
	"concurrent-answers":        {3, 12, 21},
	"protocol-stage-disappears": {3},
}

// errorless lists the exchanges whose errors the visitor must not see.
var errorless = map[string][]int{
	"protocol-lost-session":     {0, 3, 6, 11, 17},
	"protocol-stage-disappears": {3},
}

// cutShort lists exchanges with a redirect that the recording does not follow, so
// that the rest of the walk is missing.
var cutShort = map[string][]int{"redirect-stage": {14}, "protocol-lost-session": {1}}

// TestWalk_FollowsTheRecordings replays recordings of real servers, call by call. The
// server requires the recorded requests with their cookies, so the client must follow
// every redirect as the recording did.
func TestWalk_FollowsTheRecordings(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		all := exchanges(t, "walks", release)
		maps.Copy(all, exchanges(t, "sources", release))
		for scenario, exchanges := range all {
			t.Run(release+"/"+scenario, func(t *testing.T) {
				t.Parallel()
				for _, b := range browsers(exchanges) {
					replay(t, scenario, b, exchanges)
				}
			})
		}
	}
}

func browsers(exchanges []recorded) []int {
	var out []int
	seen := map[int]bool{}
	for _, e := range exchanges {
		if !seen[e.Browser] {
			seen[e.Browser] = true
			out = append(out, e.Browser)
		}
	}
	return out
}

func replay(t *testing.T, scenario string, browser int, all []recorded) {
	t.Helper()
	var queue []int
	for i, e := range all {
		if e.Browser == browser && strings.Contains(e.Path, executorPath) && !slices.Contains(cutShort[scenario], i) {
			queue = append(queue, i)
		}
	}
	script := make([]http.HandlerFunc, 0, len(queue))
	for at := 0; at < len(queue); at++ {
		i := queue[at]
		script = append(script, expecting(t, i, all[i]))
		if all[i].Status == http.StatusMethodNotAllowed {
			// The client checks whether the flow still exists, which no recording does.
			script = append(script, fails(http.StatusNotFound, "<html>"))
			queue = slices.Insert(queue, at+1, i)
			at++
		}
	}
	f := newFake(t, script...)
	c := f.client()
	calls := 0
	for f.count() < len(queue) {
		calls++
		first := queue[f.count()]
		step, err := call(t, c, all[first])
		last := queue[min(f.count(), len(queue))-1]
		judge(t, scenario, first, all[last], step, err)
	}
	if len(queue) > 0 && calls == 0 {
		t.Error("got no call, want the recording replayed")
	}
}

// expecting answers as recorded. It requires the recorded request.
func expecting(t *testing.T, i int, e recorded) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != e.Method || r.RequestURI != e.Path {
			t.Errorf("exchange %d: got %s %s, want %s %s", i, r.Method, r.RequestURI, e.Method, e.Path)
		}
		for _, name := range []string{sessionCookie, csrfCookie, "authentik_device", "authentik_mfa"} {
			want := carried(e.Cookie)[name]
			got, _ := r.Cookie(name)
			if got == nil {
				got = &http.Cookie{}
			}
			if got.Value != want && (name != csrfCookie || want != "") {
				t.Errorf("exchange %d: got another cookie %s than recorded", i, name)
			}
		}
		for _, h := range e.Headers {
			w.Header().Add(h[0], h[1])
		}
		w.WriteHeader(e.Status)
		_, _ = io.WriteString(w, e.Body)
	}
}

// header returns a recorded header.
func header(e recorded, name string) string {
	for _, h := range e.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

func carried(header string) Cookies {
	out := Cookies{}
	r := http.Request{Header: http.Header{"Cookie": {header}}}
	for _, k := range r.Cookies() {
		out[k.Name] = k.Value
	}
	return out
}

// call makes the call that begins with the recorded request.
func call(t *testing.T, c *Client, e recorded) (Step, error) {
	t.Helper()
	v := Visitor{Cookies: carried(e.Cookie)}
	path, query, _ := strings.Cut(e.Path, "?")
	f, ok := Redirect{Path: path + "?" + query}.Flow()
	if !ok {
		t.Fatalf("%s: got no flow", e.Path)
	}
	if e.Method == http.MethodGet {
		return c.Ask(t.Context(), v, f)
	}
	return c.Answer(t.Context(), v, f, verbatim(t, e.Answer))
}

// verbatim returns an answer with exactly the recorded fields.
func verbatim(t testing.TB, fields map[string]any) Answer {
	t.Helper()
	name, _ := fields["component"].(string)
	raw := map[string]json.RawMessage{}
	for key, value := range fields {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		raw[key] = text
	}
	return RawAnswer{Component(name), raw}
}

func judge(t *testing.T, scenario string, first int, last recorded, got Step, err error) {
	t.Helper()
	at := fmt.Sprintf("exchange %d (%s)", first, last.Note)
	if last.Status != http.StatusOK {
		if err == nil {
			t.Errorf("%s: got no error of status %d", at, last.Status)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: got %v", at, err)
		return
	}
	o, _ := readObject([]byte(last.Body))
	if want := o.text("component"); string(got.Challenge.Component()) != want {
		t.Errorf("%s: got %s, want %s", at, got.Challenge.Component(), want)
	}
	if want := slices.Contains(lost[scenario], first); got.Lost != want {
		t.Errorf("%s: got lost %v, want %v", at, got.Lost, want)
	}
	if want := header(last, "content-language"); got.Language != want {
		t.Errorf("%s: got language %q, want %q", at, got.Language, want)
	}
	want := o.has("response_errors") && !slices.Contains(errorless[scenario], first)
	if (got.Challenge.Common().Errors != nil) != want {
		t.Errorf("%s: got errors %v, want any: %v", at, got.Challenge.Common().Errors, want)
	}
}
