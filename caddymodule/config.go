package caddymodule

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Handler asks every visitor of a site to sign in at authentik. It shows
// authentik's questions on pages of its own, below prefix on the site's own
// host, and tells the application behind it in request headers who is signed
// in. All it needs is the address of authentik.
//
// The placeholders `{env.NAME}` and `{file.PATH}` can stand in every value;
// one that is empty or unknown keeps Caddy from starting.
//
// For what comes after it, the handler sets these placeholders:
//
// Placeholder | Meaning
// ------------|--------
// `{http.auth.user.id}` | the username, as Caddy's own authentication sets it
// `{http.auth.user.username}` | the username
// `{http.auth.user.name}` | the full name
// `{http.auth.user.email}` | the e-mail address
// `{http.auth.user.uid}` | authentik's stable, opaque id of the user
// `{http.auth.user.groups}` | the names of the groups, separated by commas
// `{http.auth.user.attributes.KEY}` | one of the user's attributes in authentik
// `{http.auth.user.session}` | a public id of the session, for logs
// `{http.auth.user.CLAIM}` | with client_id, any other claim of OpenID Connect; lists are separated by commas
// `{http.auth.user.access_token}` | with client_id, the access token, for requests in authentik's name: filled only where one of the own headers tells it, as no other gate keeps it at hand
type Handler struct {
	// The requests that need a signed-in visitor. Default: all. What is left
	// out here is open to everybody, but still loses every identity header
	// that the client made up, and the handler's own addresses are answered
	// all the same. A request that was rewritten on its way here is left out
	// only if it would be left out as it was asked as well.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// The address of authentik as Caddy reaches it. Required.
	URL string `json:"url,omitempty"`

	// The address of authentik as browsers reach it. Default: url.
	PublicURL string `json:"public_url,omitempty"`

	// PEM files with certificate authorities to trust for url, besides those
	// of the system.
	Trust []string `json:"trust,omitempty"`

	// Whose name authentik is told in the Host header: "public" for its own,
	// "page" for this site's, so that passkeys and links in mails belong to
	// this site. "page" needs an authentik that is reached directly and not
	// through a proxy that chooses by host. Default: public, and page with
	// login relay.
	Host string `json:"host,omitempty"`

	// This site as browsers see it, as https://app.example.com, for where the
	// request does not say it truly. Default: what the request says.
	Site string `json:"site,omitempty"`

	// The slug of the authentication flow. With client_id authentik's provider
	// picks it. Default: what authentik's brand for its host says.
	Flow string `json:"flow,omitempty"`

	// The slug of the application in authentik whose bindings decide who may
	// pass. Default: everybody who can sign in may pass.
	Application string `json:"application,omitempty"`

	// Who may pass, of those whom authentik lets in: every rule must hold.
	// Default: all of them.
	Require []Requirement `json:"require,omitempty"`

	// Whether visitors must have signed in with a second factor. Needs
	// client_id. Default: what authentik's flow asks for suffices.
	RequireMFA bool `json:"require_mfa,omitempty"`

	// How long ago the sign-in at authentik may be, as 8h, at least 1m: after
	// that visitors sign in again. Needs client_id. Default: any time.
	MaxAge string `json:"max_age,omitempty"`

	// The client's identifier at the OAuth2 provider of application, which it
	// needs. With it visitors are known by OpenID Connect. Default: they are
	// known by authentik's own session, which needs no provider.
	ClientID string `json:"client_id,omitempty"`

	// The client's secret at the provider. Write it as a placeholder, as
	// {file./run/secrets/client_secret}. Default: none, for a public client.
	ClientSecret string `json:"client_secret,omitempty"`

	// What authentik is asked to tell about visitors, as openid, profile and
	// email. openid is always asked for, and offline_access where authentik
	// offers it. Needs client_id. Default: openid, profile and email.
	Scopes []string `json:"scopes,omitempty"`

	// How the visitor signs in: "page" on a page of our own, "relay" with
	// authentik's own interface on this site's host, "redirect" at authentik's
	// own address, which needs client_id. Default: page.
	Login string `json:"login,omitempty"`

	// The looks of the sign-in page.
	Page Page `json:"page,omitzero"`

	// How long a session lasts at most, as 90m, 24h or 7d. Default: 24h.
	Lifetime string `json:"lifetime,omitempty"`

	// How long a session may be unused before it ends, as 30m, at least 2m. It
	// is kept to within a minute. Default: as long as it lasts.
	Idle string `json:"idle,omitempty"`

	// How often authentik is asked whether the visitor may still pass, as 5m,
	// at least 10s. Default: 5m.
	Recheck string `json:"recheck,omitempty"`

	// For how long after such a question was due an authentik that cannot be
	// reached is forgiven, as 15m; after that the session is refused until
	// authentik is back. 0s forgives nothing. Default: 15m.
	Grace string `json:"grace,omitempty"`

	// How many sessions a user may have at once with this flow and this cookie,
	// at most 1000. The oldest ends when one more begins. Default: no limit.
	MaxPerUser Number `json:"max_per_user,omitempty"`

	// Where sessions are kept. Default: storage, which is Caddy's own.
	SessionsRaw json.RawMessage `json:"sessions,omitempty" caddy:"namespace=http.handlers.authentik.sessions inline_key=store"`

	// The secret of at least 32 characters from which the keys of everything
	// sealed are made; the same for all Caddys that serve the same site
	// without a common storage. Default: made once and kept in Caddy's
	// storage.
	Key string `json:"key,omitempty"`

	// The cookie that knows a session again.
	Cookie Cookie `json:"cookie,omitzero"`

	// What the application is told about the visitor.
	Headers Headers `json:"headers,omitzero"`

	// The path below which the handler's own addresses are. Default:
	// /.authentik.
	Prefix string `json:"prefix,omitempty"`

	gate     *proxy.Gate
	kept     keeping
	matchers caddyhttp.MatcherSets
	release  []func() error // what Cleanup has to do, the last first
}

