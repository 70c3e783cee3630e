package caddymodule

import (
	"encoding/json"
	"log/slog"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/matchers"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/routes"
	"github.com/flowsidecar/caddy-authentik/proxy/sidecar"
)

// Handler asks every visitor of a site to sign in at authentik. It shows
// authentik's questions on its own pages, below `prefix` on the site's own
// host, and tells the application in request headers who is signed in. The only
// required option is the address of authentik.
//
// The placeholders `{env.NAME}` and `{file.PATH}` can be used in every value.
// Caddy does not start if one of them is empty or unknown.
//
// The handler sets these placeholders for the handlers after it:
//
// Placeholder | Meaning
// ------------|--------
// `{http.auth.user.id}` | the username, as Caddy's own authentication sets it, spelled as in the headers
// `{http.auth.user.username}` | the username
// `{http.auth.user.name}` | the full name
// `{http.auth.user.email}` | the e-mail address
// `{http.auth.user.uid}` | authentik's stable, opaque id of the user
// `{http.auth.user.groups}` | the names of the groups, separated by commas
// `{http.auth.user.session}` | a public id of the session, for logs
// `{http.auth.user.assertion}` | a signed statement about the user; set only if a header in `headers` contains it
// `{http.auth.user.attributes.KEY}` | with client_id and the scope ak_proxy, one of the user's attributes in authentik
// `{http.auth.user.CLAIM}` | with client_id, any other claim of OpenID Connect about the user; lists are separated by commas
// `{http.auth.user.access_token}` | with client_id, the access token, for requests on the user's behalf; set only if a header in `headers` contains it
type Handler struct {
	// The requests that need a signed-in visitor. Default: all. Other requests are
	// open to everyone. Identity headers that a client has made up are removed
	// from them too, and the handler always answers its own addresses itself. A
	// request that was rewritten before it gets here is open only if it is open
	// both as it was sent and as it is now. An address that servers read in
	// different ways, for example with `;`, `%2f` or `//`, is never open by its
	// path.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Further requests that are open to everyone, in addition to those that
	// `match` leaves open. An open request needs no sign-in unless a rule of `on`
	// demands something of it. If the request was rewritten before, it must match
	// both as it was sent and as it is now. Default: none.
	OpenRaw caddyhttp.RawMatcherSets `json:"open,omitempty" caddy:"namespace=http.matchers"`

	// Rules for some requests. A request must meet every rule that matches it, in
	// addition to what is demanded of all requests. Default: none.
	On []*Rule `json:"on,omitempty"`

	// Programs without a browser, such as clients of CalDAV, WebDAV and git. They
	// show a credential in the header Authorization of each request. Default: no
	// program is let in.
	Clients Clients `json:"clients,omitzero"`

	// Whether CORS preflights pass without a sign-in. Browsers send a preflight
	// before a script of another origin may use the application. Cookies,
	// credentials and identity headers are removed from it, and the request that
	// follows needs a sign-in like any other. Default: preflights are refused.
	Preflight bool `json:"preflight,omitempty"`

	// The address of authentik as Caddy reaches it, for example
	// `http://authentik-server:9000`. Required.
	URL string `json:"url,omitempty"`

	// The address of authentik as browsers reach it, for example
	// `https://auth.example.com`. Default: `url`.
	PublicURL string `json:"public_url,omitempty"`

	// PEM files with certificate authorities to trust for `url`, in addition to
	// those of the system. Default: none.
	Trust []string `json:"trust,omitempty"`

	// The SHA-256 of the public key in authentik's certificate, as 64 hexadecimal
	// digits, for a certificate that no authority has signed. Then only this key
	// is accepted, and the certificate's name and dates do not matter. It cannot
	// be used with `trust`. Default: certificates are verified by name and
	// authority.
	Pin string `json:"pin,omitempty"`

	// The host name that authentik's certificate must have, if it differs from the
	// host of `url`. Default: the host of `url`; if that is an IP address, the
	// host of `public_url` as well.
	TLSName string `json:"tls_name,omitempty"`

	// The host name that authentik is told in the Host header. `public` is the
	// host of `public_url`. `page` is the host of this site, so that passkeys
	// and links in e-mails belong to this site; it needs a connection to
	// authentik without a proxy that selects by host, and `site` if the site's
	// address is only a port or has a wildcard. Default: `page` with
	// `login relay`, otherwise `public`.
	Host string `json:"host,omitempty"`

	// The scheme and host of this site as browsers see them, for example
	// `https://app.example.com`. Needed only if requests arrive with another
	// scheme or host. Default: what the request says.
	Site string `json:"site,omitempty"`

	// The slug of the authentication flow, for example
	// `default-authentication-flow`. It cannot be used with `client_id`, where
	// authentik's provider selects the flow. Default: the flow of authentik's
	// brand for the host.
	Flow string `json:"flow,omitempty"`

	// The slug of the application in authentik whose policy, group and user
	// bindings decide who may pass. Default: everyone who can sign in may pass.
	Application string `json:"application,omitempty"`

	// Further rules about who may pass. All of them must hold. Default: none.
	Require []Requirement `json:"require,omitempty"`

	// Whether visitors must have signed in with a second factor. Needs
	// `client_id`, or `login_at` and a login host with `step_up`. Default:
	// authentik's flow decides.
	RequireMFA bool `json:"require_mfa,omitempty"`

	// How old a sign-in at authentik may be, for example `8h`; at least `1m`. When
	// it is older, visitors have to sign in again. Needs `client_id` or
	// `login_at`. Default: no limit.
	MaxAge string `json:"max_age,omitempty"`

	// The client ID at the OAuth2 provider of `application`; `application` is then
	// required. Sign-ins use OpenID Connect. Default: sign-ins use authentik's own
	// session and need no provider.
	ClientID string `json:"client_id,omitempty"`

	// The client secret at the provider. Write it as a placeholder, for example
	// `{file./run/secrets/client_secret}`. Default: none, for a public client.
	ClientSecret string `json:"client_secret,omitempty"`

	// The scopes that authentik is asked for. `openid` is always added, and
	// `offline_access` if authentik offers it; `ak_proxy` gives the user's
	// attributes. Needs `client_id`. Default: `openid`, `profile` and `email`.
	Scopes []string `json:"scopes,omitempty"`

	// Says that the address of the sign-out page
	// (`https://<site>/.authentik/logout`) is registered at the provider as a
	// redirect URI of the type "logout". With `login redirect` authentik then
	// sends the browser back after a sign-out. Do not set it if the address is not
	// registered: authentik 2026.8 and later then refuses the sign-out. Needs
	// `client_id`. Default: the visitor stays on authentik's page after the
	// sign-out.
	SignOutBack bool `json:"sign_out_back,omitempty"`

	// How visitors sign in: with `page` on pages of the handler, with `relay`
	// in authentik's own interface on this site's host, with `redirect` at
	// authentik's own address, which needs `client_id`. Default: `page`.
	Login string `json:"login,omitempty"`

	// The address of the login host where visitors sign in instead of here, for
	// example `https://auth.example.com`: a site with `login_host`, with the same
	// `sessions` and `key`. It cannot be used with `flow` or `client_id`. With
	// `login` `page`, visitors sign in on this site, and at the login host only if
	// the page cannot do what authentik wants. Other values of `login` cannot be
	// used, and of `host` only `page`, together with `login` `page`. Default:
	// visitors sign in on this site.
	LoginAt string `json:"login_at,omitempty"`

	// Makes this site a login host, where visitors of the sites with `login_at`
	// sign in. It guards nothing: authentik itself is behind it. With `authentik`
	// visitors sign in on authentik's own pages, with `page` on the handler's
	// pages. Default: the site is not a login host.
	LoginHost string `json:"login_host,omitempty"`

	// The slug of the flow that signs visitors in with a second factor, for sites
	// with `login_at` and `require_mfa`. No user without a second factor may get to
	// its end. Needs `login_host`. Default: no site can demand a second factor.
	StepUp string `json:"step_up,omitempty"`

	// The signed assertions that a header with the claim `assertion` contains.
	// They need `site`.
	Assertion Assertion `json:"assertion,omitzero"`

	// How the gate signs users in at an application with its own login. Default:
	// users sign in there themselves.
	SignOn SignOn `json:"sign_on,omitzero"`

	// Paths by which the application signs its users out, for example `/logout`. A
	// user who opens one from a page of this site is signed out here as well, after
	// the application has answered. Default: none.
	SignOut []string `json:"sign_out,omitempty"`

	// What the sign-in page looks like.
	Page Page `json:"page,omitzero"`

	// The longest time that a session lasts, for example `90m`, `24h` or `7d`;
	// at least `1m`. Default: `24h`.
	Lifetime string `json:"lifetime,omitempty"`

	// How long a session may be unused before it ends, for example `30m`; at
	// least `2m`, and accurate to a minute. Default: as long as `lifetime`.
	Idle string `json:"idle,omitempty"`

	// How often the handler asks authentik whether the visitor may still pass, for
	// example `1m`; at least `10s`. Default: `5m`.
	Recheck string `json:"recheck,omitempty"`

	// How long sessions go on after an overdue recheck while authentik cannot
	// be reached, for example `1h`. After that they are refused until authentik
	// is back. With `0s` they are refused at once. Default: `15m`.
	Grace string `json:"grace,omitempty"`

	// How many sessions a user may have at the same time with this flow and
	// this cookie; at most 1000. The oldest session ends when there would be
	// more. Default: no limit.
	MaxPerUser Number `json:"max_per_user,omitempty"`

	// Where sessions are kept. Default: `storage`, which is Caddy's storage.
	SessionsRaw json.RawMessage `json:"sessions,omitempty" caddy:"namespace=http.handlers.authentik.sessions inline_key=store"`

	// The secret from which all encryption keys are derived; at least 32
	// characters. It must be the same for all Caddys that serve the same site
	// without a common storage. Default: a random key, which is created once
	// and kept in Caddy's storage.
	Key string `json:"key,omitempty"`

	// The session cookie.
	Cookie Cookie `json:"cookie,omitzero"`

	// Cookies of the application that expire when another user signs in on the
	// same browser. Default: none.
	AppCookies []AppCookie `json:"app_cookies,omitempty"`

	// What the browser clears of this site when another user signs in on it, as in
	// the response header Clear-Site-Data: `cache`, `storage` or both. Default:
	// nothing.
	ClearSiteData []string `json:"clear_site_data,omitempty"`

	// Paths that accept forms of other sites, for example a SAML response. If a
	// visitor who sends such a form has to sign in first, the handler keeps the
	// form and sends it after the sign-in; it then looks like a form of this site.
	// Default: only forms of this site are kept.
	LateForms []string `json:"late_forms,omitempty"`

	// What caches may keep of the application's responses to signed-in visitors,
	// if the application does not send `public`, `s-maxage`, `private`, `no-cache`
	// or `no-store`. With `private` the response gets `Cache-Control: private`, and
	// a page also `no-cache`; signing out clears the browser's cache of this site.
	// With `off` nothing is added. Default: `private`.
	Cache string `json:"cache,omitempty"`

	// The headers that tell the application about the visitor.
	Headers Headers `json:"headers,omitzero"`

	// Whether there is a line for each sign-in, wrong answer, refusal, sign-out
	// and end of a session, all with the same fields, in the logger
	// `http.handlers.authentik.audit`. Default: no lines are written.
	Audit bool `json:"audit,omitempty"`

	// The name of a group in authentik. Its members, signed in, get the reasons of
	// each decision about their requests in the response header
	// `X-Authentik-Explain`. Default: no response has this header.
	Debug string `json:"debug,omitempty"`

	// Makes the gate decide for sites that other proxies serve: nginx, Traefik,
	// HAProxy, Envoy or another Caddy. Default: the gate guards the handlers after
	// it.
	ForwardAuth *ForwardAuth `json:"forward_auth,omitempty"`

	// The path below which the handler has its own addresses. Default:
	// `/.authentik`.
	Prefix string `json:"prefix,omitempty"`

	log       *slog.Logger
	posts     []post           // the handler's gates: one, or with forward_auth one for each application
	sidecar   *sidecar.Sidecar // only with forward_auth
	openness  matchers.Openness
	site      routes.Site
	storeName string         // distinguishes its store from the stores of neighbouring gates
	release   []func() error // undo the steps of Provision, the last one first
}

// Page is what the sign-in page looks like.
type Page struct {
	// The name on the page. Default: the title of authentik's brand.
	Title string `json:"title,omitempty"`

	// The address of the picture on the page. Default: the logo of authentik's
	// brand.
	Logo string `json:"logo,omitempty"`

	// The path of a style sheet that is added after the page's own, for example
	// `/etc/caddy/signin.css`; at most 256 KiB, read when Caddy starts. It
	// cannot load anything from other hosts. Default: none.
	Style string `json:"style,omitempty"`

	// The path of a directory with templates that replace built-in templates of
	// the same name, read when Caddy starts. Templates are code: they see what
	// visitors type and can send it anywhere on this site, so only you should
	// be able to write them. Default: none.
	Templates string `json:"templates,omitempty"`

	// The language of every page, for example `de` or `pt-BR`. authentik is
	// asked to use it as well. Default: what the visitor's browser prefers.
	Language string `json:"language,omitempty"`
}
