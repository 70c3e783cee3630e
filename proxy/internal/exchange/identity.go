package exchange

import (
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"strings"
	"sync/atomic"
)

// An Identity is the name of a gate among the gates of the same host. Sign-ins
// carry the name, since another gate may answer at the gates' own addresses. It
// is not secret: a visitor who writes another name signs in as that gate
// demands.
type Identity struct {
	// ID is derived from what the gate demands and where its sessions are
	// stored. It is the same on every server with the same configuration.
	ID string
	// Shared reports whether another gate guards the same host. A gate that is
	// alone on its host has no name.
	Shared atomic.Bool
}

const (
	// gateParam is the parameter of an address that names a gate.
	gateParam = "gate"
	// gateMark ends the gate's name in a text.
	gateMark = "~"
)

// NewIdentity returns the identity of a gate that is described by texts.
func NewIdentity(texts ...string) *Identity {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return &Identity{ID: strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:idLength])}
}

// idLength is the length of a gate's name. It has 50 bits, enough to
// distinguish the gates of a host.
const idLength = 10

// name returns the name, or an empty text for a gate that is alone on its host.
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

// Sign returns a sealed text, preceded by the gate's name.
func (i *Identity) Sign(sealed string) string {
	if name := i.name(); name != "" {
		return name + gateMark + sealed
	}
	return sealed
}

// Signed reads a text from Sign. id is empty if the text has no name.
func Signed(text string) (id, sealed string) {
	id, sealed, found := strings.Cut(text, gateMark)
	if !found {
		return "", text
	}
	return id, sealed
}

// GateIn returns the name of the gate that an address is for, or an empty text.
// In the state of OpenID Connect, in links and in visits it precedes the sealed
// part.
func GateIn(query url.Values) (id string) {
	for _, param := range []string{"state", "link", "visit"} {
		if id, _ = Signed(query.Get(param)); id != "" {
			return id
		}
	}
	return query.Get(gateParam)
}

// LoginAt returns the address of a sign-in at this gate, with further
// parameters, which may be empty.
func (s *Shared) LoginAt(query string) string { return s.ownAt("/login", query) }

// CallbackAt returns the address to which browsers come back with a ticket of a
// login host. It always has the gate's name, since other gates of its hosts may
// start later.
func (s *Shared) CallbackAt() string {
	return s.Prefix + "/callback?" + gateParam + "=" + s.Identity.ID
}

// LateAt returns the address at which the gate continues a form that was sent
// without a session, and at which the sign-in for it ends.
func (s *Shared) LateAt() string { return s.ownAt(LatePath, "") }

// FramedAt returns the address at which a sign-in ends that a frame began.
func (s *Shared) FramedAt() string { return s.ownAt(FramedPath, "") }

func (s *Shared) ownAt(path, query string) string {
	query = strings.Trim(s.Identity.query()+query, "&")
	if query != "" {
		query = "?" + query
	}
	return s.Prefix + path + query
}