// Requirement is a rule about who may pass. It holds for visitors of whom one
// of its values is true.
type Requirement struct {
	// What it is about: "group" for the names of groups, "user" for usernames
	// or authentik's ids of users, or, with client_id, a claim of OpenID Connect.
	Claim string `json:"claim"`

	// The values, of which one suffices. They are compared as they are, case
	// included.
	Values []string `json:"values"`
}

// Page is how the sign-in page looks.
type Page struct {
	// The name on the page. Default: the title of authentik's brand.
	Title string `json:"title,omitempty"`

	// The address of the picture on the page. Default: the logo of
	// authentik's brand.
	Logo string `json:"logo,omitempty"`

	// A style sheet that comes after the page's own, as
	// /etc/caddy/signin.css: at most 256 KiB, read when Caddy starts. What it
	// asks of other hosts is not loaded. Default: none.
	Style string `json:"style,omitempty"`

	// A directory with templates that take the place of those of the same name
	// of package page, one by one, read when Caddy starts. They are code of
	// yours: nobody else should be able to write them, since a template sees
	// what visitors type and can send it anywhere on this site. Default: none.
	Templates string `json:"templates,omitempty"`

	// The language of every page, as de or pt-BR; authentik is asked to speak
	// it too. Default: what the visitor's browser asks for, as authentik
	// chooses.
	Language string `json:"language,omitempty"`
}

// Cookie is the cookie that knows a session again.
type Cookie struct {
	// Its name, before the prefixes that browsers know (__Host-, __Secure-).
	// Default: authentik_gate.
	Name string `json:"name,omitempty"`

	// The domain below which all hosts share one session. Default: this host
	// alone.
	Domain string `json:"domain,omitempty"`

	// Whether it outlives the browser's session, up to the lifetime. Default:
	// it ends with the browser.
	Persistent bool `json:"persistent,omitempty"`
}

// Headers is what the application is told about the visitor.
type Headers struct {
	// "remote" for Remote-User, Remote-Name, Remote-Email and Remote-Groups;
	// "authentik" for the names and formats of authentik's own proxy; "off"
	// for none. Default: remote, or off where there are headers of one's own.
	Preset string `json:"preset,omitempty"`

	// Headers of one's own, added to those of the preset or in their place.
	Own []Header `json:"own,omitempty"`
}

