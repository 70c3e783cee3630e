// Package redis is the Caddy module that keeps sessions in Redis or Valkey:
//
//	authentik https://auth.example.com {
//		sessions redis {
//			address redis:6379
//		}
//	}
//
// The store itself is package proxy/store/redis, which does not depend on
// Caddy.
//
//   - redis.go: the module
//   - caddyfile.go, settings.go, tls.go: its options
//
// With the build tag noredis the package is empty, and the program is smaller by
// the driver.
package redis
