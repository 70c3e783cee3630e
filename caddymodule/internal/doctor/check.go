package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/setup"
	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// An Opened is a gate of the configuration, loaded in this process.
type Opened struct {
	// Gate answers the gate's own addresses. Its sessions are in memory, so it
	// leaves nothing behind. Cause is the reason of its last refusal, for the
	// operator.
	Gate  http.Handler
	Cause func() string
	// Store is the configured store, and StoreName its name.
	Store     store.Store
	StoreName string
	// Transport makes the connections to authentik, as configured.
	Transport http.RoundTripper
	// ClientSecret is the secret with placeholders replaced.
	ClientSecret string
	Secrets      []string // secrets that no output may contain
	Close        func()
}

// Tools are the functions of Caddy's module that checks need.
type Tools struct {
	// Quiet keeps Caddy from logging.
	Quiet func() error
	// Validate loads a whole configuration and unloads it. The warnings are
	// those that the gates logged at their start.
	Validate func(config []byte) (warnings []string, err error)
	// Open loads one gate.
	Open func(ctx context.Context, storage, gate json.RawMessage, origin string) (*Opened, error)
	// Transport returns connections to authentik that check its certificate as
	// a gate's options demand. If there cannot be such connections, it returns
	// an error.
	Transport func(gate json.RawMessage) (http.RoundTripper, error)
	// Root is the directory of the storage, if it stores files.
	Root func(storage json.RawMessage) string
}

// An Examination is one run of the doctor.
type Examination struct {
	Tools   Tools
	Setup   *Setup
	Config  []byte
	Timeout time.Duration // the timeout of each check
	// Admin is the API for authentik's administrators, or nil without a token.
	// AdminURL is the address of its authentik.
	Admin    *admin.Client
	AdminURL string
	// Withheld is why the token is not sent. It is nil if the token is sent, and
	// without a token.
	Withheld error
	// User and Password belong to a test user. They are empty without a test user.
	User, Password string
	// Progress is called when a check is done.
	Progress func(site, check string, done, all int)
	Now      func() time.Time

	mu      sync.Mutex
	secrets []string
	// dead are the authentiks that did not answer, with the findings: the next
	// site with the same authentik does not wait again.
	dead map[string][]Finding
}

// hide notes secrets that no output may contain.
func (e *Examination) hide(secrets ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, secrets...)
}

// A check examines one aspect of a site.
type check struct {
	name string
	run  func(context.Context) []Finding
}

// Run examines the sites and returns the findings: first those about all sites,
// then those of each site.
func (e *Examination) Run(ctx context.Context) []Finding {
	all := e.loads(ctx)
	all = append(all, e.Setup.configured()...)
	all = append(all, e.token()...)
	if len(e.Setup.Gates) == 0 {
		all = append(all, found("config-no-gate", "no site of the configuration has the directive authentik, or none that --site names",
			"write in the block of the site: authentik https://auth.example.com"))
	}
	// Sites are examined one after the other, and the checks of one site at the
	// same time, so that a small authentik does not get all requests at once.
	for _, g := range e.Setup.Gates {
		for _, f := range e.site(ctx, g) {
			if f.Site == "" {
				f.Site = g.label()
			}
			all = append(all, f)
		}
	}
	all = slices.DeleteFunc(all, func(f Finding) bool { return f.Site == "" && repeated(f, all) })
	for i := range all {
		for _, text := range []*string{&all[i].Site, &all[i].Seen, &all[i].Write} {
			*text = hideSecrets(*text, e.secrets)
		}
	}
	return slices.CompactFunc(all, func(a, b Finding) bool { return a == b })
}

// repeated reports whether a site has the same finding about the configuration.
// It ignores the modules that Caddy names before the text.
func repeated(f Finding, all []Finding) bool {
	return f.Code == "config-invalid" && slices.ContainsFunc(all, func(of Finding) bool {
		return of.Code == f.Code && of.Site != "" && strings.HasSuffix(f.Seen, of.Seen)
	})
}

// token checks whether the API token is sent safely.
func (e *Examination) token() []Finding {
	switch {
	case e.Withheld != nil:
		return []Finding{found("token-withheld", "the API token was not sent to "+e.AdminURL+", because the certificate there cannot be checked as configured: "+e.Withheld.Error(),
			"correct url, trust, pin or tls_name, and run this again")}
	case e.Admin != nil && setup.InTheClear(e.Admin.URL):
		return []Finding{found("token-plain-http", "the API token goes to "+clean(e.Admin.URL)+" without encryption: it can be read on the way", "write https:// in url, or run this where authentik is")}
	}
	return nil
}

