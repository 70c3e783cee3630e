package flowclient

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestNew_ReportsAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		URL:       &url.URL{Scheme: "ftp", Host: "a b", User: url.UserPassword("u", "geheim"), RawQuery: "x"},
		PublicURL: &url.URL{Scheme: "https", Host: "auth.example.com", Path: "/other"},
		Timeout:   -1, TLSServerName: "auth.example.com:443", PinSHA256: "abc",
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"http://", "name a host", "password", "end with its path", "same path", "Timeout", "TLSServerName must", "PinSHA256 must"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %[2]v, want %[1]q in it", want, err)
		}
	}
	if strings.Contains(err.Error(), "geheim") {
		t.Error("got an error with the password in it")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "URL is required") {
		t.Errorf("empty configuration: got %v, want URL is required", err)
	}
}

func TestNew_SetsTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := New(Config{URL: &url.URL{Scheme: "http", Host: "authentik_server:9000", Path: "/"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.timeout != 15*time.Second || c.log == nil || c.public != c.url {
		t.Errorf("got time-out %v and public URL %v, want 15 s and URL", c.timeout, c.public)
	}
	if tr, ok := c.transport.(*http.Transport); !ok || tr == http.DefaultTransport || tr.MaxResponseHeaderBytes != maxHeader {
		t.Error("got a transport that is shared or unlimited, want a clone with limits")
	}
	mine := &http.Transport{}
	c, err = New(Config{URL: address(t, "http://x"), Transport: mine})
	if err != nil || c.transport != mine {
		t.Errorf("got %v and another transport, want the given one", err)
	}
}

func TestPublicURL_ResolvesReferences(t *testing.T) {
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
			t.Errorf("%q: got %q, %v, want %q", ref, got, ok, want)
		}
	}
}

func TestErrors_NameStatusAndEndpoint(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"flowclient: authentik is starting":                                        &StartingError{},
		"flowclient: unexpected answer 500 of root/config":                         &UnexpectedError{Status: 500, Endpoint: "root/config"},
		"flowclient: unexpected answer 200 of root/config: the answer is not JSON": &UnexpectedError{Status: 200, Endpoint: "root/config", Err: errNotJSON},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestUser_IsLoggedWithoutPersonalData(t *testing.T) {
	t.Parallel()
	u := User{Username: "jane", UID: "4f2c", Email: "private@example.com"}
	if got := u.LogValue().String(); !strings.Contains(got, "jane") || strings.Contains(got, "private") {
		t.Errorf("got %s, want the user name and nothing private", got)
	}
}
