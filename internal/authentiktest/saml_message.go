package authentiktest

import (
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"time"
)

// samlSpaces declares the XML namespaces of messages.
const samlSpaces = `xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ` +
	`xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ` +
	`xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"`

const (
	samlIssuer  = `<saml:Issuer>authentik</saml:Issuer>`
	samlSuccess = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`
	samlNameID  = `<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">%s</saml:NameID>`
)

// A samlRequest holds what is read of an application's request.
type samlRequest struct {
	ID  string `xml:"ID,attr"`
	ACS string `xml:"AssertionConsumerServiceURL,attr"`
}

// samlLimit is the maximum size of an unpacked message.
const samlLimit = 1 << 20

// samlRequest reads the message of an application and its RelayState.
func (v *visit) samlRequest() (request samlRequest, relay string, err error) {
	packed, relay := v.query("SAMLRequest"), v.query("RelayState")
	post := v.request.Method == http.MethodPost
	if post {
		packed, relay = v.request.PostFormValue("SAMLRequest"), v.request.PostFormValue("RelayState")
	}
	if packed == "" {
		return request, "", errors.New("there is no SAML request")
	}
	message := base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed))
	if !post {
		message = flate.NewReader(message)
	}
	if err := xml.NewDecoder(io.LimitReader(message, samlLimit)).Decode(&request); err != nil {
		return request, "", fmt.Errorf("reading the SAML request: %w", err)
	}
	return request, relay, nil
}

// samlAddress packs a message into an address.
func samlAddress(to, name, message, relay string) string {
	to += "?" + name + "=" + escape(deflated(message))
	if relay != "" {
		to += "&RelayState=" + escape(relay)
	}
	return to
}

func (v *visit) samlTime(in time.Duration) string {
	return v.srv.now().Add(in).UTC().Format(time.RFC3339)
}

// response is the Response with the assertion about the user.
func (s *samlSignOn) response(v *visit) string {
	to, answers := html.EscapeString(s.app.SAML.ACS), ""
	if s.id != "" {
		answers = `InResponseTo="` + html.EscapeString(s.id) + `"`
	}
	return fmt.Sprintf(`<samlp:Response %s Version="2.0" IssueInstant="%s" Destination="%s" ID="_%s"%s>`,
		samlSpaces, v.samlTime(0), to, uuidHex(), strings.TrimRight(" "+answers, " ")) +
		samlIssuer + samlSuccess + fmt.Sprintf(`<saml:Assertion Version="2.0" ID="_%s" IssueInstant="%s">`, uuidHex(), v.samlTime(0)) +
		samlIssuer + `<saml:Subject>` + fmt.Sprintf(samlNameID, v.user.UID) +
		`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
		fmt.Sprintf(`<saml:SubjectConfirmationData %sNotOnOrAfter="%s" Recipient="%s"/>`,
			strings.TrimLeft(answers+" ", " "), v.samlTime(5*time.Minute), to) +
		`</saml:SubjectConfirmation></saml:Subject>` + s.conditions(v) + s.statement(v) +
		`<saml:AttributeStatement/></saml:Assertion></samlp:Response>`
}

// conditions are the audience and the lifetime of the assertion.
func (s *samlSignOn) conditions(v *visit) string {
	return fmt.Sprintf(`<saml:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml:AudienceRestriction>`+
		`<saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
		v.samlTime(-5*time.Minute), v.samlTime(5*time.Minute), html.EscapeString(s.app.SAML.Audience))
}

// statement is when and how the user has signed in.
func (s *samlSignOn) statement(v *visit) string {
	l, _ := v.session.data[dataLogin].(login)
	return fmt.Sprintf(`<saml:AuthnStatement AuthnInstant="%s" SessionIndex="%s" SessionNotOnOrAfter="%s">`+
		`<saml:AuthnContext><saml:AuthnContextClassRef>`+
		`urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport`+
		`</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
		l.at.UTC().Format(time.RFC3339), sidOf(v.session.id), v.samlTime(60*24*time.Hour))
}

// samlLogoutRequest tells an application of the end of a session.
func (v *visit) samlLogoutRequest(app Application) string {
	return fmt.Sprintf(`<samlp:LogoutRequest %s ID="_%s" Version="2.0" IssueInstant="%s" Destination="%s">`,
		samlSpaces, uuidHex(), v.samlTime(0), html.EscapeString(app.SAML.SLS)) +
		samlIssuer + fmt.Sprintf(samlNameID, v.user.UID) +
		`<samlp:SessionIndex>` + sidOf(v.session.id) + `</samlp:SessionIndex></samlp:LogoutRequest>`
}

// samlLogoutResponse tells an application that its logout request was granted.
func (v *visit) samlLogoutResponse(app Application, id string) string {
	return fmt.Sprintf(`<samlp:LogoutResponse %s Version="2.0" IssueInstant="%s" ID="_%s" Destination="%s" InResponseTo="%s">`,
		samlSpaces, v.samlTime(0), uuidHex(), html.EscapeString(app.SAML.SLS), html.EscapeString(id)) +
		samlIssuer + samlSuccess + `</samlp:LogoutResponse>`
}

// xmlHead precedes logout messages that go in an address.
const xmlHead = "<?xml version='1.0' encoding='UTF-8'?>\n"
