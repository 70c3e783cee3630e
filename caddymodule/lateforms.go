package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// lateForms reads the paths to which forms of other sites are kept.
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
