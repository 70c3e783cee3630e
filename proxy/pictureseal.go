package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A pictureSeal marks the addresses of pictures that authentik itself has
// named, so that the gate fetches no others. The same address always has the
// same mark: browsers keep pictures by it.
type pictureSeal struct{ key []byte }

func newPictureSeal(k keyring) pictureSeal {
	return pictureSeal{k.derive(nil, string(kindPicture), sha256.Size)}
}

// seal makes a name of an address.
func (p pictureSeal) seal(address string) string {
	return p.mark(address) + "." + base64.RawURLEncoding.EncodeToString([]byte(address))
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
