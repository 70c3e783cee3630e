package flowclient

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestNewReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		URL:       &url.URL{Scheme: "ftp", Host: "a b", User: url.UserPassword("u", "geheim"), RawQuery: "x"},
		PublicURL: &url.URL{Scheme: "https", Host: "auth.example.com", Path: "/other"},
		Timeout:   -1, TLSServerName: "auth.example.com:443", PinSHA256: "abc",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"http://", "name a host", "password", "end with its path", "same path", "Timeout", "TLSServerName must", "PinSHA256 must"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "geheim") {
		t.Error("the error has the password in it")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "URL is required") {
		t.Errorf("an empty configuration: %v", err)
	}
}

func TestDefaultsAreSetByNew(t *testing.T) {
	t.Parallel()
	c, err := New(Config{URL: &url.URL{Scheme: "http", Host: "authentik_server:9000", Path: "/"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.timeout != 15*time.Second || c.log == nil || c.public != c.url {
		t.Errorf("time-out %v", c.timeout)
	}
	if tr, ok := c.transport.(*http.Transport); !ok || tr == http.DefaultTransport || tr.MaxResponseHeaderBytes != maxHeader {
		t.Error("the transport is not one of its own")
	}
	mine := &http.Transport{}
	c, err = New(Config{URL: address(t, "http://x"), Transport: mine})
	if err != nil || c.transport != mine {
		t.Errorf("the given transport is not used: %v", err)
	}
}

func TestPublicURLOfReferences(t *testing.T) {
	t.Parallel()
	c, err := New(Config{URL: address(t, "http://authentik:9000/auth/"), PublicURL: address(t, "https://auth.example.com/auth")})
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{ //nolint:gosec // No token, only the word.
		"/auth/static/x.svg":                  "https://auth.example.com/auth/static/x.svg",
		"/auth/if/user/?a=b":                  "https://auth.example.com/auth/if/user/?a=b",
		"https://cdn.example.com/logo.svg":    "https://cdn.example.com/logo.svg",
		"//cdn.example.com/x":                 "https://cdn.example.com/x",
		"http://x.example.com":                "http://x.example.com",
		"":                                    "https://auth.example.com/",
		"javascript:alert(1)":                 "",
		"data:image/png;base64,AA":            "",
		"fa://fa-github":                      "",
		"https://user@auth.example.com/":      "",
		`/\evil.example.com`:                  "",
		"mailto:x@example.com":                "",
		"https:evil":                          "",
		"/static/a b.png":                     "",
		"https://auth.example.com/a%zz":       "",
		"/media/x.png?token=a.b.c&theme=dark": "https://auth.example.com/media/x.png?token=a.b.c&theme=dark",
	} {
		if got, ok := c.PublicURL(ref); got != want || ok != (want != "") {
			t.Errorf("%q became %q, %v; want %q", ref, got, ok, want)
		}
	}
}

func TestErrorsSayWhatHappened(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"flowclient: authentik is starting":                                        &StartingError{},
		"flowclient: unexpected answer 500 of root/config":                         &UnexpectedError{Status: 500, Endpoint: "root/config"},
		"flowclient: unexpected answer 200 of root/config: the answer is not JSON": &UnexpectedError{Status: 200, Endpoint: "root/config", Err: errNotJSON},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestAUserIsLoggedByNameAlone(t *testing.T) {
	t.Parallel()
	u := User{Username: "jane", UID: "4f2c", Email: "private@example.com"}
	if got := u.LogValue().String(); !strings.Contains(got, "jane") || strings.Contains(got, "private") {
		t.Errorf("logged as %s", got)
	}
}
