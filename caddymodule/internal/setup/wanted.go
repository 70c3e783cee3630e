// Package setup is the command "caddy authentik setup". With an administrator's
// API token it creates in authentik what a site needs, and prints the lines for
// the Caddyfile. It changes nothing at authentik that it did not create.
//
//   - command.go, token.go: the command line, and the API token
//   - wanted.go, state.go: what the operator wants, and what authentik has
//   - plan.go, provider.go: the plan that follows from these two, which
//     changes nothing
//   - step.go, run.go: the steps of a plan, and how they are carried out
//   - lines.go: the lines for the Caddyfile
//   - outpost.go: the lines for applications that authentik's outposts guard
//     today
package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// The marks of objects that setup has made. authentik keeps them with the
// objects.
const (
	// publisher is the field meta_publisher of applications.
	publisher = "caddy-authentik setup"
	// providerPrefix begins the names of providers, which have no such field.
	providerPrefix = publisher + ": "
	// bindingOrder is the order of setup's bindings, which marks them: they
	// have neither a name nor a field for a mark. authentik's own interface
	// begins at 0.
	bindingOrder = 8600
)

// A Wanted is what the operator asks for.
type Wanted struct {
	URL       string // authentik's address, as Caddy reaches it
	PublicURL string // authentik's address, as browsers reach it; empty: URL
	Site      string // the site's origin, as browsers see it
	Slug      string // the slug of the application
	Name      string // the application's display name
	Groups    []string
	Everyone  bool // every user may pass, so there is no binding
	Move      bool // take the application from the site that setup made it for

	OpenID   bool   // with a provider of OpenID Connect
	Public   bool   // the client has no secret
	Login    string // page, relay or redirect; empty for page
	LoginAt  string // the origin of a login host, where visitors sign in instead
	Removing bool   // remove what setup has made
	Prefix   string
	Key      string // the name of the signing key
	// Upstream is the address of the application, for the Caddyfile.
	Upstream string
	// SecretFile is the path of the file for the client secret.
	SecretFile string
	// Fresh is a new secret, for a provider that has none yet.
	Fresh string
}

// defaultKey is the name of the key that every new authentik has.
const defaultKey = "authentik Self-signed Certificate"

// providerName is the name of the provider.
func (w Wanted) providerName() string { return providerPrefix + w.Slug }

// clientID is the client_id of the provider.
func (w Wanted) clientID() string { return "caddy-authentik-" + w.Slug }

// maxSlug is the maximum length of a slug at authentik 2025.10.
const maxSlug = 50

// draft is the slug of an application that is not complete. An application
// without bindings is open to every user, so it gets its real slug only after
// its bindings.
func (w Wanted) draft() string {
	if draft := "setup-" + w.Slug; len(draft) <= maxSlug {
		return draft
	}
	sum := sha256.Sum256([]byte(w.Slug))
	return "setup-" + hex.EncodeToString(sum[:16])
}

// address is an address of the gate on the site.
func (w Wanted) address(path string) string { return w.Site + w.Prefix + path }

// redirects reports whether visitors sign in at authentik's own address.
func (w Wanted) redirects() bool { return w.Login == "redirect" }

// hasSecret reports whether the client has a secret.
func (w Wanted) hasSecret() bool { return w.OpenID && !w.Public }

var notInSlugs = regexp.MustCompile(`[^-a-zA-Z0-9_]+`)

// Complete fills in the values that follow from the site, and returns all
// mistakes.
func (w *Wanted) Complete() error {
	var errs []error
	site, wrongSite := checkSite(w.Site)
	if wrongSite != nil {
		errs = append(errs, wrongSite)
	} else {
		w.Site = strings.ToLower(site.Scheme + "://" + site.Host)
		if label, _, _ := strings.Cut(site.Hostname(), "."); w.Slug == "" {
			w.Slug = strings.Trim(notInSlugs.ReplaceAllString(strings.ToLower(label), "-"), "-")
		}
	}
	if err := rules.URL("https://auth.example.com")(w.URL); err != nil {
		errs = append(errs, fmt.Errorf("--url: %w", err))
	}
	if err := rules.URL("https://auth.example.com")(w.PublicURL); w.PublicURL != "" && err != nil {
		errs = append(errs, fmt.Errorf("--public-url: %w", err))
	}
	if err := rules.URL("https://auth.example.com")(w.LoginAt); w.LoginAt != "" && (err != nil || w.OpenID || w.Login != "" && w.Login != "page") {
		errs = append(errs, errors.Join(errors.New("--login-at is the address of a login host, and cannot be used with --openid or --login"), err))
	}
	if err := rules.Slug(w.Slug); err != nil && (w.Slug != "" || wrongSite == nil) {
		errs = append(errs, fmt.Errorf("--application: %w", err))
	} else if len(w.Slug) > maxSlug {
		errs = append(errs, fmt.Errorf("--application: %q has more than %d characters, which authentik 2025.10 does not take; choose a shorter one", w.Slug, maxSlug))
	}
	errs = append(errs, w.checkWho(), w.checkClient())
	w.complete()
	return errors.Join(errs...)
}

// complete fills in the defaults.
func (w *Wanted) complete() {
	if w.Name == "" && w.Slug != "" {
		w.Name = strings.ToUpper(w.Slug[:1]) + w.Slug[1:]
	}
	if w.Prefix == "" {
		w.Prefix = "/.authentik"
	}
	if w.Key == "" {
		w.Key = defaultKey
	}
	if w.SecretFile == "" {
		w.SecretFile = w.Slug + ".client-secret"
	}
	if path, err := filepath.Abs(w.SecretFile); err == nil {
		w.SecretFile = path
	}
}

// checkSite reads the address of the site.
func checkSite(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("--site is missing; write the address of the site as browsers see it, such as --site https://app.example.com")
	}
	if err := rules.URL("https://app.example.com")(text); err != nil {
		return nil, fmt.Errorf("--site: %w", err)
	}
	u, err := url.Parse(text)
	if err == nil && strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("--site: %q has a path; write only scheme and host, such as %s://%s", text, u.Scheme, u.Host)
	}
	return u, err
}

// checkWho demands that the operator says which users may pass. An application
// without bindings is open to every user, and a forgotten option must not have
// that effect.
func (w *Wanted) checkWho() error {
	switch {
	case len(w.Groups) == 0 && !w.Everyone:
		return errors.New("say who may pass: --group <name>, which can be given several times, or --everyone for every user of authentik")
	case len(w.Groups) > 0 && w.Everyone:
		return errors.New("--group and --everyone contradict each other; leave one of them out")
	}
	return nil
}

func (w *Wanted) checkClient() error {
	for option, given := range map[string]bool{"--public-client": w.Public, "--login redirect": w.redirects()} {
		if given && !w.OpenID {
			return fmt.Errorf("%s needs a provider; add --openid", option)
		}
	}
	if w.Prefix != "" && (!strings.HasPrefix(w.Prefix, "/") || strings.HasSuffix(w.Prefix, "/") || strings.ContainsAny(w.Prefix, " \"{}?#")) {
		return fmt.Errorf("--prefix: %q is not a path that begins with a slash and ends without one; write for example /app/.authentik", w.Prefix)
	}
	return nil
}
