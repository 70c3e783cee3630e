package caddymodule

import (
	"fmt"
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
		if err := s.settle(); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	if _, err := h.checkToldHost(); err != nil {
		wrong = append(wrong, err)
	}
	for i := range h.Trust {
		if err := replace(&h.Trust[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("trust: %w", err))
		}
	}
	for i := range h.Headers.Own {
		if err := h.Headers.Own[i].settle(); err != nil {
			wrong = append(wrong, fmt.Errorf("headers %s: %w", h.Headers.Own[i].Name, err))
		}
	}
	return wrong
}

func (s setting) settle() error {
	if *s.value == "" {
		return nil
	}
	if err := replace(s.value); err != nil {
		return err
	}
	return s.check(*s.value)
}

func (own *Header) settle() error {
	lasting, err := replaceLasting(own.Value)
	if err != nil {
		return err
	}
	own.Value, own.filled = lasting, own.isText()
	return checkHeader(*own)
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
