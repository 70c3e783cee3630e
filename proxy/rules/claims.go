package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Source says, from the configuration, how the gate identifies the user.
type Source struct {
	// OpenID says that sign-ins use OpenID Connect. Otherwise they use
	// authentik's own session.
	OpenID bool
	// Scopes are the scopes that the gate requests from authentik. Nil means
	// the default.
	Scopes []string
}

// userClaims are the claims that every user has, with either source.
var userClaims = []string{"id", "username", "name", "email", "uid", "groups", "session", "assertion"}

// requirable are the claims that can be required with either source.
var requirable = []string{"group", "user"}

const (
	// attributePrefix begins the claims that are attributes of the user.
	attributePrefix = "attributes."
	// AttributeScope is the scope with which authentik sends attributes. The API
	// that describes the signed-in user does not send them.
	AttributeScope = "ak_proxy"
)

// protocolClaims are about a token or a sign-in and not about a user. The gate
// uses them but does not keep them: a header with such a claim would stay
// empty, and a requirement would never be met.
var protocolClaims = map[string]string{
	"acr":          "leave it out; authentik has one value for all sign-ins",
	"amr":          "leave it out, and write require mfa if everyone needs a second factor",
	"at_hash":      notAboutUsers,
	"aud":          notAboutUsers,
	"auth_time":    "leave it out, and write max_age 8h if a sign-in can be too old",
	"azp":          notAboutUsers,
	"c_hash":       notAboutUsers,
	"events":       notAboutUsers,
	"exp":          notAboutUsers,
	"iat":          notAboutUsers,
	"id_token":     "write the claims that are in it, or access_token",
	"iss":          notAboutUsers,
	"jti":          notAboutUsers,
	"nbf":          notAboutUsers,
	"nonce":        notAboutUsers,
	"sid":          "write session, which is the gate's public id of the session",
	AttributeScope: "write attributes.<key> for one of the attributes in it",
}

const notAboutUsers = "leave it out, or write a claim about the user"

// claimName matches names of claims of OpenID Connect. Private ones are often
// URLs.
var claimName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,100}$`)

func checkClaimName(name string) error {
	if !claimName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a claim; write up to 100 letters, digits and _ . : / -", name)
	}
	return nil
}

// Claim checks a claim for a header. It refuses claims that are never known.
// Which other claims exist with OpenID Connect, authentik decides.
func (s Source) Claim(claim string) error {
	switch {
	case slices.Contains(userClaims, claim):
		return nil
	case strings.HasPrefix(claim, attributePrefix):
		return s.attribute(claim)
	case protocolClaims[claim] != "":
		return fmt.Errorf("%s is not kept and would always be empty; %s", claim, protocolClaims[claim])
	case s.OpenID:
		return checkClaimName(claim)
	case claim == "access_token":
		return errors.New("access_token needs OpenID Connect; write client_id and application too, or leave this header out")
	}
	hint := Suggest(claim, userClaims)
	if hint == "" {
		hint = "; write one of " + strings.Join(userClaims, ", ") + ", or a text with placeholders"
	}
	return fmt.Errorf("%q is not a claim without client_id%s", claim, hint)
}

// attribute checks a claim that is an attribute of the user.
func (s Source) attribute(claim string) error {
	switch {
	case claim == attributePrefix:
		return errors.New("attributes. names no attribute; write its key, such as attributes.department")
	case !s.OpenID:
		return fmt.Errorf("%s needs OpenID Connect, since authentik sends attributes only with the scope %s; "+
			"write client_id, application and scopes openid profile email %[2]s, or leave it out", claim, AttributeScope)
	case !slices.Contains(s.Scopes, AttributeScope):
		return fmt.Errorf("%s needs the scope %s, with which authentik sends attributes; write scopes openid profile email %[2]s", claim, AttributeScope)
	}
	return nil
}

// Requirement checks a requirement: its claim, and the values of which one has
// to be the user's.
func (s Source) Requirement(claim string, values []string) error {
	if len(values) == 0 {
		return errors.New("it names no value; write for example: require group staff")
	}
	if err := s.required(claim); err != nil {
		return err
	}
	for i, value := range values {
		if slices.Contains(values[:i], value) {
			return fmt.Errorf("%q is given twice; keep one of them", value)
		}
	}
	return nil
}

// required checks the claim of a requirement.
func (s Source) required(claim string) error {
	switch err := checkClaimName(claim); {
	case err != nil:
		return err
	case slices.Contains(requirable, claim):
		return nil
	case !s.OpenID:
		hint := Suggest(claim, requirable)
		if hint == "" {
			hint = "; write " + strings.Join(requirable, " or ") + ", or client_id and application too"
		}
		return fmt.Errorf("%q cannot be required without client_id%s", claim, hint)
	case strings.HasPrefix(claim, attributePrefix):
		return s.attribute(claim)
	case protocolClaims[claim] != "":
		return fmt.Errorf("%s is not kept, so that no visitor could pass; %s", claim, protocolClaims[claim])
	}
	return nil
}
