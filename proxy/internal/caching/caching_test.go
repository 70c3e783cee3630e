package caching

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// respond has a handler answer by way of a marked response.
func respond(r *http.Request, handler func(w http.ResponseWriter)) http.Header {
	recorder, p := httptest.NewRecorder(), new(Response)
	handler(p.Mark(recorder, r))
	p.Finish()
	return recorder.Result().Header
}

func get(t *testing.T) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
}

func TestResponse_IsMarkedWhereTheApplicationIsSilent(t *testing.T) {
	t.Parallel()
	const page, other = "private, no-cache", "private"
	for name, tt := range map[string]struct {
		header http.Header
		status int
		want   string
	}{
		"page":                 {http.Header{"Content-Type": {"text/html; charset=utf-8"}}, 200, page},
		"page, capitals":       {http.Header{"Content-Type": {"Text/HTML"}}, 200, page},
		"page, XHTML":          {http.Header{"Content-Type": {"application/xhtml+xml"}}, 200, page},
		"no type":              {http.Header{}, 200, page},
		"error page":           {http.Header{"Content-Type": {"text/html"}}, 500, page},
		"redirect":             {http.Header{"Location": {"/x"}, "Content-Type": {"text/plain"}}, 301, other},
		"report":               {http.Header{"Content-Type": {"application/pdf"}}, 200, other},
		"part of a report":     {http.Header{"Content-Type": {"application/pdf"}}, 206, other},
		"empty Cache-Control":  {http.Header{"Content-Type": {"image/png"}, "Cache-Control": {}}, 200, other},
		"not modified":         {http.Header{}, 304, ""},
		"public":               {http.Header{"Cache-Control": {"public, max-age=60"}}, 200, "public, max-age=60"},
		"no-store":             {http.Header{"Cache-Control": {"no-store"}}, 200, "no-store"},
		"s-maxage":             {http.Header{"Cache-Control": {"max-age=0, S-MaxAge=60"}}, 200, "max-age=0, S-MaxAge=60"},
		"private":              {http.Header{"Cache-Control": {"max-age=60", "Private"}}, 200, "max-age=60"},
		"no-cache":             {http.Header{"Cache-Control": {"no-cache"}}, 200, "no-cache"},
		"max-age":              {http.Header{"Cache-Control": {"max-age=60"}}, 200, "max-age=60, private"},
		"two lines":            {http.Header{"Cache-Control": {"max-age=60", "immutable"}}, 200, "max-age=60, immutable, private"},
		"must-revalidate":      {http.Header{"Cache-Control": {"must-revalidate"}}, 200, "must-revalidate, private"},
		"private for a header": {http.Header{"Cache-Control": {`private="Set-Cookie", max-age=60`}}, 200, `private="Set-Cookie", max-age=60, private`},
		"blank Cache-Control":  {http.Header{"Content-Type": {"image/png"}, "Cache-Control": {" "}}, 200, other},
		"Expires":              {http.Header{"Expires": {"0"}}, 200, other},
		"Expires in a year":    {http.Header{"Content-Type": {"image/png"}, "Expires": {"Tue, 30 Nov 2027 00:00:00 GMT"}}, 200, other},
		"Pragma":               {http.Header{"Content-Type": {"image/png"}, "Pragma": {"no-cache"}}, 200, page},
		"Pragma: public":       {http.Header{"Content-Type": {"image/png"}, "Pragma": {"public"}}, 200, other},
	} {
		got := respond(get(t), func(w http.ResponseWriter) {
			for name, values := range tt.header {
				w.Header()[name] = values
			}
			w.WriteHeader(tt.status)
		})
		if got := got.Get("Cache-Control"); got != tt.want {
			t.Errorf("%s: got Cache-Control %q, want %q", name, got, tt.want)
		}
	}
}