// Header is one header of one's own.
type Header struct {
	// The name of the header.
	Name string `json:"name"`

	// What it says: a claim (username, name, email, uid, groups, session or
	// attributes.KEY; with client_id also access_token, and any claim of OpenID
	// Connect), or a text with placeholders.
	Value string `json:"value"`

	// filled is set when placeholders were replaced in Value, which may leave
	// none to tell a text by.
	filled bool
}

// isText reports whether the header says a text with placeholders, and not a
// claim.
func (own Header) isText() bool { return own.filled || strings.Contains(own.Value, "{") }

// Number is a whole number, or a placeholder for one.
type Number string

// MarshalJSON writes a number as one, and a placeholder as a text.
func (n Number) MarshalJSON() ([]byte, error) {
	if _, err := strconv.Atoi(string(n)); err == nil {
		return []byte(n), nil
	}
	return json.Marshal(string(n))
}

// UnmarshalJSON reads a number, or a text with a placeholder.
func (n *Number) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, (*string)(n))
	}
	*n = Number(text)
	return nil
}

// A setting is an option with one value.
type setting struct {
	name  string             // as the Caddyfile calls it, with its block before it
	value *string            // where it is kept
	check func(string) error // what is wrong with a value
	usage string             // an example to follow
}

// settings lists the options that take one value. The parser of the Caddyfile
// and Provision go by the same list, so that both know the same options and
// refuse the same values.
func (h *Handler) settings() []setting {
	return []setting{
		{"url", &h.URL, address("https://auth.example.com"), "url https://auth.example.com"},
		{"public_url", &h.PublicURL, address("https://auth.example.com"), "public_url https://auth.example.com"},
		{"host", &h.Host, oneOf("public", "page"), "host page"},
		{"site", &h.Site, checkOrigin, "site https://app.example.com"},
		{"flow", &h.Flow, checkSlug, "flow default-authentication-flow"},
		{"application", &h.Application, checkSlug, "application wiki"},
		{"max_age", &h.MaxAge, atLeast(time.Minute, "less than a minute, in which nobody can sign in", "8h"), "max_age 8h"},
		{"client_id", &h.ClientID, checkClientID, "client_id wiki"},
		{"client_secret", &h.ClientSecret, checkSecret, "client_secret {file./run/secrets/client_secret}"},
		{"login", &h.Login, oneOf("page", "relay", "redirect"), "login page"},
		{"page title", &h.Page.Title, checkText, `title "Example Ltd."`},
		{"page logo", &h.Page.Logo, checkLogo, "logo https://www.example.com/logo.svg"},
		{"page style", &h.Page.Style, checkStyle, "style /etc/caddy/signin.css"},
		{"page templates", &h.Page.Templates, checkTemplates, "templates /etc/caddy/signin"},
		{"page language", &h.Page.Language, proxy.CheckPageLanguage, "language de"},
		{"lifetime", &h.Lifetime, atLeast(time.Minute, "less than a minute, too short for anybody", "24h"), "lifetime 7d"},
		{"idle", &h.Idle, atLeast(2*time.Minute, "less than two minutes, and whether a session is used is kept to a minute", "30m"), "idle 30m"},
		{"recheck", &h.Recheck, atLeast(10*time.Second, "less than ten seconds, too often for authentik", "5m"), "recheck 5m"},
		{"grace", &h.Grace, atLeast(0, "less than nothing", "15m, or 0s to forgive nothing"), "grace 15m"},
		{"max_per_user", (*string)(&h.MaxPerUser), checkMaxPerUser, "max_per_user 3"},
		{"key", &h.Key, checkKey, "key {file./run/secrets/gate_key}"},
		{"cookie name", &h.Cookie.Name, checkCookieName, "name example_session"},
		{"cookie domain", &h.Cookie.Domain, checkDomain, "domain example.com"},
		{"headers", &h.Headers.Preset, oneOf("remote", "authentik", "off"), "headers authentik"},
		{"prefix", &h.Prefix, checkPrefix, "prefix /.authentik"},
	}
}
