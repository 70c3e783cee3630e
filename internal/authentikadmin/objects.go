package authentikadmin

import (
	"encoding/json"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// Fields are the fields of an object that are sent: only those that are to
// change.
type Fields map[string]any

// An Application is an application at authentik, to which users have access.
type Application struct {
	PK         string `json:"pk"`
	Slug       string `json:"slug"`
	Name       string `json:"name"`
	Provider   *int   `json:"provider"`
	LaunchURL  string `json:"meta_launch_url"`
	Publisher  string `json:"meta_publisher"`
	PolicyMode string `json:"policy_engine_mode"`
	// ProviderObject is the provider, of whatever kind.
	ProviderObject *struct {
		Name      string `json:"name"`
		Component string `json:"component"`
	} `json:"provider_obj"`
}

func (*Application) needs() []string {
	return []string{"pk", "slug", "provider", "meta_launch_url", "meta_publisher", "policy_engine_mode"}
}

// A Provider is an OAuth2 provider. Raw has everything that authentik says
// about it, since releases differ in the fields.
type Provider struct {
	PK              int    `json:"pk"`
	Name            string `json:"name"`
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret"`
	ApplicationSlug string `json:"assigned_application_slug"`
	Raw             Fields `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Provider) UnmarshalJSON(text []byte) error {
	type fields Provider // the alias has no UnmarshalJSON
	if err := json.Unmarshal(text, (*fields)(p)); err != nil {
		return err
	}
	return json.Unmarshal(text, &p.Raw)
}

func (*Provider) needs() []string { return []string{"pk", "name", "client_id"} }

// A Binding lets a group, a user or a policy decide about an application.
type Binding struct {
	PK      string  `json:"pk"`
	Target  string  `json:"target"`
	Group   *string `json:"group"`
	User    *int    `json:"user"`
	Policy  *string `json:"policy"`
	Enabled bool    `json:"enabled"`
	Negate  bool    `json:"negate"`
	Order   int     `json:"order"`
	// GroupObject, UserObject and PolicyObject have the names.
	GroupObject *struct {
		Name string `json:"name"`
	} `json:"group_obj"`
	UserObject *struct {
		Username string `json:"username"`
	} `json:"user_obj"`
	PolicyObject *struct {
		Name string `json:"name"`
	} `json:"policy_obj"`
}

func (*Binding) needs() []string {
	return []string{"pk", "target", "group", "enabled", "negate", "order"}
}

// Whom returns the group, user or policy of a binding, as text on one line.
func (b Binding) Whom() string {
	switch {
	case b.GroupObject != nil:
		return plain.Line("group " + b.GroupObject.Name)
	case b.UserObject != nil:
		return plain.Line("user " + b.UserObject.Username)
	case b.PolicyObject != nil:
		return plain.Line("policy " + b.PolicyObject.Name)
	}
	return "an unnamed policy"
}

// A Group is a named set of users.
type Group struct {
	PK   string `json:"pk"`
	Name string `json:"name"`
}

func (*Group) needs() []string { return []string{"pk", "name"} }

// A Flow is a flow.
type Flow struct {
	PK          string `json:"pk"`
	Slug        string `json:"slug"`
	Designation string `json:"designation"`
}

func (*Flow) needs() []string { return []string{"pk", "slug"} }

// A Scope is a scope mapping.
type Scope struct {
	PK      string `json:"pk"`
	Managed string `json:"managed"`
	Name    string `json:"scope_name"`
}

func (*Scope) needs() []string { return []string{"pk", "managed"} }

// A Key is a certificate with its private key.
type Key struct {
	PK   string `json:"pk"`
	Name string `json:"name"`
}

func (*Key) needs() []string { return []string{"pk", "name"} }

// A Proxy is a proxy provider, which an outpost serves.
type Proxy struct {
	PK               int    `json:"pk"`
	Name             string `json:"name"`
	ApplicationSlug  string `json:"assigned_application_slug"`
	ApplicationName  string `json:"assigned_application_name"`
	Mode             string `json:"mode"` // proxy, forward_single or forward_domain
	ExternalHost     string `json:"external_host"`
	InternalHost     string `json:"internal_host"`
	VerifiesInternal bool   `json:"internal_host_ssl_validation"`
	Open             string `json:"skip_path_regex"`
	CookieDomain     string `json:"cookie_domain"`
	BasicAuth        bool   `json:"basic_auth_enabled"`
	BasicUser        string `json:"basic_auth_user_attribute"`
	BasicPassword    string `json:"basic_auth_password_attribute"`
	InterceptsHeader bool   `json:"intercept_header_auth"`
	AccessValidity   string `json:"access_token_validity"`
}

func (*Proxy) needs() []string {
	return []string{"name", "mode", "external_host", "assigned_application_slug", "internal_host_ssl_validation", "intercept_header_auth"}
}

// A User is the user that a token belongs to.
type User struct {
	Username  string `json:"username"`
	Superuser bool   `json:"is_superuser"`
}

// An Event is an entry of authentik's log of events.
type Event struct {
	Action   string `json:"action"`
	ClientIP string `json:"client_ip"`
	User     struct {
		Username string `json:"username"`
	} `json:"user"`
	Context map[string]any `json:"context"`
	Created string         `json:"created"`
}
