package caddymodule

import (
	"strings"
	"testing"
)

func TestOtherTool_HasAdviceForEverySpelling(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"copy_headers", "copy-headers", "CopyHeaders", "trusted_proxies", "skip_tls_verify", "cookie_name", "auth_url"} {
		if err := otherTool(option); err == nil || !strings.Contains(err.Error(), "no option "+option+"; ") {
			t.Errorf("%s: got %v, want what to write instead", option, err)
		}
	}
	for _, option := range []string{"flwo", "lifetme", "xyz", ""} {
		if err := otherTool(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
}

// Advice about an option that exists would never be given.
func TestOtherTool_KnowsNoneOfOurOptions(t *testing.T) {
	t.Parallel()
	ours := []string{"trust", "sessions", "require", "scopes", "sign_out_back", "cookie persistent", "page", "cookie"}
	for _, s := range new(Handler).settings() {
		ours = append(ours, s.Name)
	}
	for _, option := range ours {
		if err := otherTool(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
	for name, advice := range instead {
		if !strings.Contains(advice, "write ") && !strings.Contains(advice, "leave it out") && !strings.Contains(advice, "register it") {
			t.Errorf("%s: got %q, want what to write instead", name, advice)
		}
	}
}
