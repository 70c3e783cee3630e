package proxy

import (
	"crypto/sha256"
	"fmt"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A Group is the gates on one server of one configuration. Several may stand
// before the same host, for different paths and with different demands. Then the
// gate that gets a request for the gates' own addresses is seldom the one that
// asked for the sign-in, and hands the request over to it. A gate joins in New
// and leaves in Close. The zero Group has no members. It is safe for concurrent
// use.
type Group struct{ members group.Group }

// A Family is the gates of one process that stand before the same hosts, or
// share a store. Each keeps the cookies of all from its application, and ends
// sessions for as long as the longest of any could last; all together hold only a
// few large forms at a time. The zero Family has no members; a gate joins in New
// and leaves in Close. It is safe for concurrent use.
type Family struct {
	members exchange.Family
	room    intake.Room // for larger bodies of requests
}

// described returns what the rules demand.
func (cfg Config) described() (texts []string) {
	for _, rule := range cfg.Rules {
		texts = append(texts, fmt.Sprint(rule.Require, rule.demand()))
	}
	return texts
}

// identity describes what the gate demands and where its sessions belong.
func (cfg Config) identity() *exchange.Identity {
	texts := []string{
		cfg.Client.Root(), cfg.Flow, cfg.Application, string(cfg.Login), cfg.Prefix,
		cfg.Cookie.Name, cfg.Cookie.Domain, fmt.Sprint(cfg.OIDC.ClientID, cfg.RequireMFA, cfg.MaxAge),
		fmt.Sprint(cfg.Require, cfg.described(), cfg.Lifetime, cfg.Idle, cfg.PageHost), cfg.Page.Title, cfg.Page.Language,
	}
	if cfg.LoginAt != nil {
		texts = append(texts, "login at "+originOf(cfg.LoginAt))
	}
	if cfg.StoreName != "" { // derived, since the name may be guessed at by the identity
		texts = append(texts, string(seal.NewKey(cfg.Key).Derive([]byte(cfg.StoreName), "v1\x00store", sha256.Size)))
	}
	return exchange.NewIdentity(append(texts, cfg.Clients.described()...)...)
}
