package caddymodule

import (
	"fmt"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// expand replaces the placeholders in all options and returns everything that
// is wrong with the result.
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

func (h *Handler) expandAdditional(source rules.Source) options.Mistakes {
	if wrong := options.ExpandAll("headers additional", h.Headers.Additional); wrong != nil {
		return wrong
	}
	return options.Mistakes(nil).And(options.In("headers additional", h.Headers.checkAdditional(source)))
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

// expand replaces the placeholders that are the same for every request.
func (own *Header) expand(source rules.Source) error {
	value, err := options.ExpandLasting(own.Value)
	if err != nil {
		return err
	}
	own.Value, own.expanded = value, own.isText()
	if err := options.Expand(&own.Encoding); err != nil {
		return options.In("encoding", err)
	}
	return checkHeader(*own, source)
}
