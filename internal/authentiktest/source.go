package authentiktest

import (
	"slices"
	"strings"
)

// A Source is another identity provider: a button in identification, and the
// views behind it.
type Source struct {
	Slug, Name, Icon string
	Promoted         bool

	// Kind is what choosing the button does. Without a kind, the button has
	// Challenge and no view.
	Kind      SourceKind
	Challenge map[string]any

	ClientID   string   // of OAuth, Apple and Plex
	URL        string   // where the provider of OAuth, Apple or SAML receives visitors
	Scopes     []string // of OAuth and Apple
	Parameters string   // more parameters for an OAuth provider, as a query
	Issuer     string   // of SAML: the name of authentik

	Bot, BotToken string // of Telegram
	AskMessages   bool   // of Telegram: request_message_access

	// Person stands for an OAuth provider's token and profile endpoints: it
	// returns who a code is for. An error means that the provider refuses the
	// code.
	Person func(code string) (Person, error)

	// Redeem stands for Plex: it returns who a token is for, and whether that
	// person shares a server or is a friend. Without it authentik cannot reach
	// Plex.
	Redeem func(token string) (p Person, allowed bool)

	// DenyEmail refuses persons with the address of a user who is not linked to
	// them (user_matching_mode email_deny); without it they are enrolled.
	DenyEmail bool

	// Slugs of flows.
	PreAuthenticationFlow, AuthenticationFlow, EnrollmentFlow string
}

// A SourceKind is a protocol, or a provider with its own protocol.
type SourceKind string

// The kinds of sources. Those of SAML differ in their binding.
const (
	SourceOAuth        SourceKind = "oauth"
	SourceApple        SourceKind = "apple"
	SourcePlex         SourceKind = "plex"
	SourceSAMLRedirect SourceKind = "saml-redirect"
	SourceSAMLPost     SourceKind = "saml-post"
	SourceSAMLPostAuto SourceKind = "saml-post-auto"
	SourceKerberos     SourceKind = "kerberos"
	SourceTelegram     SourceKind = "telegram"
)

// A Person is a visitor as the provider knows them.
type Person struct{ ID, Username, Name, Email string }

// A linked is a person at a source. A user may be linked to several.
type linked struct{ source, id string }

func sourceRoutes() []route {
	return []route{
		{"/source/oauth/login/{slug}/", with((*visit).sourceOAuth, SourceOAuth, SourceApple)},
		{"/source/oauth/callback/{slug}/", with((*visit).sourceReturn, SourceOAuth)},
		{"/source/saml/{slug}/", with((*visit).sourceSAML, SourceSAMLRedirect, SourceSAMLPost, SourceSAMLPostAuto)},
		{"/source/kerberos/{slug}/", with((*visit).sourceKerberos, SourceKerberos)},
		{"/source/telegram/{slug}/start/", with((*visit).sourceTelegram, SourceTelegram)},
		{"/api/v3/sources/plex/redeem_token/", (*visit).sourcePlex},
	}
}

// with calls a view with the source in the address, if it is of one of the
// kinds.
func with(view func(*visit, Source) *response, kinds ...SourceKind) func(*visit) *response {
	return func(v *visit) *response {
		source, found := v.srv.source(v.args["slug"])
		if !found || !slices.Contains(kinds, source.Kind) {
			return v.notFound()
		}
		return view(v, source)
	}
}

func (s *Server) source(slug string) (Source, bool) {
	i := slices.IndexFunc(s.sources, func(one Source) bool { return slug != "" && one.Slug == slug })
	if i < 0 {
		return Source{}, false
	}
	return s.sources[i], true
}

// button is a source in identification.
func (s Source) button(v *visit) object {
	b := object{"name": s.Name, "icon_url": nil, "challenge": s.chosen(v)}
	if s.Icon != "" {
		b["icon_url"] = v.srv.static(s.Icon)
	}
	if v.srv.dialect.promotedSources {
		b["promoted"] = s.Promoted
	}
	return b
}

// chosen is the challenge of a button. Most lead to a view; those of Apple and
// Plex are for a script.
func (s Source) chosen(v *visit) any {
	switch s.Kind {
	case "":
		return s.Challenge
	case SourceApple:
		return object{
			"component": "ak-source-oauth-apple", "client_id": s.ClientID, "scope": strings.Join(s.Scopes, " "),
			"redirect_uri": s.callback(v), "state": s.state(v),
		}
	case SourcePlex:
		return object{"component": "ak-source-plex", "client_id": s.ClientID, "slug": s.Slug}
	case SourceOAuth:
		return v.redirection(v.srv.url("/source/oauth/login/"+s.Slug+"/"), false)
	case SourceTelegram:
		return v.redirection(v.srv.url("/source/telegram/"+s.Slug+"/start/"), false)
	}
	kind, _, _ := strings.Cut(string(s.Kind), "-")
	return v.redirection(v.srv.url("/source/"+kind+"/"+s.Slug+"/"), false)
}

// sourceKerberos redirects the browser to itself, so that one that cannot
// negotiate is noticed.
func (v *visit) sourceKerberos(s Source) *response {
	return v.moved(v.srv.url("/source/kerberos/" + s.Slug + "/?state=" + random(32)))
}
