package programs

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Scheme is a way for a program to show its credential (RFC 9110, 11.1).
type Scheme string

// The schemes that programs may be allowed to use.
const (
	Basic  Scheme = "basic"  // username and password (RFC 7617)
	Bearer Scheme = "bearer" // access token (RFC 6750)
)

// maxCredential is the maximum length of a credential, in bytes. The token of a
// user in 300 groups is shorter.
const maxCredential = 16 << 10

// A Credential is the content of the header Authorization of one request. It is
// not kept after the request. The zero Credential means that the request shows
// no credential.
type Credential struct {
	// Scheme is empty unless it is one of the schemes above.
	Scheme Scheme
	// Several says that there is more than one such header. Servers disagree on
	// which one counts.
	Several bool
	// Site is the origin of the request, for the log. It distinguishes no
	// credentials.
	Site string

	text string // the text after the scheme
}

// Read reads the lines of the header.
func Read(lines []string) Credential {
	switch len(lines) {
	case 0:
		return Credential{}
	case 1:
	default:
		return Credential{Several: true}
	}
	name, text, _ := strings.Cut(strings.Trim(lines[0], " \t"), " ")
	for _, scheme := range []Scheme{Basic, Bearer} {
		if strings.EqualFold(name, string(scheme)) {
			return Credential{Scheme: scheme, text: strings.TrimLeft(text, " ")}
		}
	}
	return Credential{}
}

// String returns a placeholder, so that no credential is printed by accident.
func (Credential) String() string { return "[credential]" }

// Format writes the placeholder for every verb.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue returns the placeholder for logs.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Valid reports whether the credential has the form that its scheme demands.
func (c Credential) Valid() bool {
	switch c.Scheme {
	case Basic:
		_, _, ok := c.Password()
		return ok
	case Bearer:
		_, ok := c.Token()
		return ok
	default:
		return false
	}
}

// Password returns the name and the password of Basic. Both must be UTF-8
// without control characters (RFC 7617, 2 and 2.1). Neither may be empty:
// without a password, authentik's token endpoint looks for another credential.
func (c Credential) Password() (name, password string, ok bool) {
	if c.Scheme != Basic || len(c.text) > maxCredential {
		return "", "", false
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(c.text)
	if err != nil || !utf8.Valid(plain) {
		return "", "", false
	}
	name, password, ok = strings.Cut(string(plain), ":")
	if !ok || name == "" || password == "" || strings.ContainsFunc(string(plain), unicode.IsControl) {
		return "", "", false
	}
	return name, password, true
}

// Token returns the token of Bearer (RFC 6750, 2.1).
func (c Credential) Token() (token string, ok bool) {
	body := strings.TrimRight(c.text, "=")
	if c.Scheme != Bearer || body == "" || len(c.text) > maxCredential || strings.ContainsFunc(body, notToken) {
		return "", false
	}
	return c.text, true
}

func notToken(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	default:
		return !strings.ContainsRune("-._~+/", r)
	}
}
