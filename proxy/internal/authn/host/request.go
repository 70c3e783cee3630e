package host

import (
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

const (
	// requestLife is how long a gate's request is valid. A browser brings it to
	// the login host at once.
	requestLife = 2 * time.Minute
	// VisitLife is how long a visit at the login host lasts.
	VisitLife = 30 * time.Minute
)

// A Request is a gate's request to the login host to sign a visitor in. A
// browser brings it, sealed, in an address. If another client reads that
// address, it gains nothing: only the browser of the request can use the
// answer.
type Request struct {
	Gate   string    `json:"gate"`             // the name of its registration
	Origin string    `json:"origin"`           // of the site that was asked for
	Back   string    `json:"back"`             // a local address there
	Nonce  string    `json:"nonce"`            // identifies the browser to the gate
	Second bool      `json:"second,omitempty"` // the gate could not use the first answer
	Made   time.Time `json:"made"`
	// Demand is the demand on the sign-in. The login host issues no ticket
	// before the demand is met.
	Demand authn.Demand `json:"demand,omitzero"`
}

// A Visit is a Request that has reached the login host. It is bound to the
// browser that brought it.
type Visit struct {
	Request Request   `json:"request"`
	Begun   time.Time `json:"begun"`
	Here    string    `json:"here"`              // identifies the browser to the login host
	Returns int       `json:"returns,omitempty"` // how often authentik has sent it back
	// Again says that the visitor was already signed in and was sent to a flow
	// to meet the demand. SID is the visitor's session at authentik before
	// that.
	Again bool   `json:"again,omitempty"`
	SID   string `json:"sid,omitempty"`
}

// minRequest is shorter than any sealed request, in bytes.
const minRequest = 64

// visitMark begins the text of a visit. The text of a request never begins with
// it.
const visitMark = "v."

// SealRequest returns a sealed request, for use in an address.
func (r Records) SealRequest(q Request) (string, error) {
	q.Made = r.Now()
	return r.own(seal.KindLoginRequest, "").SealText(q)
}

// SealVisit returns a sealed visit, for use in an address.
func (r Records) SealVisit(v Visit) (string, error) {
	text, err := r.own(seal.KindLoginVisit, "").SealText(v)
	return visitMark + text, err
}

// An Age says whether a request or a visit may still be answered.
type Age int

// The ages. None means that no gate has sealed it: it was made up, or cut short.
// Unknown means that a gate with another key may have sealed it, Expired sealed too
// long ago, and Early sealed by a server whose clock is ahead.
const (
	None Age = iota
	Unknown
	Expired
	Early
	Good
)

// Open opens a request or a visit that a browser brings to the login host. A
// request begins a visit. returned is true for a visit.
func (r Records) Open(text string) (v Visit, returned bool, age Age) {
	sealed, returned := strings.CutPrefix(text, visitMark)
	if returned {
		if r.own(seal.KindLoginVisit, "").OpenText(sealed, &v) != nil {
			return Visit{}, true, Unknown
		}
		return v, true, r.age(v.Begun, VisitLife)
	}
	if r.own(seal.KindLoginRequest, "").OpenText(sealed, &v.Request) != nil {
		if text, err := base64.RawURLEncoding.Strict().DecodeString(sealed); err != nil || len(text) < minRequest {
			return Visit{}, false, None
		}
		return Visit{}, false, Unknown
	}
	v.Begun = r.Now()
	return v, false, r.age(v.Request.Made, requestLife)
}

func (r Records) age(made time.Time, life time.Duration) Age {
	switch {
	case r.fresh(made, life):
		return Good
	case made.After(r.Now()):
		return Early
	default:
		return Expired
	}
}

// Is reports whether two nonces identify the same browser.
func Is(nonce, other string) bool {
	return nonce != "" && subtle.ConstantTimeCompare([]byte(nonce), []byte(other)) == 1
}
