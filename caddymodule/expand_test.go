package caddymodule

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func TestExpand_ReplacesPlaceholdersInEveryValue(t *testing.T) {
	values := map[string]string{
		"url": "https://auth.example.com", "public_url": "https://login.example.com", "host": "page",
		"site": "https://app.example.com", "flow": "main", "application": "wiki", "login": "page",
		"page title": "Example", "page logo": "https://www.example.com/logo.svg", "lifetime": "7d", "max_per_user": "3",
		"page style": "/etc/caddy/signin.css", "page templates": "/etc/caddy/signin", "page language": "fr",
		"key": strings.Repeat("k", rules.MinKey), "pin": strings.Repeat("0f", 32), "tls_name": "auth.example.com", "cookie name": "example", "cookie domain": "example.com",
		"cache": "off", "headers": "off", "headers encoding": "latin1", "headers max_size": "16KiB", "prefix": "/.login", "idle": "1h", "recheck": "30s", "grace": "0s",
		"client_id": "wiki", "client_secret": "{not} a placeholder", "max_age": "8h",
		"debug": "admins", "assertion audience": "grafana", "assertion lifetime": "3m",
	}
	together := map[string][]string{ // what does not go with the others
		"a flow":         {"client_id", "client_secret", "max_age", "step_up"},
		"OpenID Connect": {"flow", "step_up"},
	}
	for name, without := range together {
		t.Run(name, func(t *testing.T) {
			h := &Handler{Headers: Headers{Own: []Header{{Name: "X-Assertion", Value: "assertion"}}}}
			for _, s := range h.settings() {
				if slices.Contains(without, s.Name) {
					continue
				}
				name := "GATE_" + strings.ToUpper(strings.ReplaceAll(s.Name, " ", "_"))
				t.Setenv(name, values[s.Name])
				*s.Value = "{env." + name + "}"
			}
			if wrong := h.expand(); wrong != nil {
				t.Fatal(wrong)
			}
			for _, s := range h.settings() {
				if !slices.Contains(without, s.Name) && (values[s.Name] == "" || *s.Value != values[s.Name]) {
					t.Errorf("%s = %q, want %q", s.Name, *s.Value, values[s.Name])
				}
			}
		})
	}
}

func TestExpand_ReplacesAPlaceholderAtALoginHost(t *testing.T) {
	t.Setenv("GATE_STEP_UP", "second-factor")
	h := Handler{URL: "https://auth.example.com", LoginHost: "authentik", StepUp: "{env.GATE_STEP_UP}"}
	if wrong := h.expand(); wrong != nil || h.StepUp != "second-factor" {
		t.Errorf("got step_up %q, %v, want second-factor", h.StepUp, wrong)
	}
}

func TestExpand_ReplacesPlaceholdersInLists(t *testing.T) {
	t.Setenv("GATE_TRUST", "/etc/ssl/one.pem")
	t.Setenv("GATE_SCOPE", "entitlements")
	t.Setenv("GATE_CLAIM", "https://example.com/department")
	t.Setenv("GATE_VALUE", "{r&d}, labs")
	h := Handler{
		URL: "https://auth.example.com", Application: "wiki", ClientID: "wiki", Login: "redirect",
		Trust:  []string{"{env.GATE_TRUST}"},
		Scopes: []string{"profile", "{env.GATE_SCOPE}"},
		Require: []Requirement{
			{Claim: "group", Values: []string{"staff", "{env.GATE_VALUE}"}},
			{Claim: "{env.GATE_CLAIM}", Values: []string{"sales"}},
		},
	}
	if wrong := h.expand(); wrong != nil {
		t.Fatal(wrong)
	}
	if diff := cmp.Diff([]string{"/etc/ssl/one.pem"}, h.Trust); diff != "" {
		t.Errorf("trust (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"profile", "entitlements"}, h.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	require := []Requirement{
		{Claim: "group", Values: []string{"staff", "{r&d}, labs"}},
		{Claim: "https://example.com/department", Values: []string{"sales"}},
	}
	if diff := cmp.Diff(require, h.Require); diff != "" {
		t.Errorf("require (-want +got):\n%s", diff)
	}
}

func TestExpand_ReadsFiles(t *testing.T) {
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
	if wrong := h.expand(); wrong != nil {
		t.Fatal(wrong)
	}
	if h.Key != secret {
		t.Errorf("got key %q, want %q", h.Key, secret)
	}
	if got, want := filled(t, h.Headers.Own[0], proxy.NewSession(proxy.User{})), "Bearer "+secret; got != want {
		t.Errorf("header = %q, want %q", got, want)
	}
}

func TestExpand_ReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	h := Handler{
		URL: "{env.GATE_THAT_IS_NOT_SET}", Flow: "two words", Key: "{file./does/not/exist}", Lifetime: "soon",
		Trust:   []string{"{env.GATE_THAT_IS_NOT_SET}"},
		Host:    "{what.is.this}",
		Headers: Headers{Own: []Header{{Name: "X-A", Value: "{env.GATE_THAT_IS_NOT_SET}"}, {Name: "X-B", Value: "usrname"}}},
	}
	text := h.expand().Error()
	for _, want := range []string{
		"8 mistakes", "url: ", "{env.GATE_THAT_IS_NOT_SET} is empty", "flow: ", "key: ", "{file./does/not/exist} is empty", "lifetime: ",
		"trust: ", "host: unrecognized placeholder {what.is.this}", "headers X-A: ", "headers X-B: ", "did you mean username?",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q, want it in:\n%s", want, text)
		}
	}
}

func TestExpand_NeedsURL(t *testing.T) {
	t.Parallel()
	if wrong := new(Handler).expand(); len(wrong) != 1 || !errors.Is(wrong[0], errNoURL) {
		t.Errorf("got mistakes %v, want only %v", wrong, errNoURL)
	}
}

func TestMistakes_RepeatNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "topsecret"
	for name, h := range map[string]*Handler{
		"key":               {URL: "https://auth.example.com", Key: secret},
		"key, braces":       {URL: "https://auth.example.com", Key: "{env.GATE_THAT_IS_NOT_SET} {" + secret + "}"},
		"client, alone":     {URL: "https://auth.example.com", ClientSecret: secret},
		"client, two lines": {URL: "https://auth.example.com", Application: "wiki", ClientID: "wiki", ClientSecret: secret + "\n" + secret},
		"client, braces":    {URL: "https://auth.example.com", Application: "wiki", ClientID: "wiki", ClientSecret: "{" + secret + "}"},
		"password":          {URL: "https://user:" + secret + "@auth.example.com"},
		"password, no URL":  {URL: "https://user:" + secret + "@auth example.com"},
		"password, no http": {URL: "ftp://user:" + secret + "@auth.example.com"},
	} {
		if wrong := h.expand(); wrong == nil || strings.Contains(wrong.Error(), secret) {
			t.Errorf("%s: got error %v, want one without the secret", name, wrong)
		}
	}
}

func TestHeaders_WithAMissingSecretAreRefused(t *testing.T) {
	t.Parallel()
	h := Handler{URL: "https://auth.example.com", Headers: Headers{Own: []Header{
		{Name: "Authorization", Value: "Bearer {env.GATE_THAT_IS_NOT_SET}"},
		{Name: "X-Key", Value: "{file./does/not/exist} of {http.request.host}"},
	}}}
	if wrong := h.expand(); len(wrong) != 2 {
		t.Errorf("got mistakes %v, want two", wrong)
	}
}
