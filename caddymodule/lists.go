package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func (p *parser) trust(d *caddyfile.Dispenser) {
	if p.Repeated(d, "trust") {
		return
	}
	p.handler.Trust = d.RemainingArgs()
	if len(p.handler.Trust) == 0 {
		p.Wrong(d, "trust names no file; write trust /etc/ssl/authentik-ca.pem")
	}
	p.NoBlock(d, "trust")
}

func (p *parser) scopes(d *caddyfile.Dispenser) {
	scopes := p.Values(d, "scopes", 1, -1, "scopes openid profile email")
	if scopes == nil {
		return
	}
	p.handler.Scopes = scopes
	for _, err := range rules.Scopes(slices.DeleteFunc(slices.Clone(scopes), options.HasPlaceholder)) {
		p.Wrong(d, "scopes: %v", err)
	}
}

func (h *Handler) expandScopes() options.Mistakes {
	wrong := options.ExpandAll("scopes", h.Scopes)
	if wrong != nil {
		return wrong
	}
	for _, err := range rules.Scopes(h.Scopes) {
		wrong = wrong.And(options.In("scopes", err))
	}
	return wrong
}

// lateForms reads the paths that accept forms of other sites.
func (p *parser) lateForms(d *caddyfile.Dispenser) {
	p.handler.LateForms = p.Values(d, "late_forms", 1, -1, "late_forms /saml/acs")
	for _, path := range p.handler.LateForms {
		if err := rules.Path(path); err != nil && !options.HasPlaceholder(path) {
			p.Wrong(d, "late_forms: %v", err)
		}
	}
}

// expandLateForms replaces the placeholders in the paths.
func (h *Handler) expandLateForms() options.Mistakes {
	wrong := options.ExpandAll("late_forms", h.LateForms)
	for _, path := range h.LateForms {
		wrong = wrong.And(options.In("late_forms", rules.Path(path)))
	}
	return wrong
}

// signOut reads the paths by which the application signs its users out.
func (p *parser) signOut(d *caddyfile.Dispenser) {
	p.handler.SignOut = p.Values(d, "sign_out", 1, -1, "sign_out /logout")
	for _, path := range p.handler.SignOut {
		if err := rules.Path(path); err != nil && !options.HasPlaceholder(path) {
			p.Wrong(d, "sign_out: %v", err)
		}
	}
}
