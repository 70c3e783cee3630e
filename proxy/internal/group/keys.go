package group

import (
	"encoding/json"

	"github.com/go-jose/go-jose/v4"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// keySetType is the media type of a set of keys (RFC 7517, 8.5.2).
const keySetType = "application/jwk-set+json"

// PublishKeys answers with the public keys of all gates on the host. Clients
// may cache the answer: the next key is published weeks before it is used.
func (m *Member) PublishKeys(x *exchange.Exchange) {
	published := jose.JSONWebKeySet{Keys: m.Assertions.PublicKeys()}
	for other := range m.at(x.At.Host) {
		if other.Assertions != nil {
			published.Keys = append(published.Keys, other.Assertions.PublicKeys()...)
		}
	}
	body, err := json.Marshal(published)
	if err != nil {
		x.Fail(fault.New(fault.NotFound, err), "/")
		return
	}
	h := x.W.Header()
	h.Set("Content-Type", keySetType)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = x.W.Write(body) // fails only if the client has disconnected
}
