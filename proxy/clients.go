package proxy

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// ClientsConfig says which programs without a browser may pass, such as clients
// of CalDAV, WebDAV and git. They show a credential in the header Authorization
// of each request. If a request also has a session, the session counts.
type ClientsConfig struct {
	// Basic admits users by username and app password (RFC 7617). With OpenID
	// Connect, authentik's token endpoint checks them; otherwise the gate runs
	// the flow, which may then ask for nothing else. Over plain HTTP, passwords
	// are not encrypted. Default: false.
	Basic bool
	// Bearer admits access tokens (RFC 6750) that were issued for the client of
	// OIDC, which is then required. Default: false.
	Bearer bool
	// BearerClients are further clients whose tokens are admitted. Who gets
	// such a token depends on the bindings of these clients' own applications,
	// and not on those of Application; set TrustBindings to confirm that this
	// is wanted. Default: none.
	BearerClients []string
	TrustBindings bool
	// Pass leaves the header Authorization of an admitted program on the
	// request to the application. Default: it is removed.
	Pass bool
}

// used reports whether any program can pass.
func (c ClientsConfig) used() bool { return c.Basic || c.Bearer }

// checkClients checks which programs may pass.
func (cfg Config) checkClients(wrong func(option string, err error)) {
	c := cfg.Clients
	given := rules.Clients{
		Basic: c.Basic, Bearer: c.Bearer, BearerClients: c.BearerClients, TrustBindings: c.TrustBindings, Pass: c.Pass,
		ClientID: cfg.OIDC.ClientID, SetsAuthorization: cfg.Headers.sets("Authorization"),
		RequireMFA: cfg.RequireMFA, MaxAge: cfg.MaxAge > 0, LoginAt: cfg.LoginAt != nil,
	}
	for _, err := range given.Check() {
		wrong("clients", err)
	}
}

// sets reports whether an own rule makes a header.
func (c HeaderConfig) sets(name string) bool {
	for _, rule := range c.Own {
		if strings.EqualFold(rule.Name, name) {
			return true
		}
	}
	return false
}

// programs makes the table of known programs, or nil if no program may pass.
func (g *Gate) programs(key seal.Key, o signin.Options) *programs.Programs {
	cfg := &g.cfg
	if !cfg.Clients.used() {
		return nil
	}
	of := strings.Join([]string{g.member.Shared.Identity.ID, cfg.OIDC.ClientID, cfg.Application}, "\x00")
	return programs.New(programs.Options{
		Ways: g.ways(o.OIDC), Pass: cfg.Clients.Pass,
		Key:     key.Derive([]byte(cfg.Client.Root()), "v1\x00programs\x00"+of, sha256.Size),
		Recheck: cfg.Recheck, Grace: *cfg.Grace, Now: cfg.Now, Logger: cfg.Logger, Audit: audit.New(cfg.Audit), Go: g.background.Shared,
		Guesses: o.Throttle, Tokens: newThrottle(cfg.Now, key),
		Tried:   func(scheme programs.Scheme, outcome string) { cfg.Metrics.Program(string(scheme), outcome) },
		Session: g.sessions.Program, Ended: func(name string) { g.sessions.Streams.End(name) },
	})
}

// ways returns the ways to ask authentik about a credential, by scheme.
func (g *Gate) ways(client *oidc.Source) map[programs.Scheme]programs.Way {
	cfg, all := g.cfg, map[programs.Scheme]programs.Way{}
	var tokens programs.Tokens
	if client != nil {
		tokens = oidc.NewAccess(client, cfg.Clients.BearerClients)
	}
	if cfg.Clients.Bearer {
		all[programs.Bearer] = programs.ByToken{Tokens: tokens}
	}
	switch {
	case !cfg.Clients.Basic:
	case client != nil:
		all[programs.Basic] = programs.ByGrant{Tokens: tokens}
	default:
		all[programs.Basic] = programs.ByFlow{
			Authentik: cfg.Client, Application: cfg.Application, Flow: cfg.Flow, First: g.member.SignIn.First, Logger: cfg.Logger, Go: g.background.Shared,
		}
	}
	return all
}

// described returns a description of the admitted programs, for the gate's
// identity.
func (c ClientsConfig) described() (texts []string) {
	if c.used() {
		texts = append(texts, fmt.Sprint("clients", c))
	}
	return texts
}