// loads checks whether Caddy accepts the configuration.
func (e *Examination) loads(ctx context.Context) []Finding {
	return e.bounded(ctx, check{"configuration", func(context.Context) (all []Finding) {
		warnings, err := e.Tools.Validate(e.Config)
		if err != nil {
			all = append(all, found("config-invalid", inOneLine(err), "correct the configuration; caddy validate says the same"))
		}
		slices.Sort(warnings)
		for _, w := range slices.Compact(warnings) {
			all = append(all, found("config-warning", w, ""))
		}
		return all
	}})
}

// site examines one site.
func (e *Examination) site(ctx context.Context, g Gate) []Finding {
	e.hide(secretsIn(g.Raw)...)
	all := g.configured(e.Setup)
	x := &subject{Examination: e, gate: g}
	opened, err := e.Tools.Open(ctx, e.Setup.Storage, g.Raw, g.Origin)
	if err != nil {
		all = append(all, found("config-invalid", inOneLine(err), "correct the configuration; caddy validate says the same"))
		opened = &Opened{Close: func() {}}
		if opened.Transport, err = e.Tools.Transport(g.Raw); err != nil {
			return append(all, skipped("connection", "authentik is not asked: its certificate cannot be checked as configured"))
		}
	}
	defer opened.Close()
	e.hide(opened.Secrets...)
	x.opened = opened
	if x.authentik, err = url.Parse(g.URL); err != nil || x.authentik.Host == "" {
		return all
	}
	if x.public, err = url.Parse(g.public()); err != nil {
		return all
	}
	first := e.side(ctx, g, []check{{"connection", x.connectionOnce}, {"site", x.site}, {"store", x.store}})
	all = append(all, first...)
	if slices.ContainsFunc(first, func(f Finding) bool { return f.Code == "connection" && f.Level == OK }) {
		all = append(all, e.side(ctx, g, []check{
			{"release", x.release},
			{"brand", x.brand},
			{"address", x.sees},
			{"application", x.application},
			{"provider", x.provider},
			{"gate", x.probe},
			{"client", x.secret},
			{"administrator", x.administrator},
		})...)
		all = append(all, e.side(ctx, g, []check{{"sign-in", x.signIn}})...)
	}
	return distinct(all)
}

// distinct leaves out findings with the code of an earlier finding: two checks
// may see the same fault, and the first is nearer to the cause.
func distinct(all []Finding) (kept []Finding) {
	for _, f := range all {
		if f.Level == OK || !slices.ContainsFunc(kept, func(k Finding) bool { return k.Code == f.Code && (k.Seen == f.Seen || mirrored[f.Code]) }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// inOneLine returns the text of an error that lists mistakes, each in a line.
func inOneLine(err error) string {
	text := strings.Replace(err.Error(), "\n\t- ", ": ", 1)
	return strings.ReplaceAll(text, "\n\t- ", "; ")
}

// mirrored are codes that the gate uses as well.
var mirrored = map[string]bool{
	"flow-not-found": true, "application-not-found": true, "issuer-mismatch": true, "keys-unreachable": true, "client-rejected": true,
	"redirect-uri-rejected": true, "grant-types": true, "clock-skew": true, "provider-missing": true, "authentik-starting": true,
	"authentik-unexpected": true, "authentik-behind-gate": true, "config-invalid": true,
}

// A subject is a site that is examined.
type subject struct {
	*Examination
	gate              Gate
	opened            *Opened
	authentik, public *url.URL
}

// api returns the administrators' API of the site's authentik, or nil. A token
// for one authentik is not sent to another.
func (x *subject) api() *admin.Client {
	if x.gate.URL != x.AdminURL {
		return nil
	}
	return x.Admin
}

// side runs checks concurrently, and returns their findings in the order of the
// checks.
func (e *Examination) side(ctx context.Context, g Gate, checks []check) (all []Finding) {
	results := make([][]Finding, len(checks))
	var running sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i, c := range checks {
		running.Go(func() {
			results[i] = e.bounded(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			done++
			if e.Progress != nil {
				e.Progress(g.label(), c.name, done, len(checks))
			}
		})
	}
	running.Wait()
	return slices.Concat(results...)
}

// bounded runs a check with a timeout, even if the check ignores its context.
func (e *Examination) bounded(ctx context.Context, c check) []Finding {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	result := make(chan []Finding, 1)
	go func() { result <- c.run(ctx) }()
	select {
	case all := <-result:
		return all
	case <-ctx.Done():
	}
	grace := time.NewTimer(time.Second) // for a check that itself reports a missing answer
	defer grace.Stop()
	select {
	case all := <-result:
		return all
	case <-grace.C:
		return []Finding{found("check-timed-out", fmt.Sprintf("the check %q gave no answer within %s", c.name, e.Timeout), "run it again, with a longer --timeout")}
	}
}
