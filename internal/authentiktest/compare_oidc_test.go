package authentiktest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// oidcNormalisations are the normalisations of OAuth2 and OpenID Connect.
func oidcNormalisations() []normalisation {
	seconds, key := regexp.MustCompile(`^\d{10}$`), regexp.MustCompile(`^[A-Za-z0-9]{40}$`)
	thumb := regexp.MustCompile(`^[\w-]{27,43}$`)
	return []normalisation{
		{"token", regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "made for each consent challenge"},
		{"code", regexp.MustCompile(`^[0-9a-f]{32}$`), "an authorization code"},
		{"refresh_token", regexp.MustCompile(`^[A-Za-z0-9]{128}$`), "random"},
		{"device_code", regexp.MustCompile(`^[!-~]{128}$`), "random"},
		{"user_code", regexp.MustCompile(`^\d{9}$`), "random"},
		{"verification_uri_complete", regexp.MustCompile(`\?code=(\d{9})$`), "only the code in it is random"},
		{"body", regexp.MustCompile(`(?s)<title>\s*(?:Permission denied|Erlaubnis verweigert) - .*</title>`), "a whole page of authentik's own"},
		{"sub", regexp.MustCompile(`^[0-9a-f]{64}$`), "as the uid of the user"},
		{"sid", regexp.MustCompile(`^[0-9a-f]{64}$`), "a digest of the session's name"},
		{"c_hash", regexp.MustCompile(`^[\w-]{22}$`), "a digest of the code"},
		{"at_hash", regexp.MustCompile(`^[\w-]{22}$`), "a digest of the access token"},
		{"jti", key, "random"},
		{"jti", regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "random, in logout tokens"},
		{"uid", key, "random, in access tokens"},
		{"iat", seconds, "a time; the lifetime of a token is compared"},
		{"exp", seconds, "a time; the lifetime of a token is compared"},
		{"auth_time", seconds, "a time"},
		{"kid", regexp.MustCompile(`^[\w-]{32,86}$`), "depends on the key"},
		{"n", regexp.MustCompile(`^[\w-]{342,683}$`), "the key"},
		{"x5c", regexp.MustCompile(`^MII[\w+/=]+$`), "a certificate for the key"},
		{"x5t", thumb, "depends on the certificate"},
		{"x5t#S256", thumb, "depends on the certificate"},
	}
}

var oneTime = regexp.MustCompile(`[?&#](code|sid|id_token|access_token)=([^&]+)`)

// parameters learns what stands for the codes and tokens in an address. An
// address is compared only after this.
func (d *differences) parameters(where, recorded, live string) {
	had, got := oneTime.FindAllStringSubmatch(recorded, -1), oneTime.FindAllStringSubmatch(live, -1)
	if len(had) != len(got) {
		return
	}
	for i, h := range had {
		name, value := h[1], got[i][2]
		if name == got[i][1] && !d.token(where+"?"+name, h[2], value) {
			d.normalised(name, h[2], value)
		}
	}
}

// token compares the claims of two signed tokens. It reports false for
// anything else.
func (d *differences) token(where, recorded, live string) bool {
	h, g := claimsOf(recorded), claimsOf(live)
	if h == nil || g == nil || headerOf(recorded) == "" {
		return false
	}
	d.live.learn("token", recorded, live)
	if off := lifetime(h) - lifetime(g); off < -3 || off > 3 {
		d.add(where+" lifetime", lifetime(h), lifetime(g))
	}
	for part, encoded := range map[string][2]string{
		"header": {headerOf(recorded), headerOf(live)},
		"claims": {payloadOf(recorded), payloadOf(live)},
	} {
		d.value(where+"."+part, "", numbers(encoded[0]), numbers(encoded[1]))
	}
	return true
}

// lifetime is the lifetime of a token. The recorded server read its
// clock twice, some seconds apart.
func lifetime(claims map[string]any) int {
	exp, _ := claims["exp"].(float64)
	iat, _ := claims["iat"].(float64)
	return int(exp - iat)
}

func headerOf(token string) string {
	encoded, _, _ := strings.Cut(token, ".")
	return unencoded(encoded)
}

func payloadOf(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	return unencoded(encoded)
}

func unencoded(part string) string {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return ""
	}
	return string(raw)
}

// numbers parses JSON as recordings have it, or returns the text if it is not JSON.
func numbers(raw string) any {
	value, err := decode(raw)
	if err != nil {
		return fmt.Sprintf("%q: %v", raw, err)
	}
	return value
}

// inOrder sorts the words of a scope: authentik keeps scopes as a set, whose
// order depends on the process.
func inOrder(scope string) string {
	words := strings.Fields(scope)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// unnamed reports whether a list has only strings: groups in tokens, which
// have no order there. In users/me they are objects, and are in order.
func unnamed(list []any) bool {
	return !slices.ContainsFunc(list, func(one any) bool { _, ok := one.(string); return !ok })
}

func sorted(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}
