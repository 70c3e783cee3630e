package caddymodule

import (
	"errors"
	"slices"
)

// A sessionCookie is what browsers tell the session cookies of gates apart by, and
// where the cookie's sessions belong.
type sessionCookie struct {
	name, flow, client, domain string
	hosts                      []string // of a cookie without a domain
	store, authentik           string
}

func (h *Handler) sessionCookie() sessionCookie {
	c := sessionCookie{
		name: h.Cookie.Name, flow: h.Flow + h.pageOr() + h.LoginAt, client: h.ClientID, domain: h.Cookie.Domain,
		store: h.storeName, authentik: h.URL + " " + h.PublicURL,
	}
	if c.domain == "" {
		c.hosts = h.site.Hosts
	}
	return c
}

var errOneCookie = errors.New("cookie: another gate of this site, or of this cookie domain, has a session cookie of the same name and other sessions, " +
	"so that each sign-in at one ends that at the other; write the same url and sessions in both, or another name in one: cookie { name <name> }")

// overwrites reports whether a browser keeps one cookie for two gates whose
// sessions are in different stores or of different authentiks. Sites whose hosts
// only overlap do not get the same requests.
func (c sessionCookie) overwrites(other sessionCookie) bool {
	return (c.store != other.store || c.authentik != other.authentik) &&
		c.name == other.name && c.flow == other.flow && c.client == other.client &&
		c.domain == other.domain && slices.Equal(c.hosts, other.hosts)
}

// checkCookie refuses a gate that overwrites the session cookie of another one on
// the server.
func (s *starter) checkCookie() error {
	for _, other := range s.beside() {
		if s.cookie.overwrites(other.cookie) {
			return errOneCookie
		}
	}
	return nil
}
