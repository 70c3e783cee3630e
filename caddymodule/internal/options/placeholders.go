package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// settle puts values in place of placeholders and reports everything that is
// wrong with the configuration then. A placeholder that is unknown or empty is
// a mistake: a secret that was not found must not become an empty one.
func (h *Handler) settle() (wrong mistakes) {
	if h.URL == "" {
		wrong = append(wrong, errNoURL)
	}
	for _, s := range h.settings() {
		wrong = wrong.and(named(s.name, s.settle()))
	}
	oidc := h.ClientID != ""
	for _, c := range h.contradictions(oidc) {
		wrong = append(wrong, c.err)
	}
	wrong = append(wrong, replaceAll("trust", h.Trust)...)
	if missing := replaceAll("scopes", h.Scopes); missing != nil {
		wrong = append(wrong, missing...)
	} else {
		wrong = append(wrong, checkScopes(h.Scopes)...)
	}
	for i := range h.Require {
		wrong = append(wrong, h.Require[i].settle(oidc)...)
	}
	for i := range h.Headers.Own {
		own := &h.Headers.Own[i]
		wrong = wrong.and(named("headers "+own.Name, own.settle(oidc)))
	}
	return wrong
}

// named says which option a mistake is in, if there is one.
func named(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}

func (s setting) settle() error {
	if *s.value == "" {
		return nil
	}
	if err := replace(s.value); err != nil {
		if s.secret() && strings.Contains(lastingPlaceholder.ReplaceAllString(*s.value, ""), "{") {
			return errors.New(`it has braces around what is no placeholder; write \{ for {, or put it in a file and write {file.<path>}`)
		}
		return err
	}
	return s.check(*s.value)
}

// secret reports whether nothing that stands in the value may be told.
func (s setting) secret() bool {
	word := s.name[strings.LastIndexAny(s.name, " _")+1:]
	return word == "secret" || word == "password" || word == "key"
}

// lastingPlaceholder is one that stays the same for every request.
var lastingPlaceholder = regexp.MustCompile(`\{(env|file)\.[^{}]*\}`)

func (own *Header) settle(oidc bool) error {
	lasting, err := replaceLasting(own.Value)
	if err != nil {
		return err
	}
	own.Value, own.filled = lasting, own.isText()
	return checkHeader(*own, oidc)
}

// replaceAll is replace for the values of an option that takes several.
func replaceAll(option string, values []string) (wrong mistakes) {
	for i := range values {
		wrong = wrong.and(named(option, replace(&values[i])))
	}
	return wrong
}

func replace(value *string) error {
	text, err := caddy.NewReplacer().ReplaceOrErr(*value, true, true)
	if err != nil {
		return fmt.Errorf("%w; set it, or write the value itself", err)
	}
	*value = text
	return nil
}

// replaceLasting replaces the placeholders that stay the same for every
// request, and leaves the others for the request. What it puts in is escaped: a
// secret with braces in it is not a placeholder.
func replaceLasting(text string) (string, error) {
	var empty string
	lasting := caddy.NewEmptyReplacer()
	lasting.Map(func(key string) (any, bool) {
		if !strings.HasPrefix(key, "env.") && !strings.HasPrefix(key, "file.") {
			return nil, false
		}
		value, _ := caddy.NewReplacer().GetString(key)
		if value == "" {
			empty = key
		}
		return braces.Replace(value), true
	})
	text = lasting.ReplaceKnown(text, "")
	if empty != "" {
		return "", fmt.Errorf("evaluated placeholder {%s} is empty; set it, or write the value itself", empty)
	}
	return text, nil
}

var braces = strings.NewReplacer(`{`, `\{`, `}`, `\}`)
