package authentiktest

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// languages are those that authentik has translations for, in the order of the
// matcher; the first is the default.
var languages = []string{
	"en", "cs", "de", "es", "fi", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh-hans", "zh-hant",
}

const noIdentification = "No identification data provided."

// translations holds the texts that recordings show in other languages.
var translations = map[string]map[string]string{
	"de": {
		"Log in":                        "Anmelden",
		"Invalid password":              "Ungültiges Passwort",
		"Failed to authenticate.":       "Authentifizierung fehlgeschlagen.",
		noIdentification:                "Es wurden keine Identifikationsdaten angegeben.",
		"Continue":                      "Weiter",
		"Go home":                       "Zur Startseite",
		"Permission denied":             "Erlaubnis verweigert",
		"This field may not be blank.":  "Dieses Feld darf nicht leer sein.",
		"This field is required.":       "Dieses Feld ist erforderlich.",
		"Enter a valid email address.":  "Gib eine gültige E-Mail Adresse an.",
		"You're about to sign into %s.": "Sie sind dabei, sich bei %s anzumelden.",
		"Invalid Token. Please ensure the time on your device is accurate and try again.": "Ungültiger Token. " +
			"Prüfe bitte, ob die Uhrzeit auf deinem Gerät korrekt ist und versuche es erneut.",
	},
	"fr": {"Log in": "Se connecter"},
}

// text is a text in the visitor's language.
func (v *visit) text(english string) string {
	if s, ok := translations[v.tongue][english]; ok && !slices.Contains(v.srv.dialect.untranslated, english) {
		return s
	}
	return english
}

// speak chooses the language: that of the cookie, else of Accept-Language, else
// English. The Content-Language header has this one. Texts for anonymous
// visitors are in the brand's language; texts for users may be in their own
// language or in the brand's.
func (v *visit) speak() {
	v.lang = spoken(v.sent(cookieLanguage))
	header := v.request.Header.Get("Accept-Language")
	if v.lang == "" {
		v.lang = preferred(header)
	}
	v.tongue = v.lang
	if header == "" && v.srv.dialect.userLocale {
		locale, _ := v.user.setting("locale")
		v.tongue = or(spoken(or(locale, v.brand.Locale)), v.lang)
	}
	if v.user.PK == 0 {
		v.tongue = or(spoken(v.brand.Locale), v.lang)
	}
}

// preferred is the best language for an Accept-Language header.
func preferred(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return languages[0]
	}
	for _, tag := range tags {
		if name := spoken(tag.String()); name != "" {
			return name
		}
	}
	return languages[0]
}

// spoken is authentik's name for a language tag, with or without its region, or
// empty.
func spoken(tag string) string {
	for tag = strings.ToLower(tag); tag != ""; {
		if slices.Contains(languages, tag) {
			return tag
		}
		tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
	}
	return ""
}
