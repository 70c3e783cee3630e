package caddymodule

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// TestLanguage_WithoutTranslationIsRefusedInJSONToo: the Caddyfile has golden files.
func TestLanguage_WithoutTranslationIsRefusedInJSONToo(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"german", "nb-NO"} {
		h := Handler{URL: "https://auth.example.com", Page: Page{Language: tag}}
		if wrong := h.expand(); wrong == nil || !strings.Contains(wrong.Error(), "page language: "+proxy.CheckPageLanguage(tag).Error()) {
			t.Errorf("%s: got error %v, want that of CheckPageLanguage", tag, wrong)
		}
	}
}

const inGerman = `SITE {
	authentik AUTHENTIK {
		page {
			language de-AT
		}
	}
	reverse_proxy APP
}
`

// TestLanguage_IsTheSameForAllVisitors: neither our words nor authentik's follow the browser.
func TestLanguage_IsTheSameForAllVisitors(t *testing.T) {
	s := newSite(t)
	s.load(inGerman)
	b := s.browser()
	b.header.Set("Accept-Language", "en-GB,en;q=0.9,fr;q=0.5")
	page := b.expect(b.follow(b.get("/")), http.StatusOK, `<html lang="de"`)
	page = b.expect(b.fill(page, "uid_field", "ada"), http.StatusOK, ">Weiter</button>")
	b.expect(b.fill(page, "password", "wrong"), http.StatusOK, "Ungültiges Passwort")
}
