// Package shared holds values that the gates of one process share, and that
// outlive a reload of Caddy's configuration: Caddy provisions the new modules
// before it cleans up the old ones, so that a value in the pool passes from one
// configuration to the next.
package shared

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// Stores is the namespace of the modules that keep sessions.
const Stores = "http.handlers.authentik.sessions"

// Pool holds the values by their keys. The keys of each package have a separate
// type.
var Pool = caddy.NewUsagePool()

// Take returns the value under key, which open makes if no one has taken it
// yet. It is closed by its Destruct when all that have taken it have called
// release, which may be called more than once.
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
// calls the function that it gets when it is done, once or more often; the last
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
