package proxy

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// maxClaims is how much is kept of a user's claims, as JSON, besides those that every session has. A larger
// claim is left out.
const maxClaims = 8 << 10

// protocolClaims are about a token and not about a user, or stand in a User already.
var protocolClaims = map[string]bool{
	"iss": true, "sub": true, "aud": true, "exp": true, "iat": true, "nbf": true, "jti": true, "nonce": true, "azp": true,
	"at_hash": true, "c_hash": true, "sid": true, "acr": true, "amr": true, "auth_time": true, "events": true,
	"preferred_username": true, "name": true, "given_name": true, "nickname": true, "email": true, "groups": true,
	"ak_proxy": true,
}

var errNoName = errors.New("the claims name no user: give the provider the scope mappings openid, profile and email")

// userOf reads a user out of claims. They are what administrators make of them, so those that are not
// what they should be count as absent; a user without a name is nobody.
func userOf(subject string, claims map[string]json.RawMessage) (User, error) {
	user := User{
		UID: subject, Username: text(claims["preferred_username"]), Name: text(claims["name"]),
		Email: text(claims["email"]), Groups: textsOf(claims["groups"]), Claims: map[string]any{},
	}
	if user.UID == "" || user.Username == "" {
		return User{}, errNoName
	}
	var outpost struct {
		Attributes map[string]any `json:"user_attributes"`
	}
	if json.Unmarshal(claims["ak_proxy"], &outpost) == nil {
		user.Attributes = outpost.Attributes
	}
	left := maxClaims
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		value := claims[name]
		if protocolClaims[name] || len(name)+len(value) > left {
			continue
		}
		var decoded any
		if json.Unmarshal(value, &decoded) == nil && decoded != nil {
			user.Claims[name] = decoded
			left -= len(name) + len(value)
		}
	}
	return user, nil
}

// text is a JSON string, or nothing.
func text(raw json.RawMessage) string {
	said, _ := readText(raw)
	return said
}

// textsOf is a JSON list of strings, or one alone.
func textsOf(raw json.RawMessage) []string {
	var one any
	if json.Unmarshal(raw, &one) != nil {
		return nil
	}
	return textsIn(one)
}

// textsIn are the texts of a claim: of a list its single values, else the value itself.
func textsIn(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var all []string
	for _, one := range list {
		if said := scalar(one); said != "" {
			all = append(all, said)
		}
	}
	return all
}

// meets reports whether a user meets a requirement.
func (u User) meets(need Requirement) bool {
	for _, value := range need.Values {
		for _, has := range u.have(need.Claim) {
			if has == value {
				return true
			}
		}
	}
	return false
}

// have are the texts of what is known of the user under a name.
func (u User) have(claim string) []string {
	switch claim {
	case "user":
		return []string{u.Username}
	case "group":
		return u.Groups
	}
	return textsIn(u.claim(claim))
}

// claim is a claim of OpenID Connect by its name there, or an attribute; nil where there is none.
func (u User) claim(name string) any {
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
	if key, ok := strings.CutPrefix(name, "attributes."); ok {
		return attribute(u.Attributes, key)
	}
	return u.Claims[name]
}
