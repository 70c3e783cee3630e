package caddymodule

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/advice"
)

// Advice about an option that exists would never be given.
func TestOtherTool_HasNoAdviceForOwnOptions(t *testing.T) {
	t.Parallel()
	ours := []string{"trust", "sessions", "require", "scopes", "sign_out_back", "cookie persistent", "page", "cookie"}
	for _, s := range new(Handler).settings() {
		ours = append(ours, s.Name)
	}
	for _, option := range ours {
		if err := advice.OtherTool(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
}
