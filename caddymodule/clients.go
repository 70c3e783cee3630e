package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Clients are programs without a browser that may use the site.
type Clients struct {
	// Which credentials programs may show: with `basic` a username and an app
	// password, with `bearer` an access token that authentik has issued for
	// `client_id`, which is then required. Default: none, so no program may pass.
	Schemes []string `json:"schemes,omitempty"`

	// Further client IDs whose access tokens are accepted. Needs `trust_bindings`.
	// Default: only that of `client_id`.
	Bearer []string `json:"bearer,omitempty"`

	// Confirms that the further clients' own applications in authentik decide, by
	// their bindings, who may use this site with such a token; the bindings of
	// `application` then do not. Default: Caddy refuses further clients.
	TrustBindings bool `json:"trust_bindings,omitempty"`

	// Whether the application gets the header Authorization of programs that were
	// let in. Default: it is removed.
	Pass bool `json:"pass,omitempty"`
}

const (
	schemeBasic  = "basic"
	schemeBearer = "bearer"
)

// clients reads the option with its block. A scheme may be on its line or in
// its block.
func (p *parser) clients(d *caddyfile.Dispenser) {
	if p.Repeated(d, "clients") {
		return
	}
	empty := true
	for d.NextArg() {
		p.scheme(d)
		empty = false
	}
	for d.NextBlock(0) {
		segment := d.NewFromNextSegment()
		segment.Next()
		p.clientsOption(segment)
		empty = false
	}
	if empty {
		p.Wrong(d, "clients has no value; write clients basic, clients bearer or both")
	}
}

// scheme reads a scheme of credentials.
func (p *parser) scheme(d *caddyfile.Dispenser) {
	c := &p.handler.Clients
	switch word := d.Val(); {
	case rules.ClientScheme(word) != nil && !options.HasPlaceholder(word):
		p.Wrong(d, "clients: %v", rules.ClientScheme(word))
	case slices.Contains(c.Schemes, word):
		p.Wrong(d, "clients: %s is given twice; keep one of them", word)
	default:
		c.Schemes = append(c.Schemes, word)
	}
}

func (p *parser) clientsOption(d *caddyfile.Dispenser) {
	c := &p.handler.Clients
	switch word := d.Val(); word {
	case schemeBasic:
		p.scheme(d)
		if d.NextArg() {
			p.Wrong(d, "clients basic takes no value; write basic without one")
		}
		p.NoBlock(d, "clients basic")
	case schemeBearer:
		if !slices.Contains(c.Schemes, word) {
			c.Schemes = append(c.Schemes, word)
		}
		if p.Repeated(d, "clients bearer") {
			return
		}
		c.Bearer = d.RemainingArgs()
		p.NoBlock(d, "clients bearer")
	case "trust_bindings":
		p.flag(d, "clients trust_bindings", &c.TrustBindings)
	case "pass":
		p.flag(d, "clients pass", &c.Pass)
	default:
		known := []string{"basic", "bearer", "pass", "trust_bindings"}
		hint := rules.Suggest(word, known)
		if hint == "" {
			hint = "; write one of " + strings.Join(known, ", ")
		}
		p.Wrong(d, "unrecognized option clients %s%s", word, hint)
	}
}

// checkClients returns the mistakes in the option clients. In a Caddyfile,
// client_id may be given without a valid value.
func (h *Handler) checkClients(openID bool) (all []rules.Conflict) {
	given := rules.Clients{
		Basic: slices.Contains(h.Clients.Schemes, schemeBasic), Bearer: slices.Contains(h.Clients.Schemes, schemeBearer),
		BearerClients: slices.DeleteFunc(slices.Clone(h.Clients.Bearer), options.HasPlaceholder),
		TrustBindings: h.Clients.TrustBindings, Pass: h.Clients.Pass, ClientID: h.ClientID,
		RequireMFA: h.RequireMFA, MaxAge: h.MaxAge != "", LoginAt: h.LoginAt != "",
		SetsAuthorization: slices.ContainsFunc(h.Headers.Own, func(own Header) bool { return strings.EqualFold(own.Name, "Authorization") }),
	}
	if openID && given.ClientID == "" {
		given.ClientID = "{given}"
	}
	if slices.ContainsFunc(h.Clients.Schemes, options.HasPlaceholder) || len(given.BearerClients) < len(h.Clients.Bearer) {
		return nil // checked when the values are known
	}
	for _, err := range given.Check() {
		all = append(all, rules.Conflict{Option: "clients", Err: options.In("clients", err)})
	}
	return all
}

// expandClients replaces the placeholders in the option clients.
func (h *Handler) expandClients() options.Mistakes {
	wrong := options.ExpandAll("clients", h.Clients.Schemes)
	for _, scheme := range h.Clients.Schemes {
		wrong = wrong.And(options.In("clients", rules.ClientScheme(scheme)))
	}
	return append(wrong, options.ExpandAll("clients bearer", h.Clients.Bearer)...)
}

// clients returns the gate's configuration of programs.
func (h *Handler) clients() proxy.ClientsConfig {
	return proxy.ClientsConfig{
		Basic: slices.Contains(h.Clients.Schemes, schemeBasic), Bearer: slices.Contains(h.Clients.Schemes, schemeBearer),
		BearerClients: h.Clients.Bearer, TrustBindings: h.Clients.TrustBindings, Pass: h.Clients.Pass,
	}
}
