package memory

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func provisioned(t *testing.T) *Module {
	t.Helper()
	m := new(Module)
	if err := m.Provision(caddy.Context{Context: t.Context()}); err != nil {
		t.Fatal(err)
	}
	return m
}

func cleanUp(t *testing.T, m *Module) {
	t.Helper()
	if err := m.Cleanup(); err != nil {
		t.Error(err)
	}
}

func wantReferences(t *testing.T, want int) {
	t.Helper()
	if got, _ := shared.Pool.References(key{}); got != want {
		t.Errorf("got %d references to the store, want %d", got, want)
	}
}

func TestModule_SessionsSurviveAReloadAndEndWithTheLastGate(t *testing.T) {
	before := provisioned(t)
	if _, err := before.Store().Save(t.Context(), "session-a", store.Record{Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	found := func(m *Module) bool {
		_, found, err := m.Store().Load(t.Context(), "session-a")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	after := provisioned(t)
	cleanUp(t, before)
	if !found(after) {
		t.Error("got no session after a reload, want it")
	}
	cleanUp(t, after)
	fresh := provisioned(t)
	defer cleanUp(t, fresh)
	if found(fresh) {
		t.Error("got a session of a store that was closed, want none")
	}
}

func TestModule_CleanupWithoutProvisionReleasesNoStore(t *testing.T) {
	held := provisioned(t)
	cleanUp(t, new(Module))
	wantReferences(t, 1)
	cleanUp(t, held)
	cleanUp(t, held)
	wantReferences(t, 0)
}

func TestModule_CaddyfileHasNoOptions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"memory": true, "memory big": false, "memory {\nsize 3\n}": false} {
		if err := new(Module).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); (err == nil) != want {
			t.Errorf("%q: got %v, want it accepted: %t", text, err, want)
		}
	}
}
