package caddymodule

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlaceholdersWorkInEveryValue(t *testing.T) {
	values := map[string]string{
		"url": "https://auth.example.com", "public_url": "https://login.example.com", "host": "page",
		"site": "https://app.example.com", "flow": "main", "application": "wiki", "login": "page",
		"page title": "Example", "page logo": "https://www.example.com/logo.svg", "lifetime": "7d", "max_per_user": "3",
		"page style": "/etc/caddy/signin.css", "page templates": "/etc/caddy/signin", "page language": "fr",
		"key": strings.Repeat("k", leastKey), "cookie name": "example", "cookie domain": "example.com",
		"headers": "off", "prefix": "/.login",
	}
	h := new(Handler)
	for _, s := range h.settings() {
		name := "GATE_" + strings.ToUpper(strings.ReplaceAll(s.name, " ", "_"))
		t.Setenv(name, values[s.name])
		*s.value = "{env." + name + "}"
	}
	t.Setenv("GATE_TRUST", "/etc/ssl/one.pem")
	h.Trust = []string{"{env.GATE_TRUST}"}
	if wrong := h.settle(); wrong != nil {
		t.Fatal(wrong)
	}
	for _, s := range h.settings() {
		if values[s.name] == "" || *s.value != values[s.name] {
			t.Errorf("%s = %q, want %q", s.name, *s.value, values[s.name])
		}
	}
	if h.Trust[0] != "/etc/ssl/one.pem" {
		t.Errorf("trust = %q", h.Trust)
	}
}

func TestFilesWorkAsValues(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	secret := "{not a placeholder} but forty characters."
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := Handler{
		URL: "https://auth.example.com", Key: "{file." + file + "}",
		Headers: Headers{Own: []Header{{Name: "Authorization", Value: "Bearer {file." + file + "}"}}},
	}
	if wrong := h.settle(); wrong != nil {
		t.Fatal(wrong)
	}
	if h.Key != secret {
		t.Errorf("key = %q", h.Key)
	}
	if got, want := filled(t, h.Headers.Own[0], nil), "Bearer "+secret; got != want {
		t.Errorf("header = %q, want %q", got, want)
	}
}

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	h := Handler{
		URL: "{env.GATE_THAT_IS_NOT_SET}", Flow: "two words", Key: "{file./does/not/exist}", Lifetime: "soon",
		Trust:   []string{"{env.GATE_THAT_IS_NOT_SET}"},
		Host:    "{what.is.this}",
		Headers: Headers{Own: []Header{{Name: "X-A", Value: "{env.GATE_THAT_IS_NOT_SET}"}, {Name: "X-B", Value: "usrname"}}},
	}
	text := h.settle().Error()
	for _, want := range []string{
		"8 mistakes", "url: ", "{env.GATE_THAT_IS_NOT_SET} is empty", "flow: ", "key: ", "{file./does/not/exist} is empty", "lifetime: ",
		"trust: ", "host: unrecognized placeholder {what.is.this}", "headers X-A: ", "headers X-B: ", "did you mean username?",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestJSONWithoutAnAuthentikIsRefused(t *testing.T) {
	t.Parallel()
	if wrong := new(Handler).settle(); len(wrong) != 1 || !errors.Is(wrong[0], errNoURL) {
		t.Errorf("settle = %v", wrong)
	}
}

func TestMistakesRepeatNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "topsecret"
	for name, h := range map[string]*Handler{
		"key":               {URL: "https://auth.example.com", Key: secret},
		"password":          {URL: "https://user:" + secret + "@auth.example.com"},
		"password, no URL":  {URL: "https://user:" + secret + "@auth example.com"},
		"password, no http": {URL: "ftp://user:" + secret + "@auth.example.com"},
	} {
		if wrong := h.settle(); wrong == nil || strings.Contains(wrong.Error(), secret) {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

func TestAHeaderNeverLosesASecretSilently(t *testing.T) {
	t.Parallel()
	h := Handler{URL: "https://auth.example.com", Headers: Headers{Own: []Header{
		{Name: "Authorization", Value: "Bearer {env.GATE_THAT_IS_NOT_SET}"},
		{Name: "X-Key", Value: "{file./does/not/exist} of {http.request.host}"},
	}}}
	if wrong := h.settle(); len(wrong) != 2 {
		t.Errorf("settle = %v", wrong)
	}
}
