package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

var errNoURL = errors.New("url is missing; write where authentik is: authentik https://auth.example.com")

// expand replaces the placeholders in all options and returns all mistakes in
// the result.
func (h *Handler) expand() (wrong options.Mistakes) {
	if h.URL == "" {
		wrong = append(wrong, errNoURL)
	}
	for _, s := range h.settings() {
		wrong = wrong.And(options.In(s.Name, s.Expand()))
	}
	wrong = append(wrong, h.expandClients()...)
	wrong = append(wrong, h.expandLoginHost()...)
	wrong = append(wrong, h.expandForwardAuth()...)
	for _, c := range h.conflicts(h.ClientID != "") {
		wrong = append(wrong, c.Err)
	}
	wrong = append(wrong, options.ExpandAll("trust", h.Trust)...)
	wrong = append(wrong, h.expandScopes()...)
	source := h.source()
	for i := range h.Require {
		wrong = append(wrong, h.Require[i].expand(source)...)
	}
	for i, r := range h.On {
		wrong = wrong.And(options.In(fmt.Sprintf("on %d", i+1), r.expand(h).Err()))
	}
	wrong = append(wrong, options.ExpandAll("headers groups only", h.Headers.GroupsOnly)...)
	for _, pattern := range h.Headers.GroupsOnly {
		wrong = wrong.And(options.In("headers groups only", rules.GroupPattern(pattern)))
	}
	wrong = append(wrong, h.expandAdditional(source)...)
	wrong = append(wrong, h.expandChange()...)
	wrong = append(wrong, h.SignOn.expand(source)...)
	wrong = append(wrong, options.ExpandAll("sign_out", h.SignOut)...)
	for _, path := range h.SignOut {
		wrong = wrong.And(options.In("sign_out", rules.Path(path)))
	}
	wrong = append(wrong, h.expandLateForms()...)
	for i := range h.Headers.Own {
		own := &h.Headers.Own[i]
		wrong = wrong.And(options.In("headers "+own.Name, own.expand(source)))
	}
	return wrong
}

// source says how the gate identifies the user.
func (h *Handler) source() rules.Source {
	return rules.Source{OpenID: h.ClientID != "", Scopes: h.Scopes}
}

// conflicts returns the mistakes in the combination of options. In a Caddyfile,
// client_id may be given without a valid value.
func (h *Handler) conflicts(openID bool) []rules.Conflict {
	var all []rules.Conflict
	if option, err := h.checkToldHost(); err != nil {
		all = append(all, rules.Conflict{Option: option, Err: err})
	}
	if err := h.checkPaths(); err != nil {
		all = append(all, rules.Conflict{Option: "public_url", Err: err})
	}
	all = append(all, h.SignOn.conflicts(h.Headers)...)
	all = append(all, h.checkTLS()...)
	all = append(all, h.checkLoginHost(openID)...)
	if h.LoginHost != "" { // only these mistakes matter at a login host
		return all
	}
	all = append(all, h.checkClients(openID)...)
	all = append(all, h.checkForwardAuth(openID)...)
	return append(all, rules.Given{
		Application: h.Application != "", Flow: h.Flow != "",
		ClientID: openID, ClientSecret: h.ClientSecret != "", Scopes: len(h.Scopes) > 0,
		RequireMFA: h.RequireMFA, MaxAge: h.MaxAge != "", SignOutBack: h.SignOutBack,
		LoginByRedirect: h.Login == string(proxy.LoginRedirect), LoginAt: h.LoginAt != "", LoginPage: h.pageOr() != "",
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
// answers 404 to every request for such a host, which is hard to diagnose.
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

// checkPaths refuses two different paths of authentik: it has the same path for
// browsers and for Caddy.
func (h *Handler) checkPaths() error {
	inner, public := parsed(h.URL), parsed(h.PublicURL)
	if checkURL(h.URL) != nil || checkURL(h.PublicURL) != nil || // another mistake says so already
		strings.Trim(inner.Path, "/") == strings.Trim(public.Path, "/") {
		return nil
	}
	return fmt.Errorf("public_url: %q and url have different paths, and authentik has only one; write %s", h.PublicURL,
		strings.TrimRight(public.Scheme+"://"+public.Host+inner.Path, "/"))
}
