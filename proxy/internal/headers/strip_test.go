package headers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// protected are identity headers of all presets and of the rule in newStrict.
var protected = []string{
	"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "X-Legacy-User-Name",
	"X-Authentik-Username", "X-Authentik-Meta-App", "X-Authentik-Jwt", "X-Authentik-Entitlements",
}

func newStrict() *Headers {
	return New(Options{Preset: Remote, Rules: []Rule{{Name: "X-Legacy.User_Name", Claim: "username"}}})
}

// spellings are the ways to write a header's name that some application reads
// as the same.
func spellings(name string) []string {
	all := []string{name, strings.ToLower(name), strings.ToUpper(name)}
	for _, with := range []string{"_", "."} {
		other := strings.ReplaceAll(name, "-", with)
		all = append(all, other, strings.ToLower(other), strings.Replace(name, "-", with, 1))
	}
	return append(all, name+" ", " "+name)
}

func TestStrip_NoClientSaysWhoItIs(t *testing.T) {
	t.Parallel()
	h := newStrict()
	for _, name := range protected {
		checkStripped(t, h, name)
	}
	checkStripped(t, h.Own(), "X-Legacy-User-Name")
}

// checkStripped checks that every spelling of a name is removed.
func checkStripped(t *testing.T, h *Headers, name string) {
	t.Helper()
	for _, spelled := range spellings(name) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header[spelled] = []string{"admin"}
		r.Trailer = http.Header{spelled: {"admin"}}
		r.Header["Connection"] = []string{"close, " + spelled, spelled}
		h.Strip(r)
		if said := fmt.Sprint(r.Header, r.Trailer); strings.Contains(said, "admin") {
			t.Errorf("%q: got %s, want nothing of it", spelled, said)
		}
		if got := strings.Join(r.Header["Connection"], ","); got != "close" {
			t.Errorf("%q: got Connection %q, want close", spelled, got)
		}
	}
}

// TestStrip_UpgradesToHTTP: requests in a connection that was upgraded to HTTP would
// not come to the gate.
func TestStrip_UpgradesToHTTP(t *testing.T) {
	t.Parallel()
	h := newStrict()
	for text, want := range map[string]string{
		"h2c": "", "H2C": "", "h2": "", "h2c-14": "", "HTTP/2.0": "", "TLS/1.0, HTTP/1.1": "", "h3": "", ",": "",
		"websocket": "websocket", "SPDY/3.1": "SPDY/3.1", "tcp": "tcp",
		"websocket, h2c": "websocket", "h2c,websocket": "websocket", " h2c , tcp , HTTP/2 ": "tcp",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header = http.Header{"Upgrade": {text, "h2c"}, "Connection": {"Upgrade, HTTP2-Settings"}, "Http2-Settings": {"AAMAAABk"}}
		h.Strip(r)
		if got := strings.Join(r.Header["Upgrade"], ";"); got != want || r.Header["Http2-Settings"] != nil {
			t.Errorf("%s: got Upgrade %q and HTTP2-Settings %q, want %q and none", text, got, r.Header["Http2-Settings"], want)
		}
	}
}

// TestStrip_HeadersThatConnectionNames: a handler behind the gate may set them again,
// and a proxy behind that must not remove them.
func TestStrip_HeadersThatConnectionNames(t *testing.T) {
	t.Parallel()
	h := newStrict()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header = http.Header{
		"X-Tenant": {"north"}, "X-Other": {"stays"}, "Upgrade": {"websocket"}, "Te": {"trailers"},
		"Connection": {"X-Tenant, Upgrade ,x-tenant", "keep-alive, TE,, x-missing", "X-TENANT"},
	}
	h.Strip(r)
	if got := strings.Join(r.Header["Connection"], ";"); got != "Upgrade;keep-alive, TE" {
		t.Errorf("got Connection %q, want what is about the connection only", got)
	}
	if r.Header["X-Tenant"] != nil || r.Header["X-Other"] == nil || r.Header["Upgrade"] == nil || r.Header["Te"] == nil {
		t.Errorf("got %v, want the header removed that Connection names", r.Header)
	}
}

func TestStrip_OtherHeadersStay(t *testing.T) {
	t.Parallel()
	h := newStrict()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	others := []string{
		"Accept", "X-Authentik", "X-Authentik-", "Remote-Users", "XRemote-User", "Remote-Use", "R", "X", "RemoteUser",
		"X-Legacy", "Remote-User-" + strings.Repeat("x", maxName), "",
	}
	for _, name := range others {
		r.Header[name] = []string{"stays"}
	}
	r.Header["Connection"] = []string{"upgrade, keep-alive"}
	h.Strip(r)
	for _, name := range others {
		if len(r.Header[name]) != 1 {
			t.Errorf("%q: got it removed, want it kept", name)
		}
	}
	if got := r.Header["Connection"]; len(got) != 1 || got[0] != "upgrade, keep-alive" {
		t.Errorf("Connection: got %q, want it as it was", got)
	}
}

func TestStrip_TrailersThatComeWithTheBody(t *testing.T) {
	t.Parallel()
	h := newStrict()
	for name, announced := range map[string]http.Header{"announced": {"Remote-User": nil, "X-Other": nil}, "not announced": nil} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.TransferEncoding = []string{"chunked"}
		r.Trailer = announced
		r.Body = io.NopCloser(lateTrailer{r})
		h.Strip(r)
		if body, err := io.ReadAll(r.Body); err != nil || len(body) != 0 {
			t.Errorf("%s: got body %q, %v, want none", name, body, err)
		}
		if _, found := r.Trailer["Remote-User"]; found || r.Trailer.Get("X-Other") != "stays" {
			t.Errorf("%s: got trailers %v, want only X-Other", name, r.Trailer)
		}
	}
}

// A lateTrailer adds trailers at the end of the body, as net/http does.
type lateTrailer struct{ r *http.Request }

func (l lateTrailer) Read([]byte) (int, error) {
	l.r.Trailer = http.Header{"Remote-User": {"admin"}, "X-Other": {"stays"}}
	return 0, io.EOF
}

func TestStrip_AllocatesNothing(t *testing.T) {
	h := newStrict()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for i := range 12 {
		r.Header.Set(fmt.Sprintf("Sec-Ch-Ua-%d", i), "as browsers send them")
	}
	r.Header.Set("Referer", "/")
	r.Header.Set("X-Requested-With", "fetch")
	if got := testing.AllocsPerRun(100, func() { h.Strip(r) }); got != 0 {
		t.Errorf("allocations: got %v, want none", got)
	}
}
