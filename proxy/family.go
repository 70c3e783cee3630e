package proxy

import (
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
)

// A Family is the gates of one process that stand before the same hosts, or
// share a store. Each keeps the cookies of all from its application, and ends
// sessions for as long as the longest of any could last; all together hold only a
// few large forms at a time. The zero Family has no members; a gate joins in New
// and leaves in Close. It is safe for concurrent use.
type Family struct {
	members exchange.Family
	room    intake.Room // for larger bodies of requests
}
