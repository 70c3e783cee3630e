package pictures

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// nameLifetime is how long a picture keeps its name when authentik sends
	// its address with another token. Tokens are valid for fifteen minutes.
	nameLifetime = 5 * time.Minute
	// maxNames is the maximum number of names.
	maxNames = 1000
)

// names makes the names under which the gate serves pictures. A name contains
// the address and a mark that only this gate can make, so that a browser cannot
// make the gate fetch other addresses.
type names struct {
	key []byte
	// steady holds names by host and path. authentik signs the addresses of
	// uploaded pictures anew in each answer. With a new name for each, the
	// browser would load the background again with every step.
	steady *cache.Cache[string, string]
}

func newNames(key []byte, now func() time.Time) names {
	return names{key, cache.New(cache.Options[string, string]{Entries: maxNames, Now: now})}
}

// Name returns the name of the picture at an address that authentik has named.
// It stays the same for some minutes although the token in the address changes,
// so that browsers can cache the picture.
func (n names) Name(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery == "" {
		return n.seal(address)
	}
	withoutToken := u.Host + u.EscapedPath()
	if name, found := n.steady.Get(withoutToken); found {
		return name
	}
	name := n.seal(address)
	n.steady.Put(withoutToken, name, nameLifetime)
	return name
}

// address returns the address in a name. If this gate has not made the name, ok
// is false.
func (n names) address(name string) (address string, ok bool) {
	mark, text, _ := strings.Cut(name, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !hmac.Equal([]byte(mark), []byte(n.mark(string(raw)))) {
		return "", false
	}
	return string(raw), true
}

func (n names) seal(address string) string {
	return n.mark(address) + "." + base64.RawURLEncoding.EncodeToString([]byte(address))
}

func (n names) mark(address string) string {
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte(address))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}
