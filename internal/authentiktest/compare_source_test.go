package authentiktest

import (
	"compress/flate"
	"encoding/base64"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// sourceNormalisations are those of other identity providers and of SAML.
// What SAML messages say is compared all the same, by samlText.
func sourceNormalisations() []normalisation {
	const why = "the message has an ID and a time"
	form, address := regexp.MustCompile(`^[A-Za-z0-9+/]{64,}=*$`), regexp.MustCompile(`^https:.*[?&]SAML(?:Request|Response)=([A-Za-z0-9%]+)`)
	return []normalisation{
		{"state", regexp.MustCompile(`^[A-Za-z0-9]{32}$`), "random"},
		{"location", regexp.MustCompile(`^(?:https:|/source/kerberos/).*[?&]state=([A-Za-z0-9]{32})(?:&|$)`), "only the state in it is random"},
		{"location", address, why},
		{"url", address, why},
		{"redirect_url", address, why},
		{"SAMLRequest", form, why},
		{"SAMLResponse", form, why},
		{"saml_request", form, why},
	}
}

var samlVaries = regexp.MustCompile(`\b((?:ID|IssueInstant|NotBefore|NotOnOrAfter|AuthnInstant|SessionIndex|SessionNotOnOrAfter)=)"[^"]+"` +
	`|(<(?:saml:NameID|samlp:SessionIndex)\b[^>]*>)[0-9a-f]{64}<`)

// samlText returns the text of a packed SAML message without what is unique to one
// message, one session or one installation. It is empty for anything else.
func samlText(packed string) string {
	packed, err := url.PathUnescape(packed)
	if err != nil {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return ""
	}
	if text, err := io.ReadAll(flate.NewReader(strings.NewReader(string(raw)))); err == nil {
		raw = text
	}
	if !strings.Contains(string(raw), "<samlp:") {
		return ""
	}
	return samlVaries.ReplaceAllString(string(raw), "$1$2")
}
