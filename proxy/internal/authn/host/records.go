package host

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// storeWait is how long the store may take for one of these records.
const storeWait = 10 * time.Second

// Records are the records of one login host and its gates in their common
// store, each sealed. They are safe for concurrent use.
type Records struct {
	Store store.Store
	Key   seal.Key
	Now   func() time.Time
	// Origin is the origin of the login host.
	Origin string
	// Base is authentik's path there, with a slash at its end. Default: /.
	// Several authentiks can lie below paths of one host, and a user of one is
	// no user of the others.
	Base string
}

// place returns what all names and keys of the records are made with.
func (r Records) place() string { return r.Origin + strings.TrimSuffix(r.Base, "/") }

// Nonce returns the identifier of a browser in a request or a visit. It does
// not reveal the browser's secret.
func (r Records) Nonce(browser seal.Secret) string {
	return base64.RawURLEncoding.EncodeToString(r.Key.Derive(browser[:], "v1\x00login-nonce\x00"+r.place(), sha256.Size))
}

// own returns the box of a kind of record that belongs to no browser.
func (r Records) own(kind seal.Kind, of string) seal.Box {
	return r.Key.Own(kind, r.place()+"\x00"+of)
}

// load reads a record. A record that cannot be opened counts as missing.
func (r Records) load(ctx context.Context, box seal.Box, v any) (version store.Version, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	kept, found, err := r.Store.Load(ctx, box.Name())
	if err != nil {
		return "", false, fault.New(fault.SessionsUnavailable, err)
	}
	if !found || box.Open(kept.Value, v) != nil {
		return kept.Version, false, nil
	}
	return kept.Version, true, nil
}

// save writes a record over the version that was read. It returns
// store.ErrConflict if the record was changed or revoked meanwhile; any other
// error is a failure.
func (r Records) save(ctx context.Context, box seal.Box, v any, expiry time.Time, version store.Version) error {
	sealed, err := box.Seal(v)
	if err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	_, err = r.Store.Save(ctx, box.Name(), store.Record{Value: sealed, Expiry: expiry, Version: version})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fault.New(fault.SessionsUnavailable, err)
	}
	return err
}

// fresh reports whether something was made at most life ago. The clocks of
// several servers may differ a little.
func (r Records) fresh(made time.Time, life time.Duration) bool {
	age := r.Now().Sub(made)
	return age <= life && age >= -session.ClockLeeway
}
