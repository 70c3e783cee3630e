package flowclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestTLS_WrongSchemeIsExplained speaks HTTP to HTTPS and the other way round.
func TestTLS_WrongSchemeIsExplained(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	tlsServer := secure(t, a.issue(t, time.Now().Add(time.Hour), "127.0.0.1"), nil)
	plain := httptest.NewServer(says(whoAreYou))
	t.Cleanup(plain.Close)
	led := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://auth.example.com"+r.URL.RequestURI(), http.StatusPermanentRedirect)
	}))
	t.Cleanup(led.Close)
	alert, proxied := raw(t, "\x15\x03\x01\x00\x02\x02\x46"), raw(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 45\r\n\r\nThe plain HTTP request was sent to HTTPS port")
	for name, c := range map[string]struct {
		scheme, host string
		want         TLSReason
	}{
		"HTTPS to a server of plain HTTP":     {"https", address(t, plain.URL).Host, TLSServerSpeaksHTTP},
		"HTTP to a server of Go":              {"http", tlsServer.Host, TLSServerSpeaksTLS},
		"HTTP to a server that sends alerts":  {"http", alert, TLSServerSpeaksTLS},
		"HTTP to a server that says so":       {"http", proxied, TLSServerSpeaksTLS},
		"HTTP to a server that redirects":     {"http", address(t, led.URL).Host, TLSServerSpeaksTLS},
		"HTTPS to a server of something else": {"https", raw(t, "SSH-2.0-OpenSSH_9.9\r\n"), TLSHandshake},
	} {
		cfg := Config{URL: &url.URL{Scheme: c.scheme, Host: c.host}, Transport: trusting(a)}
		client, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, asked := client.Ask(t.Context(), Visitor{}, login)
		req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, cfg.URL.String()+"/application/o/x/", nil)
		_, carried := client.Relay().HTTP(Visitor{}).Do(req) //nolint:bodyclose // The request gets no response.
		for _, err := range []error{asked, carried} {
			var te *TLSError
			if !errors.As(err, &te) || te.Reason != c.want || !errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
	}
}

// raw starts a server that answers every connection with the same bytes and closes
// it.
func raw(t testing.TB, answer string) (host string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestTLS_ABadRequestOfAuthentikIsNoMatterOfTLS(t *testing.T) {
	t.Parallel()
	f := newFake(t, unmarked(fails(http.StatusBadRequest, "<h1>Bad Request</h1> of something else")))
	_, err := f.client().User(t.Context(), Visitor{})
	var te *TLSError
	var ue *UnexpectedError
	if errors.As(err, &te) || !errors.As(err, &ue) || ue.Status != http.StatusBadRequest {
		t.Errorf("got %v, want an UnexpectedError", err)
	}
	f = newFake(t, fails(http.StatusBadRequest, "Client sent an HTTP request to an HTTPS server"))
	if _, err = f.client().User(t.Context(), Visitor{}); errors.As(err, &te) {
		t.Errorf("got %v of authentik itself, want no TLSError", err)
	}
}

// A redirect to another address, such as a sign-in page, says nothing of TLS.
func TestTLS_OtherRedirectIsNotReportedAsTLS(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"https://auth.example.com/login", "/login", "http://auth.example.com/api/v3/core/users/me/"} {
		f := newFake(t, unmarked(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }))
		var te *TLSError
		_, err := f.client().User(t.Context(), Visitor{})
		if err == nil || errors.As(err, &te) || to[0] != '/' && !strings.Contains(err.Error(), `a redirect to "`+to+`"`) {
			t.Errorf("%s: got %v, want another error, with the address", to, err)
		}
	}
}

func TestTLS_OtherFailuresAreNoTLSError(t *testing.T) {
	t.Parallel()
	err := asking(t, Config{URL: &url.URL{Scheme: "https", Host: "127.0.0.1:1"}})
	var te *TLSError
	if !errors.Is(err, ErrUnreachable) || errors.As(err, &te) {
		t.Errorf("got %v, want ErrUnreachable and no TLSError", err)
	}
}
