package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	gocache "github.com/patrickmn/go-cache"
)

// A pictureSeal marks the addresses of pictures that authentik itself has
// named, so that the gate fetches no others. The same address always has the
// same mark: browsers keep pictures by it.
type pictureSeal struct{ key []byte }

func newPictureSeal(k seal.Key) pictureSeal {
	return pictureSeal{k.Derive(nil, string(seal.KindPicture), sha256.Size)}
}

// seal makes a name of an address.
func (p pictureSeal) seal(address string) string {
	return p.mark(address) + "." + base64.RawURLEncoding.EncodeToString([]byte(address))
}

// steadyFor is how long a picture keeps its name when authentik gives its address with
// another token, and steadyBound how many names are kept. Tokens are good for fifteen minutes.
const (
	steadyFor   = 5 * time.Minute
	steadyBound = 1000
)

// steadyNames name pictures. authentik signs the addresses of uploaded ones anew in
// each answer; under a new name the browser would load the background again with
// every step.
type steadyNames struct {
	seal func(string) string
	kept *gocache.Cache // of names, by host and path
}

func newSteadyNames(seal func(string) string) steadyNames {
	return steadyNames{seal, gocache.New(steadyFor, steadyFor)}
}

// name returns the name of the picture at an address.
func (s steadyNames) name(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery == "" {
		return s.seal(address)
	}
	picture := u.Host + u.EscapedPath()
	if found, ok := s.kept.Get(picture); ok {
		name, _ := found.(string)
		return name
	}
	name := s.seal(address)
	if s.kept.ItemCount() < steadyBound {
		s.kept.SetDefault(picture, name)
	}
	return name
}

// unseal returns the address, if seal has made the name.
func (p pictureSeal) unseal(name string) (address string, ok bool) {
	mark, text, _ := strings.Cut(name, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !hmac.Equal([]byte(mark), []byte(p.mark(string(raw)))) {
		return "", false
	}
	return string(raw), true
}

func (p pictureSeal) mark(address string) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(address))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}
