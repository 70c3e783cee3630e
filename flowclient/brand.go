package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"
)

// Brand is how authentik presents itself under one host name, and the flows it
// uses there.
type Brand struct {
	MatchedDomain string
	Title         string
	// Logo and Favicon are addresses, to be fetched with Client.Picture; they may
	// hold %(theme)s, and some are good for a quarter of an hour only.
	Logo, Favicon             string
	LogoThemed, FaviconThemed Themed
	// CustomCSS is the administrator's, for authentik's own page.
	CustomCSS   string
	FooterLinks []FooterLink
	// Theme is automatic, light or dark.
	Theme         string
	DefaultLocale string

	// The slugs of the brand's flows, empty where it has none.
	FlowAuthentication, FlowInvalidation, FlowRecovery string
	FlowUnenrollment, FlowUserSettings, FlowDeviceCode string
	// Raw is the brand as authentik sent it.
	Raw json.RawMessage
}

// FooterLink stands at the foot of a page; it may have no address.
type FooterLink struct{ Name, Href string }

// Brand asks for the brand of the host that the visitor is at. Nobody needs to be
// signed in.
func (c *Client) Brand(ctx context.Context, v Visitor) (Brand, error) {
	o, raw, err := c.fetch(ctx, v, "core/brands/current")
	if err != nil {
		return Brand{}, err
	}
	return decodeBrand(o, raw), nil
}

// fetch gets an object of the API that everybody may see.
func (c *Client) fetch(ctx context.Context, v Visitor, endpoint string) (object, []byte, error) {
	q := request{endpoint: endpoint, path: "/api/v3/" + endpoint + "/"}
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

// RootConfig is what authentik says of itself to everybody. The release is not
// part of it.
type RootConfig struct {
	// Capabilities are words such as can_geo_ip and is_enterprise.
	Capabilities []string
	// CacheTimeout and its siblings are how long authentik caches its own results.
	CacheTimeout, CacheTimeoutFlows, CacheTimeoutPolicies time.Duration
	// Raw is the configuration as authentik sent it.
	Raw json.RawMessage
}

// RootConfig asks authentik about itself. Nobody needs to be signed in.
func (c *Client) RootConfig(ctx context.Context, v Visitor) (RootConfig, error) {
	o, raw, err := c.fetch(ctx, v, "root/config")
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

// DefaultFlow asks which flow authentik uses for a designation, which is
// authentication or invalidation: for others it always says ErrFlowNotFound, and
// the brand has them.
func (c *Client) DefaultFlow(ctx context.Context, v Visitor, designation string) (Flow, error) {
	if !designations.MatchString(designation) {
		return Flow{}, ErrFlowNotFound
	}
	q := request{endpoint: "flows/default", path: defaultFlowPath + designation + "/"}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return Flow{}, err
	}
	if r.status == http.StatusNotFound && r.own() {
		return Flow{}, ErrFlowNotFound
	}
	path, _ := below(c.root(v), r.header.Get("Location"))
	f, ok := Redirect{Path: path}.Flow()
	if r.status != http.StatusFound || !ok {
		return Flow{}, unexpected(q, r, errWayward)
	}
	return f, nil
}
