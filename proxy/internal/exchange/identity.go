package exchange

import (
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"strings"
	"sync/atomic"
)

// An Identity is the name of a gate among those that stand before the same host.
// Sign-ins carry it, since the gate that answers the gate's own addresses is
// seldom the one that has asked for the sign-in. It is no secret: a visitor who
// writes another one signs in as that gate demands it.
type Identity struct {
	// ID follows from what the gate demands and where its sessions belong. It is
	// the same on every server with the same configuration.
	ID string
	// Shared reports that another gate guards the same host. The only gate of a host
	// is not named.
	Shared atomic.Bool
}

const (
	// gateParam is the parameter of an address that names a gate.
	gateParam = "gate"
	// gateMark ends the name in a text that carries it.
	gateMark = "~"
)

// NewIdentity returns the identity of a gate that is described by texts.
func NewIdentity(texts ...string) *Identity {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return &Identity{ID: strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:idLength])}
}

// idLength is the length of a gate's name: 50 bits tell the gates of a host
// apart.
const idLength = 10

// name returns the name, or an empty text for the only gate of a host.
func (i *Identity) name() string {
	if i == nil || !i.Shared.Load() {
		return ""
	}
	return i.ID
}

// query returns the name as the first parameter of an address.
func (i *Identity) query() string {
	if name := i.name(); name != "" {
		return gateParam + "=" + name + "&"
	}
	return ""
}

// Sign writes the name before a sealed text.
func (i *Identity) Sign(sealed string) string {
	if name := i.name(); name != "" {
		return name + gateMark + sealed
	}
	return sealed
}

// Signed reads what Sign has written. id is empty if the text names no gate.
func Signed(text string) (id, sealed string) {
	id, sealed, found := strings.Cut(text, gateMark)
	if !found {
		return "", text
	}
	return id, sealed
}

// GateIn returns the name of the gate that an address is for, or an empty text.
// The state of OpenID Connect and links carry it before what they seal.
func GateIn(query url.Values) (id string) {
	for _, param := range []string{"state", "link"} {
		if id, _ = Signed(query.Get(param)); id != "" {
			return id
		}
	}
	return query.Get(gateParam)
}

// LoginAt returns the address of a sign-in at this gate, with parameters of an
// address or none.
func (s *Shared) LoginAt(query string) string { return s.ownAt("/login", query) }

// CallbackAt returns where browsers come back to with a ticket of a login host. It
// always names the gate: whether others share its hosts changes as they start.
func (s *Shared) CallbackAt() string {
	return s.Prefix + "/callback?" + gateParam + "=" + s.Identity.ID
}

// LateAt returns where a form goes on that came without a session, and where the
// sign-in before it ends.
func (s *Shared) LateAt() string { return s.ownAt(LatePath, "") }

// FramedAt returns where a sign-in ends that a frame has begun.
func (s *Shared) FramedAt() string { return s.ownAt(FramedPath, "") }

func (s *Shared) ownAt(path, query string) string {
	query = strings.Trim(s.Identity.query()+query, "&")
	if query != "" {
		query = "?" + query
	}
	return s.Prefix + path + query
}
