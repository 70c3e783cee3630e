package adminapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// mistakes are what authentik says about fields, in the shape of its answers.
type mistakes object

func (m mistakes) add(field, text string) {
	texts, _ := m[field].([]string)
	m[field] = append(texts, text)
}

// require notes the fields that an object lacks.
func (m mistakes) require(body object, fields ...string) {
	for _, field := range fields {
		if _, there := body[field]; !there {
			m.add(field, "This field is required.")
		}
	}
}

// unique notes a value that another object has.
func (m mistakes) unique(body object, field string, all []object, self object, text string) {
	value, given := body[field]
	if !given || value == nil {
		return
	}
	if other := find(all, field, value); other != nil && (self == nil || other["pk"] != self["pk"]) {
		m.add(field, text)
	}
}

var duration = regexp.MustCompile(`^(?:[a-z]+=[0-9.]+;?)+$`)

// durations notes texts that are not durations.
func (m mistakes) durations(body object, fields ...string) {
	for _, field := range fields {
		if text, given := body[field].(string); given && !duration.MatchString(text) {
			m.add(field, text+" is not in the correct format of 'hours=3;minutes=1'.")
		}
	}
}

var slugPattern = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// reserved are the slugs that are authentik's own paths.
var reserved = []string{"authorize", "token", "device", "userinfo", "introspect", "revoke"}

func (m mistakes) slug(body object, d dialect) {
	text, given := body["slug"].(string)
	switch {
	case !given:
	case !slugPattern.MatchString(text) && d.curlyQuotes:
		m.add("slug", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
	case !slugPattern.MatchString(text):
		m.add("slug", `Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`)
	case slices.Contains(reserved, text):
		m.add("slug", "The slug '"+text+"' is reserved and cannot be used for applications.")
	}
}

// redirects notes what is wrong with redirect URIs, and returns them as they are
// kept.
func (m mistakes) redirects(body object, d dialect) {
	given, found := body["redirect_uris"]
	if !found {
		return
	}
	list, ok := given.([]any)
	if !ok {
		m["redirect_uris"] = object{"non_field_errors": []string{fmt.Sprintf("Expected a list of items but got type %q.", pythonType(given))}}
		return
	}
	kept := []any{}
	for _, one := range list {
		u, _ := one.(object)
		clean := object{"matching_mode": u["matching_mode"], "url": u["url"]}
		if d.logoutTypes {
			clean["redirect_uri_type"] = "authorization"
			if kind, given := u["redirect_uri_type"].(string); given {
				if kind != "authorization" && kind != "logout" {
					m["redirect_uris"] = []object{{"redirect_uri_type": []string{fmt.Sprintf("%q is not a valid choice.", kind)}}}
					return
				}
				clean["redirect_uri_type"] = kind
			}
		}
		if u["matching_mode"] == "regex" && strings.Count(str(u["url"]), "(") != strings.Count(str(u["url"]), ")") {
			m.add("redirect_uris", "Invalid Regex Pattern: "+str(u["url"]))
			return
		}
		kept = append(kept, clean)
	}
	body["redirect_uris"] = kept
}

func pythonType(v any) string {
	switch v.(type) {
	case string:
		return "str"
	case float64:
		return "int"
	}
	return "dict"
}

var grants = []string{
	"authorization_code", "implicit", "hybrid", "refresh_token", "client_credentials", "password",
	"urn:ietf:params:oauth:grant-type:device_code",
}

func (m mistakes) grants(body object, d dialect) {
	list, given := body["grant_types"].([]any)
	if !d.grantTypes || !given {
		return
	}
	wrong := object{}
	for i, one := range list {
		if !slices.Contains(grants, str(one)) {
			wrong[fmt.Sprint(i)] = []string{fmt.Sprintf("%q is not a valid choice.", str(one))}
		}
	}
	if len(wrong) > 0 {
		m["grant_types"] = wrong
	}
}
