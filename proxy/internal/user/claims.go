package user

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxClaims is the maximum size of a user's kept claims, as JSON, in bytes. A
// claim that does not fit is left out.
const maxClaims = 8 << 10

// protocolClaims are about a token and not about a user, or are fields of User.
var protocolClaims = map[string]bool{
	"iss": true, "sub": true, "aud": true, "exp": true, "iat": true, "nbf": true, "jti": true, "nonce": true, "azp": true,
	"at_hash": true, "c_hash": true, "sid": true, "acr": true, "amr": true, "auth_time": true, "events": true,
	"preferred_username": true, "name": true, "given_name": true, "nickname": true, "email": true, "groups": true,
	"ak_proxy": true,
}

var errNoName = errors.New("the claims name no user: give the provider the scope mappings openid, profile and email")

// FromClaims returns the user that claims of OpenID Connect describe.
// Administrators can change the claims, so a claim of an unexpected type counts
// as absent. It returns an error if there is no username.
func FromClaims(subject string, claims map[string]json.RawMessage) (User, error) {
	u := User{
		UID: subject, Username: Text(claims["preferred_username"]), Name: Text(claims["name"]),
		Email: Text(claims["email"]), Groups: Texts(claims["groups"]), Claims: map[string]any{},
	}
	if u.UID == "" || u.Username == "" {
		return User{}, errNoName
	}
	if outpost, ok := decode(claims["ak_proxy"]).(map[string]any); ok {
		u.Attributes, _ = outpost["user_attributes"].(map[string]any)
	}
	left := maxClaims
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		value := claims[name]
		if protocolClaims[name] || len(name)+len(value) > left {
			continue
		}
		if decoded := decode(value); decoded != nil {
			u.Claims[name] = decoded
			left -= len(name) + len(value)
		}
	}
	return u, nil
}

// Claim returns the value of a claim of the user, under its name in OpenID
// Connect or as attributes.<path>. It returns nil for an unknown claim.
func Claim(u User, name string) any {
	switch name {
	case "sub", "uid":
		return u.UID
	case "preferred_username", "nickname":
		return u.Username
	case "name", "given_name":
		return u.Name
	case "email":
		return u.Email
	case "groups":
		list := make([]any, len(u.Groups))
		for i, group := range u.Groups {
			list[i] = group
		}
		return list
	}
	if path, ok := strings.CutPrefix(name, "attributes."); ok {
		return attribute(u.Attributes, path)
	}
	return u.Claims[name]
}

// Meets reports whether the user has one of the values. The claim is user for
// the username, group for the name of a group, or a name that Claim knows.
func Meets(u User, claim string, values []string) bool {
	var known []string
	switch claim {
	case "user":
		known = []string{u.Username}
	case "group":
		known = u.Groups
	default:
		known = Scalars(Claim(u, claim))
	}
	return slices.ContainsFunc(values, func(value string) bool { return slices.Contains(known, value) })
}

// Text returns a JSON string, and nothing for any other JSON.
func Text(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// Texts returns the scalars of a JSON list, or a JSON scalar.
func Texts(raw json.RawMessage) []string {
	return Scalars(decode(raw))
}

// decode returns the value of JSON, or nil if raw is empty or malformed. Whole
// numbers that a float64 cannot represent become texts: otherwise two users
// could have the same number because its last digits are lost.
func decode(raw json.RawMessage) any {
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil
	}
	return exact(value)
}

// exact replaces the numbers in a decoded value.
func exact(value any) any {
	switch value := value.(type) {
	case json.Number:
		f, err := value.Float64()
		if err != nil || math.Abs(f) >= 1<<53 {
			return value.String()
		}
		return f
	case []any:
		for i, one := range value {
			value[i] = exact(one)
		}
	case map[string]any:
		for key, one := range value {
			value[key] = exact(one)
		}
	}
	return value
}

// Scalars returns the texts of a claim: of the scalars in a list, or of one
// scalar.
func Scalars(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var all []string
	for _, one := range list {
		if text := Scalar(one); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// Scalar returns the text of a string, a number or a boolean, and nothing for
// any other value.
func Scalar(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64: // as encoding/json reads numbers, but without an exponent such as 1e+06
		return strconv.FormatFloat(value, 'f', -1, 64)
	case bool, int, int64:
		return fmt.Sprint(value)
	default:
		return ""
	}
}

// AdditionalHeaders returns the additional headers that authentik's own proxy
// would send for a user. They are in the attribute additionalHeaders of the
// user and of the user's groups.
func AdditionalHeaders(u User) map[string]string {
	told, _ := u.Attributes["additionalHeaders"].(map[string]any)
	all := make(map[string]string, len(told))
	for name, value := range told {
		if text := Scalar(value); text != "" {
			all[name] = text
		}
	}
	return all
}

// attribute returns the value at a dotted path: a scalar, or a list. It returns
// nil for any other value and for an unknown path.
func attribute(in map[string]any, path string) any {
	if value, ok := in[path]; ok {
		if _, list := value.([]any); list || Scalar(value) != "" {
			return value
		}
		return nil
	}
	first, rest, _ := strings.Cut(path, ".")
	inner, ok := in[first].(map[string]any)
	if !ok {
		return nil
	}
	return attribute(inner, rest)
}
