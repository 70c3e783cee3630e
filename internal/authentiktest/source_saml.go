package authentiktest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"html"
	"time"
)

// sourceSAML asks a SAML provider who the visitor is, in an address or in a
// form.
func (v *visit) sourceSAML(s Source) *response {
	if s.Kind == SourceSAMLRedirect {
		v.session.begun, v.session.modified = true, true
		return v.moved(s.URL + "?SAMLRequest=" + escape(deflated(s.request(v))))
	}
	form := &autosubmitStage{
		URL: s.URL, Title: "Redirecting to " + s.Name + "...",
		Attrs: object{"SAMLRequest": base64.StdEncoding.EncodeToString([]byte(s.request(v))), "RelayState": ""},
	}
	stages := []Stage{form}
	if s.Kind == SourceSAMLPost {
		stages = []Stage{&ConsentStage{}, form}
	}
	context := map[string]any{contextConsentHeader: "Continue to " + s.Name}
	if refusal := v.start(s.PreAuthenticationFlow, context, stages...); refusal != nil {
		return refusal
	}
	return v.moved(v.flowLocation())
}

// request is a SAML 2.0 AuthnRequest.
func (s Source) request(v *visit) string {
	binding := "HTTP-POST"
	if s.Kind == SourceSAMLRedirect {
		binding = v.srv.dialect.samlAnswer
	}
	acs := v.address(v.srv.url("/source/saml/" + s.Slug + "/acs/"))
	return fmt.Sprintf(`<samlp:AuthnRequest `+samlSpaces+` AssertionConsumerServiceURL="%s" Destination="%s" ID="_%s" IssueInstant="%s" `+
		`ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:%s" Version="2.0"><saml:Issuer>%s</saml:Issuer>`+
		`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/></samlp:AuthnRequest>`,
		html.EscapeString(acs), html.EscapeString(s.URL), uuidHex(), v.srv.now().UTC().Format(time.RFC3339),
		binding, html.EscapeString(s.Issuer))
}

// deflated is a message as SAML packs it into an address.
func deflated(message string) string {
	var b bytes.Buffer
	w := must(flate.NewWriter(&b, flate.BestCompression))
	must(w.Write([]byte(message)))
	if err := w.Close(); err != nil {
		panic("authentiktest: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// An autosubmitStage has the browser send a form elsewhere. Any answer solves
// it.
type autosubmitStage struct {
	URL, Title string
	Attrs      object
}

func (s *autosubmitStage) get(v *visit) (*response, error) {
	c := v.challenge("ak-stage-autosubmit")
	c["url"], c["attrs"], c["title"] = s.URL, s.Attrs, s.Title
	return v.ask(c)
}

func (s *autosubmitStage) post(v *visit) (*response, error) { return s.get(v) }
