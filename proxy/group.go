package proxy

import (
	"crypto/sha256"
	"fmt"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A Group is the gates of one configuration on one server. Several may guard
// the same host, for different paths and with different demands. The gate that
// gets a request for the gates' own addresses is then often not the gate that
// asked for the sign-in; it hands the request over to that gate. A gate joins
// in New and leaves in Close. The zero Group has no members. It is safe for
// concurrent use.
type Group struct{ members group.Group }

// A Family is the gates of one process that guard the same hosts, or share a
// store. Each gate removes the session cookies of all of them from requests to
// its application. The tombstone of a session lasts as long as the longest
// session of any of them. All gates together hold only a few large forms at the
// same time. A gate joins in New and leaves in Close. The zero Family has no
// members. It is safe for concurrent use.
type Family struct {
	members exchange.Family
	room    intake.Room // memory for larger request bodies
	// neighbours are the login hosts among them.
	neighbours host.Neighbours
}

// Following returns a request that meets gates again after one of them has let
// it pass, for example in Caddy's routes for errors. passed is the request that
// the gate has handed to Next. From it, the gates know what the browser has
// sent.
func Following(r, passed *http.Request) *http.Request { return group.Following(r, passed) }

// described returns a description of the rules' demands.
func (cfg Config) described() (texts []string) {
	for _, rule := range cfg.Rules {
		texts = append(texts, fmt.Sprint(rule.Require, rule.demand()))
	}
	return texts
}

// identity describes the gate's demands, and where its sessions are stored.
func (cfg Config) identity() *exchange.Identity {
	texts := []string{
		cfg.Client.Root(), cfg.Flow, cfg.Application, string(cfg.Login), cfg.Prefix,
		cfg.Cookie.Name, cfg.Cookie.Domain, fmt.Sprint(cfg.OIDC.ClientID, cfg.RequireMFA, cfg.MaxAge),
		fmt.Sprint(cfg.Require, cfg.described(), cfg.Lifetime, cfg.Idle, cfg.PageHost), cfg.Page.Title, cfg.Page.Language,
	}
	if cfg.LoginAt != nil {
		texts = append(texts, "login at "+originOf(cfg.LoginAt))
	}
	if cfg.StoreName != "" { // derived, so that the identity does not reveal the name
		texts = append(texts, string(seal.NewKey(cfg.Key).Derive([]byte(cfg.StoreName), "v1\x00store", sha256.Size)))
	}
	return exchange.NewIdentity(append(texts, cfg.Clients.described()...)...)
}
