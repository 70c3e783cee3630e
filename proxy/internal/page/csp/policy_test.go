package csp

import (
	"strings"
	"testing"
)

func TestPolicy_ForeignLogoIsTheOnlyOtherOrigin(t *testing.T) {
	t.Parallel()
	for logo, want := range map[string]string{
		"":                                   "img-src 'self' data:;",
		"/logo.svg":                          "img-src 'self' data:;",
		"https://cdn.example.com/a/logo.svg": "img-src 'self' data: https://cdn.example.com;",
		"ftp://cdn.example.com/logo.svg":     "img-src 'self' data:;",
		"https://a;script-src *":             "img-src 'self' data:;",
		"https://*/logo.svg":                 "img-src 'self' data:;",
	} {
		if got := New(logo).String(); !strings.Contains(got, want) {
			t.Errorf("logo %q: got the policy %s", logo, got)
		}
	}
}
