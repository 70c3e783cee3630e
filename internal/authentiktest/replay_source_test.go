package authentiktest

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// sourceRows are the recordings about other identity providers.
func sourceRows() []row {
	return []row{
		{name: "source-denied", replay: sourceDenied},
		{name: "source-oauth-return", replay: sourceOAuthReturn},
		{name: "source-telegram", replay: sourceTelegram},
		{name: "sources-buttons", replay: sourcesButtons},
	}
}

// openIDSource is a source of OpenID Connect that knows one person.
func openIDSource(slug, name string) Source {
	return Source{
		Slug: slug, Name: name, Icon: "/static/authentik/sources/openidconnect.svg", Kind: SourceOAuth,
		ClientID: "st-client", URL: "https://idp.example.com/authorize", Scopes: []string{"openid", "email", "profile"},
		AuthenticationFlow: "default-source-authentication", EnrollmentFlow: "default-source-enrollment",
		PreAuthenticationFlow: "default-source-pre-authentication",
	}
}

// botToken is an invented token.
const botToken = "123:replay"

// allSources are one of every kind, in the order of their names.
func allSources(r *replay) []Source {
	like := func(slug, name, icon string, kind SourceKind) Source {
		s := openIDSource(slug, name)
		s.Icon, s.Kind = "/static/authentik/sources/"+icon, kind
		return s
	}
	saml := func(slug, name string, kind SourceKind) Source {
		s := like(slug, name, "saml.png", kind)
		s.URL, s.Issuer = "https://idp.example.com/sso", "https://auth.example.com/st"
		return s
	}
	apple := like("st-apple", "St Apple", "apple.svg", SourceApple)
	apple.URL, apple.ClientID = "https://appleid.apple.com/auth/authorize", "com.example.signin"
	apple.Scopes, apple.Parameters = []string{"name", "email"}, "response_mode=form_post"
	plex := like("st-plex", "St Plex", "plex.svg", SourcePlex)
	plex.ClientID = "st-plex-client"
	oauth := openIDSource("st-oauth", "St OAuth")
	oauth.Person = func(code string) (Person, error) {
		if code != "abc" {
			return Person{}, errors.New("the code is refused")
		}
		username := map[Release]string{Release202510: "st-ext-202510", Release202605: "st-ext-20265"}[r.release]
		return Person{ID: username, Username: username, Name: "External Person", Email: "st-ext@example.com"}, nil
	}
	all := []Source{
		apple, like("st-kerberos", "St Kerberos", "kerberos.png", SourceKerberos), oauth, plex,
		saml("st-saml-post", "St SAML POST", SourceSAMLPost),
		saml("st-saml-post-auto", "St SAML POST_AUTO", SourceSAMLPostAuto),
		saml("st-saml-redirect", "St SAML REDIRECT", SourceSAMLRedirect),
	}
	if r.release != Release202510 {
		telegram := like("st-telegram", "St Telegram", "telegram.svg", SourceTelegram)
		telegram.Bot, telegram.BotToken, telegram.AskMessages = "st_example_bot", botToken, true
		all = append(all, telegram)
	}
	return all
}

// offering is a login flow with buttons for the sources.
func offering(slug string, sources ...Source) Flow {
	s := askBoth()
	s.Sources, s.ShowSourceLabels = sources, true
	f := flowOf(slug, s, &UserLoginStage{})
	f.Title = "Sources"
	return f
}

func sourcesButtons(r *replay) Config {
	return Config{Sources: allSources(r), Flows: []Flow{offering("st-sources", allSources(r)...)}}
}

func sourceOAuthReturn(r *replay) Config {
	cfg := sourcesButtons(r)
	cfg.Users = people("st-linker")
	cfg.Flows = append(cfg.Flows, titled(oneStep("st-login")))
	return cfg
}

func sourceDenied(*replay) Config {
	taken := Person{ID: "1", Username: "st-other", Name: "External Person", Email: "st-plain@example.com"}
	person := func(string) (Person, error) { return taken, nil }
	deny := openIDSource("st-oauth-deny", "St OAuth deny")
	deny.DenyEmail, deny.Person = true, person
	none := openIDSource("st-oauth-noenrol", "St OAuth no enrolment")
	none.EnrollmentFlow, none.Person = "", person
	return Config{
		Users: people("st-plain"), Sources: []Source{deny, none},
		Flows: []Flow{offering("st-sources-denied", deny, none)},
	}
}

// sourceTelegram dates and signs the answers again, except for the one that
// must be wrong.
func sourceTelegram(r *replay) Config {
	sign := func(age time.Duration) func(*recordedRequest) {
		return func(q *recordedRequest) {
			said, _ := q.Body.(map[string]any)
			said["auth_date"] = json.Number(strconv.FormatInt(time.Now().Add(-age).Unix(), 10))
			if hash, _ := said["hash"].(string); hash[:4] != "0000" {
				said["hash"] = telegramHash(botToken, said)
			}
		}
	}
	r.change("15 minutes old", sign(15*time.Minute))
	r.change("wrong hash", sign(0))
	r.change("good answer", sign(0))
	return sourcesButtons(r)
}
