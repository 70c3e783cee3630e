package flowclient

import (
	"net/url"
	"regexp"
)

// Flow names a flow and the page address it was entered by.
type Flow struct {
	// Slug is the flow's name in addresses.
	Slug string `json:"slug"`
	// Query is the raw query string, without "?", of the page the visitor would
	// be on if authentik drew it. authentik reads next and invitation tokens from
	// it at every request anew, so it stays the same throughout a flow.
	Query string `json:"query,omitempty"`
}

// slugs is what authentik allows in a flow's slug.
var slugs = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// Valid reports whether the slug is one that authentik can know. Nothing else is
// ever made part of an address.
func (f Flow) Valid() bool { return slugs.MatchString(f.Slug) }

// path is the flow's executor below authentik's root, with its query encoded
// byte for byte as Python's urlencode does: only then does authentik recognize
// its own address and answer with a plain redirect, which keeps all cookies.
func (f Flow) path() string {
	return executorPath + f.Slug + "/?" + url.Values{"query": {f.Query}}.Encode()
}

const (
	executorPath    = "/api/v3/flows/executor/"
	flowPagePath    = "/if/flow/"
	defaultFlowPath = "/flows/-/default/"
)
