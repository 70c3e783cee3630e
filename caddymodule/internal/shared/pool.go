// Package shared holds values that the gates of one process share and that
// outlive a reload of Caddy's configuration. Caddy provisions the new modules
// before it cleans up the old ones, so a value in the pool passes from one
// configuration to the next.
package shared

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// Stores is the namespace of the modules for session stores.
const Stores = "http.handlers.authentik.sessions"

// Pool holds the values by their keys. The keys of each package have a separate
// type.
var Pool = caddy.NewUsagePool()

// Take returns the value under key. If no caller has taken it yet, open makes
// it. Its Destruct closes it when all callers have called release, which may be
// called more than once.
func Take[T caddy.Destructor](key any, open func() (T, error)) (value T, release func() error, err error) {
	kept, _, err := Pool.LoadOrNew(key, func() (caddy.Destructor, error) { return open() })
	if err != nil {
		return value, nil, err
	}
	release = sync.OnceValue(func() error {
		_, err := Pool.Delete(key)
		return err
	})
	value, fits := kept.(T)
	if !fits {
		return value, nil, errors.Join(fmt.Errorf("sharing a %T: its key holds a %T", value, kept), release())
	}
	return value, release, nil
}

// Divide divides one use of a value among several holders. Each calls hold, and
// calls the returned function, once or more often, when it is done. The last
// holder to do so calls release.
func Divide(release func() error) (hold func() (release func() error)) {
	var holders atomic.Int32
	return func() func() error {
		holders.Add(1)
		return sync.OnceValue(func() error {
			if holders.Add(-1) > 0 {
				return nil
			}
			return release()
		})
	}
}
