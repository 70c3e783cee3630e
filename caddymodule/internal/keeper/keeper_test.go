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
