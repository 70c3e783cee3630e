package caddymodule

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// read returns a handler with these options, in JSON.
func read(t testing.TB, options string) *Handler {
	t.Helper()
	h := new(Handler)
	strict := json.NewDecoder(strings.NewReader(options))
	strict.DisallowUnknownFields()
	if err := strict.Decode(h); err != nil {
		t.Fatalf("%s: got error %v, want none", options, err)
	}
	return h
}

// Only the gate sets defaults, for options without a value.
func TestOptions_NotGivenAreLeftToTheGate(t *testing.T) {
	t.Parallel()
	h := read(t, `{"url": "https://auth.example.com"}`)
	if wrong := h.expand(); wrong != nil {
		t.Fatal(wrong)
	}
	cfg := h.config()
	if diff := cmp.Diff(proxy.OIDCConfig{}, cfg.OIDC); diff != "" {
		t.Errorf("OpenID Connect (-want +got):\n%s", diff)
	}
	if cfg.Login != "" || cfg.Lifetime != 0 || cfg.Idle != 0 || cfg.Recheck != 0 || cfg.Grace != nil || len(cfg.Require) != 0 {
		t.Errorf("got login %q, lifetime %v, idle %v, recheck %v, grace %v, require %v, want the defaults",
			cfg.Login, cfg.Lifetime, cfg.Idle, cfg.Recheck, cfg.Grace, cfg.Require)
	}
}

func TestGrace_OfZeroIsNotTheDefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*time.Duration{"0s": new(time.Duration(0)), "0": new(time.Duration(0)), "": nil, "1s": new(time.Second)} {
		h := Handler{URL: "https://auth.example.com", Grace: text}
		if wrong := h.expand(); wrong != nil {
			t.Errorf("%q: got error %v, want none", text, wrong)
		}
		if got := h.config().Grace; !reflect.DeepEqual(got, want) {
			t.Errorf("grace %q: got %v, want %v", text, got, want)
		}
	}
}
