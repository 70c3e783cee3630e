package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Two writers have read the same version of a record: one wins. A revoked name
// cannot be saved again.
func ExampleMemory() {
	ctx := context.Background()
	sessions := store.NewMemory()
	defer func() { _ = sessions.Close() }()

	expiry := time.Now().Add(time.Hour)
	version, err := sessions.Save(ctx, "session-1", store.Record{Value: []byte("sealed"), Expiry: expiry})
	fmt.Println("created:", err)

	changed := store.Record{Value: []byte("changed"), Expiry: expiry, Version: version}
	_, err = sessions.Save(ctx, "session-1", changed)
	fmt.Println("changed:", err)
	_, err = sessions.Save(ctx, "session-1", changed)
	fmt.Println("conflict:", errors.Is(err, store.ErrConflict))

	err = sessions.Revoke(ctx, "session-1", expiry)
	fmt.Println("revoked:", err)
	_, err = sessions.Save(ctx, "session-1", store.Record{Value: []byte("late"), Expiry: expiry})
	fmt.Println("conflict:", errors.Is(err, store.ErrConflict))
	_, found, err := sessions.Load(ctx, "session-1")
	fmt.Println("found:", found, err)
	// Output:
	// created: <nil>
	// changed: <nil>
	// conflict: true
	// revoked: <nil>
	// conflict: true
	// found: false <nil>
}
