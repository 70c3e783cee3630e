package gates

import (
	"errors"
	"slices"
)

// A Cookie has the properties by which browsers distinguish the session cookies
// of gates, and says where the cookie's sessions belong.
type Cookie struct {
	Name, Flow, Client, Domain string
	Hosts                      []string // the hosts of a cookie without a domain
	Store, Authentik           string
}

var errOneCookie = errors.New("cookie: another gate of this site, or of this cookie domain, has a session cookie of the same name and other sessions, " +
	"so that each sign-in at one ends that at the other; write the same url and sessions in both, or another name in one: cookie { name <name> }")

// overwrites reports whether a browser keeps only one cookie for two gates
// whose sessions are in different stores or of different authentiks. Two sites
// whose hosts only overlap do not get the same requests.
func (c Cookie) overwrites(other Cookie) bool {
	return (c.Store != other.Store || c.Authentik != other.Authentik) &&
		c.Name == other.Name && c.Flow == other.Flow && c.Client == other.Client &&
		c.Domain == other.Domain && slices.Equal(c.Hosts, other.Hosts)
}

// CheckCookie refuses a gate that overwrites the session cookie of another gate
// on the server.
func (s *Starter) CheckCookie() error {
	if s.server.anyBeside(s, func(other *Starter) bool { return s.Cookie.overwrites(other.Cookie) }) {
		return errOneCookie
	}
	return nil
}
