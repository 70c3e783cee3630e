package keeper

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Writers of other modules may embed Caddy's wrapper in either way.
func TestKeeper_FindsTheWriterNextToTheConnection(t *testing.T) {
	t.Parallel()
	type byPointer struct {
		*caddyhttp.ResponseWriterWrapper
	}
	type byValue struct {
		caddyhttp.ResponseWriterWrapper
	}
	type other struct{ http.ResponseWriter }
	connection := httptest.NewRecorder()
	inner := &byValue{caddyhttp.ResponseWriterWrapper{ResponseWriter: connection}}
	outer := &byPointer{&caddyhttp.ResponseWriterWrapper{ResponseWriter: inner}}
	if got := deepest(outer); got != &inner.ResponseWriterWrapper {
		t.Errorf("got %p, want the inner one", got)
	}
	if got := deepest(outer.ResponseWriterWrapper); got != &inner.ResponseWriterWrapper {
		t.Errorf("got %p, want the inner one", got)
	}
	for _, w := range []http.ResponseWriter{connection, &other{outer}, other{outer}} {
		if got := deepest(w); got != nil {
			t.Errorf("%T: got a wrapper, want none", w)
		}
	}
}

// BenchmarkKeeper is what keeping the headers of a response costs.
func BenchmarkKeeper(b *testing.B) {
	w := &caddyhttp.ResponseWriterWrapper{}
	connection := ended{make(http.Header, 8)}
	names := []string{"Cache-Control", "Cookie", "Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups"}
	values := []string{"a value of some length"}
	b.ReportAllocs()
	for b.Loop() {
		clear(connection.header)
		connection.header["Server"] = values
		w.ResponseWriter = connection
		k := New(w)
		for _, name := range names {
			k.Header()[name] = values
		}
		k.WriteHeader(http.StatusOK)
	}
}

// An ended writer keeps nothing but its headers.
type ended struct{ header http.Header }

func (e ended) Header() http.Header         { return e.header }
func (e ended) Write(b []byte) (int, error) { return len(b), nil }
func (e ended) WriteHeader(int)             {}
