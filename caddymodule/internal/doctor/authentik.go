package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// versionInPage finds the release in a page of authentik.
var versionInPage = regexp.MustCompile(`versionFamily:?\s*"([0-9]{4}\.[0-9]{1,2})`)

// release checks authentik's release, as far as anonymous requests show it.
func (x *subject) release(ctx context.Context) []Finding {
	version := ""
	if x.api() != nil {
		version, _ = x.api().Version(ctx) // if this fails, a header or a page may name the release
	}
	if a, err := x.ask(ctx, http.MethodGet, "static/dist/assets/icons/icon.png", nil, nil); version == "" && err == nil {
		version = a.Header.Get("X-Authentik-Version")
	}
	if version == "" {
		if a, err := x.ask(ctx, http.MethodGet, "if/flow/"+x.flow(ctx)+"/", nil, nil); err == nil {
			if m := versionInPage.FindSubmatch(a.body); m != nil {
				version = string(m[1])
			}
		}
	}
	r, known := admin.ParseRelease(version)
	switch {
	case !known:
		return []Finding{found("release-unknown", "authentik does not say which release it is", "give an API token to learn more")}
	case r.Compare(admin.Oldest) < 0:
		return []Finding{found("release-old", fmt.Sprintf("authentik is %s; the gate is tried with %s and newer", version, admin.Oldest), "upgrade authentik")}
	case r.Compare(admin.Newest) > 0:
		return []Finding{found("release-new", fmt.Sprintf("authentik is %s, newer than %s, the newest that the gate was tried with", version, admin.Newest), "look for a newer version of the gate")}
	}
	return []Finding{fine("release", "authentik "+version)}
}

// defaultBrand is the domain of a new authentik's only brand.
const defaultBrand = "authentik-default"

// brand checks whether the brand that authentik chooses is one for the host that
// browsers use. authentik compares a brand's domain with the host and its port.
func (x *subject) brand(ctx context.Context) []Finding {
	domain := x.brandAt(ctx, x.public.Host)
	if domain == "" || domain != defaultBrand && covers(domain, x.public.Host) {
		return nil
	}
	if domain == defaultBrand {
		other := x.brandAt(ctx, x.public.Hostname())
		if x.public.Port() == "" || other == "" || other == defaultBrand {
			return nil
		}
		return []Finding{found("brand-domain", fmt.Sprintf("the brand with the domain %s does not answer at %s: authentik compares its domain with the host and its port, and the default brand answers", other, origin(x.public)),
			"set the brand's domain in authentik (System > Brands) to "+x.public.Host)}
	}
	return []Finding{found("brand-domain", fmt.Sprintf("at %s authentik uses the brand with the domain %s", origin(x.public), domain),
		"set the brand's domain in authentik (System > Brands) to "+x.public.Host+", or write as public_url the address that browsers use")}
}

