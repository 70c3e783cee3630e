package caddymodule

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/pagefile"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Number is a whole number, or a placeholder for one.
type Number string

// MarshalJSON writes a number, or a placeholder as a string.
func (n Number) MarshalJSON() ([]byte, error) {
	if _, err := strconv.Atoi(string(n)); err == nil {
		return []byte(n), nil
	}
	return json.Marshal(string(n))
}

// UnmarshalJSON reads a number, or a string with a placeholder.
func (n *Number) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, (*string)(n))
	}
	*n = Number(text)
	return nil
}

// settings lists the options with one value. The parser of Caddyfiles and
// Provision use the same list.
func (h *Handler) settings() []options.Setting {
	return []options.Setting{
		{Name: "url", Value: &h.URL, Check: checkURL, Example: "url " + authentikURL},
		{Name: "public_url", Value: &h.PublicURL, Check: checkURL, Example: "public_url " + authentikURL},
		{Name: "pin", Value: &h.Pin, Check: rules.Pin, Example: "pin 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"},
		{Name: "tls_name", Value: &h.TLSName, Check: rules.HostName, Example: "tls_name auth.example.com"},
		{Name: "host", Value: &h.Host, Check: checkHost, Example: "host page"},
		{Name: "site", Value: &h.Site, Check: rules.Origin, Example: "site https://app.example.com"},
		{Name: "flow", Value: &h.Flow, Check: rules.Slug, Example: "flow default-authentication-flow"},
		{Name: "application", Value: &h.Application, Check: rules.Slug, Example: "application wiki"},
		{Name: "max_age", Value: &h.MaxAge, Check: checkMaxAge, Example: "max_age 8h"},
		{Name: "client_id", Value: &h.ClientID, Check: rules.ClientID, Example: "client_id wiki"},
		{Name: "client_secret", Value: &h.ClientSecret, Check: options.Secret, Example: "client_secret {file./run/secrets/client_secret}"},
		{Name: "step_up", Value: &h.StepUp, Check: rules.Slug, Example: "step_up second-factor"},
		{Name: "login", Value: &h.Login, Check: checkLogin, Example: "login page"},
		{Name: "page title", Value: &h.Page.Title, Check: options.Text, Example: `title "Example Ltd."`},
		{Name: "page logo", Value: &h.Page.Logo, Check: pagefile.CheckLogo, Example: "logo https://www.example.com/logo.svg"},
		{Name: "page style", Value: &h.Page.Style, Check: pagefile.CheckStyle, Example: "style /etc/caddy/signin.css"},
		{Name: "page templates", Value: &h.Page.Templates, Check: pagefile.CheckTemplates, Example: "templates /etc/caddy/signin"},
		{Name: "page language", Value: &h.Page.Language, Check: proxy.CheckPageLanguage, Example: "language de"},
		{Name: "lifetime", Value: &h.Lifetime, Check: checkLifetime, Example: "lifetime 7d"},
		{Name: "idle", Value: &h.Idle, Check: checkIdle, Example: "idle 30m"},
		{Name: "recheck", Value: &h.Recheck, Check: checkRecheck, Example: "recheck 5m"},
		{Name: "grace", Value: &h.Grace, Check: checkGrace, Example: "grace 15m"},
		{Name: "max_per_user", Value: (*string)(&h.MaxPerUser), Check: checkMaxPerUser, Example: "max_per_user 3"},
		{Name: "key", Value: &h.Key, Check: checkKey, Example: "key {file./run/secrets/gate_key}"},
		{Name: "cookie name", Value: &h.Cookie.Name, Check: rules.CookieName, Example: "name example_session"},
		{Name: "cookie domain", Value: &h.Cookie.Domain, Check: rules.CookieDomain, Example: "domain example.com"},
		{Name: "cache", Value: &h.Cache, Check: checkCache, Example: "cache off"},
		{Name: "headers", Value: &h.Headers.Preset, Check: checkPreset, Example: "headers authentik"},
		{Name: "headers encoding", Value: &h.Headers.Encoding, Check: checkEncoding, Example: "encoding percent"},
		{Name: "headers max_size", Value: &h.Headers.MaxSize, Check: checkMaxSize, Example: "max_size 16KiB"},
		{Name: "assertion audience", Value: &h.Assertion.Audience, Check: options.Text, Example: "audience grafana"},
		{Name: "assertion lifetime", Value: &h.Assertion.Lifetime, Check: checkAssertionLifetime, Example: "lifetime 3m"},
		{Name: "debug", Value: &h.Debug, Check: options.Text, Example: "debug admins"},
		{Name: "prefix", Value: &h.Prefix, Check: rules.Prefix, Example: "prefix /.authentik"},
	}
}

const authentikURL = "https://auth.example.com"

// The checks of settings that are made of other checks.
var (
	checkURL      = rules.Authentik(authentikURL)
	checkHost     = options.OneOf("public", "page")
	checkLogin    = options.OneOf("page", "relay", "redirect")
	checkCache    = options.OneOf("private", "off")
	checkPreset   = options.OneOf("remote", "authentik", "off")
	checkLifetime = options.AtLeast(rules.MinLifetime, "less than a minute, too short to use the application", "24h")
	checkIdle     = options.AtLeast(rules.MinIdle, "less than two minutes, and the use of a session is recorded once a minute", "30m")
	checkRecheck  = options.AtLeast(rules.MinRecheck, "less than ten seconds, too often for authentik", "5m")
	checkGrace    = options.AtLeast(0, "negative", "15m, or 0s to refuse at once")
	checkMaxAge   = options.AtLeast(rules.MinMaxAge, "less than a minute, which a sign-in takes itself", "8h")
	checkEncoding = options.OneOf(proxy.HeaderEncodings()...)
)

func checkMaxPerUser(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 0 || n > rules.MaxPerUser || strconv.Itoa(n) != text {
		return fmt.Errorf("%q is not a number of sessions; write one from 1 to %d, or leave it out for no limit", text, rules.MaxPerUser)
	}
	return nil
}

// checkKey checks the gate's key. Its error does not quote the key.
func checkKey(text string) error {
	if len(text) < rules.MinKey {
		return fmt.Errorf("it has %d characters and needs %d; make one with: openssl rand -hex 32", len(text), rules.MinKey)
	}
	return nil
}

// checkAssertionLifetime checks the lifetime of a signed assertion.
func checkAssertionLifetime(text string) error {
	d, err := caddy.ParseDuration(text)
	if err != nil || d < proxy.MinAssertionLifetime || d > proxy.MaxAssertionLifetime {
		return fmt.Errorf("%q is not a time from 2m to 5m; write for example 3m", text)
	}
	return nil
}

// checkMaxSize checks the maximum size of a header's value.
func checkMaxSize(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n < proxy.MinHeaderSize || n > proxy.MaxHeaderSize {
		return fmt.Errorf("%q is not a size of headers; write one from 1KiB to 64KiB, such as 16KiB", text)
	}
	return nil
}
