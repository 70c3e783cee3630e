package proxy

import "fmt"

// Cache says what caches may keep of the application's responses to signed-in
// visitors, where the application itself sends none of Cache-Control, Expires and
// Pragma.
type Cache string

const (
	// CachePrivate lets only the visitor's own browser keep them, which has to ask
	// again before it shows a page again. Signing out clears that cache.
	CachePrivate Cache = "private"
	// CacheOff leaves them as they are.
	CacheOff Cache = "off"
)

func (cfg Config) checkCache(wrong func(option string, err error)) {
	if cfg.Cache != CachePrivate && cfg.Cache != CacheOff {
		wrong("cache", fmt.Errorf("%q is not known; use private or off", cfg.Cache))
	}
}