// covers reports whether a brand's domain is that of a host, or above it.
func covers(domain, host string) bool {
	domain, host = strings.ToLower(domain), strings.ToLower(host)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// brandAt returns the domain of the brand that authentik chooses for a host, or
// an empty text if authentik does not say.
func (x *subject) brandAt(ctx context.Context, host string) string {
	at := *x
	public := *x.public
	public.Host = host
	at.public = &public
	a, err := at.ask(ctx, http.MethodGet, "api/v3/core/brands/current/", nil, nil)
	if err != nil {
		return ""
	}
	var brand struct {
		Domain string `json:"matched_domain"`
	}
	_ = json.Unmarshal(a.body, &brand) // then authentik does not say
	return brand.Domain
}

// flow returns the slug of the flow that visitors sign in with.
func (x *subject) flow(ctx context.Context) string {
	if x.gate.Flow != "" {
		return x.gate.Flow
	}
	a, err := x.ask(ctx, http.MethodGet, "api/v3/core/brands/current/", nil, nil)
	if err != nil {
		return ""
	}
	var brand struct {
		Flow string `json:"flow_authentication"`
	}
	_ = json.Unmarshal(a.body, &brand) // then no flow is found
	return brand.Flow
}

// sees checks the flow, and which scheme authentik sees: it makes its cookie
// Secure only if that is HTTPS.
func (x *subject) sees(ctx context.Context) []Finding {
	slug := x.flow(ctx)
	if slug == "" {
		return []Finding{found("flow-not-found", "authentik's brand for "+x.public.Host+" has no authentication flow",
			"choose one in authentik (System > Brands), or write flow <slug>")}
	}
	a, err := x.ask(ctx, http.MethodGet, "api/v3/flows/executor/"+url.PathEscape(slug)+"/", url.Values{"query": {""}}, nil)
	if err != nil {
		return []Finding{x.failed(ctx, err)}
	}
	if a.StatusCode == http.StatusNotFound {
		return []Finding{found("flow-not-found", fmt.Sprintf("authentik has no flow %q", slug), "correct flow, or leave it out for that of authentik's brand")}
	}
	var all []Finding
	var asked struct {
		Component string `json:"component"`
		Message   string `json:"error_message"`
	}
	if json.Unmarshal(a.body, &asked) == nil && asked.Component == "ak-stage-access-denied" {
		all = append(all, found("flow-refuses", fmt.Sprintf("the flow %q refuses a visitor who has not signed in: %s", slug, asked.Message),
			"check the requirement and the policies of the flow: it must be one for sign-ins"))
	}
	if all = append(all, x.seen(ctx, slug, a)...); len(all) > 0 {
		return all
	}
	return []Finding{fine("flow", fmt.Sprintf("the flow %q begins with %s; authentik sees %s", slug, asked.Component, origin(x.public)))}
}

// base finds the address in authentik's own pages: the scheme and host that
// authentik sees.
var base = regexp.MustCompile(`base:\s*"(https?://[^"]+)"`)

// seen compares the scheme and the host that authentik sees with those that
// browsers use.
func (x *subject) seen(ctx context.Context, slug string, executor answer) []Finding {
	scheme, host := x.public.Scheme, x.public.Host
	for _, c := range executor.Cookies() {
		if c.Name == "authentik_session" && !c.Secure && scheme == "https" {
			scheme = "http"
		}
	}
	if page, err := x.ask(ctx, http.MethodGet, "if/flow/"+url.PathEscape(slug)+"/", nil, nil); err == nil {
		if m := base.FindSubmatch(page.body); m != nil {
			if u, err := url.Parse(string(m[1])); err == nil {
				scheme, host = u.Scheme, u.Host
			}
		}
	}
	var all []Finding
	if scheme != x.public.Scheme {
		all = append(all, found("scheme-not-seen", "browsers reach authentik at "+origin(x.public)+", and it sees "+scheme,
			"let the proxies in front of authentik pass on X-Forwarded-Proto, and name Caddy's address in authentik's AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"))
	}
	if !strings.EqualFold(host, x.public.Host) {
		all = append(all, found("host-not-seen", "browsers reach authentik at "+origin(x.public)+", and it sees the host "+host,
			"let the proxies in front of authentik pass on Host, or write as public_url the address that browsers use"))
	}
	return all
}

// origin returns the scheme and host of an address.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// application checks whether the application exists, and whether a visitor who
// has not signed in may use it. If so, every user may.
func (x *subject) application(ctx context.Context) []Finding {
	slug := x.gate.Application
	if x.gate.isLoginHost() {
		return nil
	}
	if slug == "" {
		return []Finding{skipped("application", "no application is named: every user of authentik may pass, unless require says otherwise")}
	}
	a, err := x.ask(ctx, http.MethodGet, "api/v3/core/applications/"+url.PathEscape(slug)+"/check_access/", nil, nil)
	if err != nil {
		return []Finding{x.failed(ctx, err)}
	}
	var access struct {
		Passing *bool `json:"passing"`
	}
	switch {
	case a.StatusCode == http.StatusNotFound:
		return []Finding{found("application-not-found", fmt.Sprintf("authentik has no application %q", slug), "correct application, or make it with caddy authentik setup")}
	case a.StatusCode != http.StatusOK || json.Unmarshal(a.body, &access) != nil:
		return []Finding{found("authentik-unexpected", fmt.Sprintf("authentik answers %d when asked who may use %q", a.StatusCode, slug), "look at authentik's own log")}
	case access.Passing == nil:
		return []Finding{skipped("application", fmt.Sprintf("authentik does not say who may use %q", slug))}
	case *access.Passing:
		return []Finding{found("application-open", fmt.Sprintf("nothing is bound to the application %q: every user may pass", slug),
			"bind a group to it in authentik, or with caddy authentik setup --group, unless that is meant")}
	}
	return []Finding{fine("application", fmt.Sprintf("the application %q is only for some users", slug))}
}

// join returns a list as text.
func join(texts []string) string { return strings.Join(texts, ", ") }
