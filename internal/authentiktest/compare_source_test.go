package authentiktest

import "regexp"

// sourceNormalisations are those of other identity providers and of SAML.
func sourceNormalisations() []normalisation {
	return []normalisation{
		{"state", regexp.MustCompile(`^[A-Za-z0-9]{32}$`), "random"},
		{"location", regexp.MustCompile(`^(?:https:|/source/kerberos/).*[?&]state=([A-Za-z0-9]{32})(?:&|$)`), "only the state in it is random"},
		{"location", regexp.MustCompile(`^https:.*[?&]SAMLRequest=([A-Za-z0-9%]+)$`), "the request, packed: it has an ID and a time"},
		{"SAMLRequest", regexp.MustCompile(`^[A-Za-z0-9+/]{64,}=*$`), "it has an ID and a time"},
	}
}
