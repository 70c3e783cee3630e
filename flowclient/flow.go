package flowclient

import (
	"net/url"
	"regexp"
)

// Flow is a flow, with the query of the address by which it began.
type Flow struct {
	// Slug is the flow's name in addresses.
	Slug string `json:"slug"`
	// Query is the raw query string, without "?", that the address of
	// authentik's own page for this flow would have. At every request authentik
	// reads parameters such as next and itoken from it, so it must stay the
	// same throughout a flow.
	Query string `json:"query,omitempty"`
}

// slugs matches the slugs that authentik allows.
var slugs = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// Valid reports whether the slug is one that authentik allows. Other slugs never
// become part of an address.
func (f Flow) Valid() bool { return slugs.MatchString(f.Slug) }

// path returns the path of the flow's executor below authentik's root. The
// query is encoded byte for byte as Python's urlencode does. Only then does
// authentik recognize its own address and answer with an HTTP redirect, which
// has all cookies.
func (f Flow) path() string {
	return executorPath + f.Slug + "/?" + url.Values{"query": {f.Query}}.Encode()
}

const (
	executorPath    = "/api/v3/flows/executor/"
	flowPagePath    = "/if/flow/"
	defaultFlowPath = "/flows/-/default/"
)
