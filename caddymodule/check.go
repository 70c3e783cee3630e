package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/identity"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

var errNoURL = errors.New("url is missing; write where authentik is: authentik https://auth.example.com")

// source says where the gate learns who the user is.
func (h *Handler) source() rules.Source {
	return rules.Source{OpenID: h.ClientID != "", Scopes: h.Scopes}
}

// conflicts returns what is wrong with the combination of options. With a
// Caddyfile, client_id may be given and have no valid value.
func (h *Handler) conflicts(openID bool) []rules.Conflict {
	var all []rules.Conflict
	if option, err := h.checkToldHost(); err != nil {
		all = append(all, rules.Conflict{Option: option, Err: err})
	}
	all = append(all, h.SignOn.conflicts(h.Headers)...)
	all = append(all, h.checkTLS()...)
	all = append(all, h.checkLoginHost(openID)...)
	if h.LoginHost != "" { // nothing else counts there
		return all
	}
	all = append(all, h.checkClients(openID)...)
	all = append(all, h.checkForwardAuth(openID)...)
	return append(all, rules.Given{
		Application: h.Application != "", Flow: h.Flow != "",
		ClientID: openID, ClientSecret: h.ClientSecret != "", Scopes: len(h.Scopes) > 0,
		RequireMFA: h.RequireMFA, MaxAge: h.MaxAge != "", SignOutBack: h.SignOutBack,
		LoginByRedirect: h.Login == string(proxy.LoginRedirect), LoginAt: h.LoginAt != "",
		Assertion: slices.ContainsFunc(h.Headers.Own, Header.needsAssertion), AboutAssertion: h.Assertion != Assertion{}, Site: h.Site != "",
	}.Conflicts()...)
}

// checkTLS refuses options about authentik's certificate that have no effect.
func (h *Handler) checkTLS() (all []rules.Conflict) {
	for option, given := range map[string]bool{"pin": h.Pin != "", "tls_name": h.TLSName != ""} {
		if given && strings.HasPrefix(strings.ToLower(h.URL), "http://") {
			all = append(all, rules.Conflict{Option: option, Err: fmt.Errorf(
				"%s: there is no certificate at %s; write https:// in url, or leave %[1]s out", option, h.URL)})
		}
	}
	if h.Pin != "" && len(h.Trust) > 0 {
		all = append(all, rules.Conflict{Option: "pin", Err: errors.New(
			"pin: only this key is accepted, no matter who has signed its certificate, so that trust has no effect; leave one of them out")})
	}
	return all
}

// checkToldHost refuses a host name with an underscore, and returns the option
// that it comes from. The framework below authentik follows RFC 1123 and
// answers 404 to every request for such a host, which is hard to understand.
// authentik is told the host of public_url, or of url if that is not given.
func (h *Handler) checkToldHost() (option string, err error) {
	option, told, advice := "public_url", h.PublicURL, "give it a name without one"
	if told == "" {
		option, told = "url", h.URL
		advice += ", or write the address that browsers use as public_url"
	}
	u, err := url.Parse(told)
	if err != nil || !strings.Contains(u.Hostname(), "_") {
		return option, nil
	}
	return option, fmt.Errorf("%s: the host %q has an underscore, and authentik answers 404 to every request for such a host; %s",
		option, u.Hostname(), advice)
}

// checkMaxAge checks how old a sign-in may be.
var checkMaxAge = options.AtLeast(rules.MinMaxAge, "less than a minute, which a sign-in takes itself", "8h")

func checkMaxPerUser(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 0 || n > rules.MaxPerUser || strconv.Itoa(n) != text {
		return fmt.Errorf("%q is not a number of sessions; write one from 1 to %d, or leave it out for no limit", text, rules.MaxPerUser)
	}
	return nil
}

// checkKey checks the gate's key. Its error does not repeat the key.
func checkKey(text string) error {
	if len(text) < rules.MinKey {
		return fmt.Errorf("it has %d characters and needs %d; make one with: openssl rand -hex 32", len(text), rules.MinKey)
	}
	return nil
}

// checkHeader checks a header that the operator has added.
func checkHeader(own Header, source rules.Source) error {
	if err := rules.HeaderName(own.Name); err != nil {
		return err
	}
	if own.Encoding != "" && !options.HasPlaceholder(own.Encoding) {
		if err := options.In("encoding", checkEncoding(own.Encoding)); err != nil {
			return err
		}
	}
	switch {
	case own.Value == "":
		return errors.New("it has no value; write a claim, such as username, or a text with placeholders")
	case own.isText():
		return identity.CheckPlaceholders(own.Value, source)
	}
	return source.Claim(own.Value)
}

// checkAssertionLifetime checks how long a signed assertion is valid.
func checkAssertionLifetime(text string) error {
	d, err := caddy.ParseDuration(text)
	if err != nil || d < proxy.MinAssertionLifetime || d > proxy.MaxAssertionLifetime {
		return fmt.Errorf("%q is not a time from 2m to 5m; write for example 3m", text)
	}
	return nil
}

func checkEncoding(text string) error { return options.OneOf(proxy.HeaderEncodings()...)(text) }

// checkMaxSize checks the longest size of a header's value.
func checkMaxSize(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n < proxy.MinHeaderSize || n > proxy.MaxHeaderSize {
		return fmt.Errorf("%q is not a size of headers; write one from 1KiB to 64KiB, such as 16KiB", text)
	}
	return nil
}

// checkAdditional checks the names of headers that attributes of users set.
func (hs Headers) checkAdditional(source rules.Source) error {
	for _, name := range hs.Additional {
		if options.HasPlaceholder(name) {
			continue
		}
		if err := rules.HeaderName(name); err != nil {
			return err
		}
	}
	switch {
	case len(hs.Additional) == 0:
		return nil
	case hs.Preset != string(proxy.HeadersAuthentik) && !options.HasPlaceholder(hs.Preset):
		return errors.New("these are headers of authentik's own proxy; write headers authentik, or a line such as: X-Tenant attributes.additionalHeaders.X-Tenant")
	}
	return source.Claim("attributes.additionalHeaders")
}