// Whatever writes the header first, it is marked.
func TestResponse_IsMarkedByWhateverWritesFirst(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(http.ResponseWriter){
		"WriteHeader":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
		"Write":              func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) },
		"WriteString":        func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"Copy":               func(w http.ResponseWriter) { _, _ = io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}) },
		"Flush":              func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"ResponseController": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"the server":         func(http.ResponseWriter) {},
		"another, later": func(w http.ResponseWriter) {
			_, _ = w.Write([]byte("x"))
			w.Header().Del("Cache-Control") // as a handler may that prepares trailers
			_, _ = w.Write([]byte("x"))
		},
	} {
		if got := respond(get(t), write).Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: got Cache-Control %q, want it marked", name, got)
		}
	}
}

// No cache keeps the response to another method unless it is told to.
func TestResponse_OfOtherMethodsIsNotMarked(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodOptions, http.MethodConnect} {
		recorder := httptest.NewRecorder()
		w := new(Response).Mark(recorder, httptest.NewRequestWithContext(t.Context(), method, "http://x", nil))
		if w != http.ResponseWriter(recorder) {
			t.Errorf("%s: got another writer, want the server's", method)
		}
	}
}

// Values that one response has been marked with can be changed in place by other
// handlers, as Caddy's do, without an effect on the next response.
func TestResponse_IsNotMarkedWithASharedValue(t *testing.T) {
	t.Parallel()
	respond(get(t), func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusOK)
		w.Header()["Cache-Control"][0] = "public"
	})
	if got := respond(get(t), func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }).Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("got Cache-Control %q, want it marked", got)
	}
}

// With several gates on the way a response is marked once.
func TestResponse_IsMarkedOnceByTwoGates(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	new(Response).Mark(new(Response).Mark(recorder, get(t)), get(t)).WriteHeader(http.StatusOK)
	if got := recorder.Result().Header["Cache-Control"]; len(got) != 1 || got[0] != "private, no-cache" {
		t.Errorf("got Cache-Control %q, want it once", got)
	}
}

// A plain writer has nothing but what every writer has.
type plain struct{ header http.Header }

func (p plain) Header() http.Header         { return p.header }
func (p plain) Write(b []byte) (int, error) { return len(b), nil }
func (p plain) WriteHeader(int)             {}

// A full writer has everything, and notes what is called.
type full struct {
	plain
	called *[]string
}

func (f full) note(name string) { *f.called = append(*f.called, name) }

func (f full) Flush()                                  { f.note("Flush") }
func (f full) ReadFrom(r io.Reader) (int64, error)     { f.note("ReadFrom"); return io.Copy(io.Discard, r) }
func (f full) Push(string, *http.PushOptions) error    { f.note("Push"); return nil }
func (f full) WriteString(s string) (n int, err error) { f.note("WriteString"); return len(s), nil }

func (f full) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	f.note("Hijack")
	return nil, nil, nil
}

// What handlers ask a writer for, they get from the server's.
func TestWriter_HasWhatTheServersHas(t *testing.T) {
	t.Parallel()
	var called []string
	w := new(Response).Mark(full{plain{http.Header{}}, &called}, get(t))
	w.(http.Flusher).Flush()
	_, _ = io.Copy(w, struct{ io.Reader }{strings.NewReader("x")})
	_, _ = io.WriteString(w, "x")
	_ = w.(http.Pusher).Push("/x", nil)
	_, _, _ = w.(http.Hijacker).Hijack()
	_, _, _ = http.NewResponseController(w).Hijack()
	if got, want := strings.Join(called, " "), "Flush ReadFrom WriteString Push Hijack Hijack"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bare := new(Response).Mark(plain{http.Header{}}, get(t))
	if _, ok := bare.(http.Hijacker); ok {
		t.Error("got a Hijacker around a writer that is not one, want none")
	}
	if err := bare.(http.Pusher).Push("/x", nil); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v, want %v", err, http.ErrNotSupported)
	}
	if err := http.NewResponseController(bare).Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v, want %v", err, http.ErrNotSupported)
	}
	if n, err := io.Copy(bare, struct{ io.Reader }{strings.NewReader("abc")}); n != 3 || err != nil {
		t.Errorf("got %d, %v copied, want 3", n, err)
	}
}
