package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/memory"  // sessions memory
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/redis"   // sessions redis
	_ "github.com/flowsidecar/caddy-authentik/caddymodule/sessions/storage" // sessions storage
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// storesNamespace is the namespace of the modules that are session stores.
const storesNamespace = shared.Stores

// A StoreProvider is a module in http.handlers.authentik.sessions. The gate
// asks for its store once, after the module was provisioned, and uses it until
// the module is cleaned up. Everything that the store needs must outlive a
// reload of the configuration: Caddy provisions the new modules before it
// cleans up the old ones.
//
// Requests that are running then may continue for hours, and still have to end
// with their session. If a provider has a method Hold() (release func() error),
// the gate calls it, and the store must stay open until release is called,
// which can be long after the module was cleaned up. Without this method such
// requests end once the store no longer answers.
type StoreProvider interface {
	Store() proxy.Store
}

// A storeHolder is a StoreProvider whose store can be kept open for longer.
type storeHolder interface {
	Hold() (release func() error)
}

// unknownStore returns an error for an unknown store, with what to write
// instead.
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

// store loads the module of the session store. The store stays open until the
// gates have stopped.
func (h *Handler) store(ctx caddy.Context) (gates.Store, error) {
	if h.SessionsRaw == nil {
		h.SessionsRaw = []byte(`{"store": "storage"}`)
	} else {
		h.storeName = string(h.SessionsRaw) // LoadModule sets it to nil
	}
	guest, err := ctx.LoadModule(h, "SessionsRaw")
	if err != nil {
		return gates.Store{}, fmt.Errorf("sessions: %w", err)
	}
	provider, fits := guest.(StoreProvider)
	module, isModule := guest.(caddy.Module)
	if !fits || !isModule {
		return gates.Store{}, errors.New("sessions: this module is not a session store; write sessions storage")
	}
	if holder, holds := guest.(storeHolder); holds {
		for _, at := range h.posts {
			at.LetGo = holder.Hold()
		}
	}
	return gates.Store{Store: provider.Store(), Name: module.CaddyModule().ID.Name()}, nil
}

// sessions reads the store with the parser of its own module, so that a third
// party's store is configured in the same way as this project's.
func (p *parser) sessions(d *caddyfile.Dispenser) {
	if p.Repeated(d, "sessions") {
		return
	}
	if !d.NextArg() {
		p.Wrong(d, "sessions names no store; write sessions storage")
		return
	}
	name := d.Val()
	if _, err := caddy.GetModule(storesNamespace + "." + name); err != nil {
		p.Wrong(d, "%v", unknownStore(name))
		return
	}
	store, err := caddyfile.UnmarshalModule(d, storesNamespace+"."+name)
	if several, ok := errors.AsType[options.Mistakes](err); ok {
		p.Add(several...)
		return
	}
	if err != nil {
		p.Add(err)
		return
	}
	p.handler.SessionsRaw = caddyconfig.JSONModuleObject(store, "store", name, nil)
}
