package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/memory"  // sessions memory
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/redis"   // sessions redis
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/storage" // sessions storage
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// storesNamespace is where modules for stores of sessions register.
const storesNamespace = shared.Stores

// A StoreProvider is a module in http.handlers.authentik.sessions. Its store is
// asked for once, after the module was provisioned, and used until the module
// is cleaned up. What it keeps must outlive a reload of the configuration:
// Caddy provisions the new modules before it cleans up the old ones.
type StoreProvider interface {
	Store() proxy.Store
}

// unknownStore says what to write instead of a store that there is not.
func unknownStore(name string) error {
	var names []string
	for _, m := range caddy.GetModules(storesNamespace) {
		names = append(names, m.ID.Name())
	}
	hint := rules.Suggest(name, names)
	if hint == "" {
		hint = "; there are: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("unrecognized store %q%s", name, hint)
}

// store loads the module that keeps the sessions, and returns its name too.
func (h *Handler) store(ctx caddy.Context) (proxy.Store, string, error) {
	if h.SessionsRaw == nil {
		h.SessionsRaw = []byte(`{"store": "storage"}`)
	}
	guest, err := ctx.LoadModule(h, "SessionsRaw")
	if err != nil {
		return nil, "", fmt.Errorf("sessions: %w", err)
	}
	provider, fits := guest.(StoreProvider)
	module, isModule := guest.(caddy.Module)
	if !fits || !isModule {
		return nil, "", errors.New("sessions: this module is no store of sessions")
	}
	return provider.Store(), module.CaddyModule().ID.Name(), nil
}
