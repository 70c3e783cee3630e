package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"
)

// Brand is authentik's appearance and its flows under one host name.
type Brand struct {
	MatchedDomain string
	Title         string
	// Logo and Favicon are addresses for Client.Picture. They may contain the
	// placeholder %(theme)s, and some expire after 15 minutes.
	Logo, Favicon             string
	LogoThemed, FaviconThemed Themed
	// CustomCSS is the administrator's style sheet for authentik's own pages.
	CustomCSS   string
	FooterLinks []FooterLink
	// Theme is "automatic", "light" or "dark".
	Theme         string
	DefaultLocale string

	// The slugs of the brand's flows. They are empty if the brand has none.
	FlowAuthentication, FlowInvalidation, FlowRecovery string
	FlowUnenrollment, FlowUserSettings, FlowDeviceCode string
	// Raw is the brand as authentik sent it.
	Raw json.RawMessage
}

// FooterLink is a link or, if Href is empty, a text in the footer of a page.
type FooterLink struct{ Name, Href string }

// Brand fetches the brand of the visitor's host. It needs no session.
func (c *Client) Brand(ctx context.Context, v Visitor) (Brand, error) {
	o, raw, err := c.fetch(ctx, v, "core/brands/current", maxBrand)
	if err != nil {
		return Brand{}, err
	}
	return decodeBrand(o, raw), nil
}

// fetch fetches a public object of the API.
func (c *Client) fetch(ctx context.Context, v Visitor, endpoint string, limit int64) (object, []byte, error) {
	q := request{endpoint: endpoint, path: "/api/v3/" + endpoint + "/", limit: limit}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return nil, nil, err
	}
	if r.status != http.StatusOK {
		return nil, nil, unexpected(q, r, nil)
	}
	o, err := readObject(r.body)
	if err != nil {
		return nil, nil, unexpected(q, r, errNotJSON)
	}
	return o, r.body, nil
}

func decodeBrand(o object, raw []byte) Brand {
	return Brand{
		MatchedDomain:      o.text("matched_domain"),
		Title:              o.text("branding_title"),
		Logo:               o.text("branding_logo"),
		Favicon:            o.text("branding_favicon"),
		LogoThemed:         decodeThemed(o, "branding_logo_themed_urls"),
		FaviconThemed:      decodeThemed(o, "branding_favicon_themed_urls"),
		CustomCSS:          o.text("branding_custom_css"),
		FooterLinks:        each(o, "ui_footer_links", decodeFooterLink),
		Theme:              o.text("ui_theme"),
		DefaultLocale:      o.text("default_locale"),
		FlowAuthentication: o.text("flow_authentication"),
		FlowInvalidation:   o.text("flow_invalidation"),
		FlowRecovery:       o.text("flow_recovery"),
		FlowUnenrollment:   o.text("flow_unenrollment"),
		FlowUserSettings:   o.text("flow_user_settings"),
		FlowDeviceCode:     o.text("flow_device_code"),
		Raw:                json.RawMessage(raw),
	}
}

func decodeFooterLink(o object) FooterLink {
	return FooterLink{Name: o.text("name"), Href: o.text("href")}
}

// RootConfig is authentik's public configuration. It does not contain the release.
type RootConfig struct {
	// Capabilities are words such as "can_geo_ip" and "is_enterprise".
	Capabilities []string
	// CacheTimeout, CacheTimeoutFlows and CacheTimeoutPolicies are how long
	// authentik caches its own results.
	CacheTimeout, CacheTimeoutFlows, CacheTimeoutPolicies time.Duration
	// Raw is the configuration as authentik sent it.
	Raw json.RawMessage
}

// RootConfig fetches authentik's public configuration. It needs no session.
func (c *Client) RootConfig(ctx context.Context, v Visitor) (RootConfig, error) {
	o, raw, err := c.fetch(ctx, v, "root/config", maxAnswer)
	if err != nil {
		return RootConfig{}, err
	}
	return RootConfig{
		Capabilities:         o.texts("capabilities"),
		CacheTimeout:         o.seconds("cache_timeout"),
		CacheTimeoutFlows:    o.seconds("cache_timeout_flows"),
		CacheTimeoutPolicies: o.seconds("cache_timeout_policies"),
		Raw:                  raw,
	}, nil
}

var designations = regexp.MustCompile(`^[a-z_]+$`)

// DefaultFlow returns the flow that authentik uses for a designation:
// "authentication" or "invalidation". For any other designation authentik
// always answers 404, and the error is ErrFlowNotFound; the brand has those
// flows.
func (c *Client) DefaultFlow(ctx context.Context, v Visitor, designation string) (Flow, error) {
	if !designations.MatchString(designation) {
		return Flow{}, ErrFlowNotFound
	}
	q := request{endpoint: "flows/default", path: defaultFlowPath + designation + "/", limit: maxPage}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return Flow{}, err
	}
	if r.status == http.StatusNotFound && r.fromAuthentik() {
		return Flow{}, ErrFlowNotFound
	}
	path, _ := pathBelow(c.root(v), r.header.Get("Location"))
	f, ok := Redirect{Path: path}.Flow()
	if r.status != http.StatusFound || !ok {
		return Flow{}, unexpected(q, r, errNoTarget)
	}
	return f, nil
}
