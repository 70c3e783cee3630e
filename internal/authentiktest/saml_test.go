package authentiktest

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
)

// samlServed is an authentik with a SAML application, and a browser that is
// signed in.
func samlServed(t testing.TB, edit func(*Application)) *client {
	t.Helper()
	app := samlApp("st-saml-post")
	edit(&app)
	_, c := serve(t, samlSetup(app))
	c.login("st-login", "st-saml")
	return c
}

func unedited(*Application) {}

func asked(message string) string { return "?SAMLRequest=" + escape(deflated(message)) }

const samlBase = "/application/saml/st-saml-post/"

func TestSAML_UnreadableRequestsAreRefused(t *testing.T) {
	t.Parallel()
	c := samlServed(t, unedited)
	for what, query := range map[string]string{
		"nothing":        "",
		"no base64":      "?SAMLRequest=%25%25",
		"not packed":     "?SAMLRequest=" + escape(base64.StdEncoding.EncodeToString([]byte("<a/>"))),
		"no XML":         asked("hello"),
		"broken XML":     asked(`<samlp:AuthnRequest ID="_1"`),
		"no consumer":    asked(`<samlp:AuthnRequest ID="_1"/>`),
		"other consumer": asked(`<samlp:AuthnRequest AssertionConsumerServiceURL="https://st-saml-post.example.com/acs2"/>`),
		"endless": asked(`<samlp:AuthnRequest AssertionConsumerServiceURL="https://st-saml-post.example.com/acs" x="` +
			strings.Repeat("x", 2*samlLimit) + `"/>`),
	} {
		if got := c.do(http.MethodGet, samlBase+"sso/binding/redirect/"+query, ""); got["status"] != http.StatusBadRequest {
			t.Errorf("%s: got %v", what, got["status"])
		}
	}
}

func TestSAML_AssertionEscapesValuesOfTheRequest(t *testing.T) {
	t.Parallel()
	c := samlServed(t, func(a *Application) { a.SAML.Audience = `a<b>&"c"` })
	const id = `_1&quot;&gt;&lt;evil/&gt;`
	c.do(http.MethodGet, samlBase+"sso/binding/redirect/"+
		asked(`<samlp:AuthnRequest ID="`+id+`" AssertionConsumerServiceURL="https://st-saml-post.example.com/acs"/>`), "")
	form := c.do(http.MethodGet, executor("st-saml-authz"), "")
	want(t, form, "component", "ak-stage-autosubmit")
	attrs, _ := form["attrs"].(object)
	packed, _ := attrs["SAMLResponse"].(string)
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	var response struct {
		InResponseTo string  `xml:"InResponseTo,attr"`
		Audience     string  `xml:"Assertion>Conditions>AudienceRestriction>Audience"`
		Evil         *string `xml:"evil"`
	}
	if err := xml.Unmarshal(raw, &response); err != nil {
		t.Fatal(err)
	}
	if response.InResponseTo != `_1"><evil/>` || response.Audience != `a<b>&"c"` || response.Evil != nil {
		t.Errorf("got the response %+v", response)
	}
}

func TestSAML_LogoutOfAnApplicationKeepsTheSession(t *testing.T) {
	t.Parallel()
	c := samlServed(t, func(a *Application) { a.SAML.LogoutMethod = SAMLLogoutNative })
	c.do(http.MethodGet, samlBase+"slo/binding/redirect/"+asked(`<samlp:LogoutRequest ID="_1"/>`), "")
	flow := executor("default-provider-invalidation-flow")
	want(t, c.do(http.MethodGet, flow, ""), "component", "ak-provider-saml-native-logout")
	want(t, c.do(http.MethodGet, flow, ""), "component", "ak-stage-session-end")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
	want(t, c.do(http.MethodGet, samlBase+"slo/binding/redirect/", ""), "status", http.StatusBadRequest)
}

func TestSAML_LogoutNotifiesOnlyUsedApplications(t *testing.T) {
	t.Parallel()
	c := samlServed(t, unedited)
	want(t, c.do(http.MethodGet, executor("st-logout"), ""), "component", "xak-flow-redirect")
	c.login("st-login", "st-saml")
	c.do(http.MethodGet, samlBase+"sso/binding/init/", "")
	c.do(http.MethodGet, executor("st-saml-authz"), "")
	frames := c.do(http.MethodGet, executor("st-logout"), "")
	want(t, frames, "component", "ak-provider-iframe-logout")
	if urls, _ := frames["logout_urls"].([]any); len(urls) != 1 {
		t.Errorf("got logout messages for %d applications, want only the used ones", len(urls))
	}
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
}

func TestAdmin_OnlyAdministratorsExecuteFlows(t *testing.T) {
	t.Parallel()
	boss := person("st-boss")
	boss.Superuser = true
	const view = "/api/v3/flows/instances/st-login/execute/"
	_, c := serve(t, Config{Users: []User{person("st-plain"), boss}, Flows: []Flow{oneStep("st-login")}})
	want(t, c.do(http.MethodGet, view, ""), "status", http.StatusForbidden)
	c.login("st-login", "st-plain")
	want(t, c.do(http.MethodGet, view, ""), "status", http.StatusForbidden)
	c = browse(t, c.base)
	c.login("st-login", "st-boss")
	want(t, c.do(http.MethodGet, view, ""), "status", http.StatusOK, "link", c.base+"/if/flow/st-login/")
	want(t, c.do(http.MethodGet, "/api/v3/flows/instances/none/execute/", ""), "status", http.StatusNotFound)
}
