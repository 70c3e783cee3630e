package authentiktest

import "strings"

// samlRows are the recordings about SAML, and logouts that pass through the browser.
func samlRows() []row {
	return []row{
		{name: "logout-frontchannel", replay: logoutFrontchannel},
		{name: "saml-logout-iframe", replay: samlLogout(SAMLLogoutIframe)},
		{name: "saml-logout-native", replay: samlLogout(SAMLLogoutNative)},
		{name: "saml-provider", replay: samlProvider},
		{name: "saml-session-end", replay: samlSessionEnd},
	}
}

// samlApp is an application by the recorders' pattern: "st-saml-post" is St
// Saml Post, at st-saml-post.example.com.
func samlApp(slug string) Application {
	name := ""
	for word := range strings.SplitSeq(slug, "-") {
		name += " " + strings.ToUpper(word[:1]) + word[1:]
	}
	base := "https://" + slug + ".example.com/"
	return Application{
		Slug: slug, Name: name[1:], LaunchURL: base,
		SAML: &SAMLProvider{ACS: base + "acs", SLS: base + "sls", AuthorizationFlow: "st-saml-authz"},
	}
}

// samlSetup is what all recordings about SAML have in common.
func samlSetup(apps ...Application) Config {
	authorization := func(slug string, stages ...Stage) Flow {
		f := flowOf(slug, stages...)
		f.Title, f.Designation, f.Authentication = "Redirecting to %(app)s", DesignationAuthorization, RequireAuthenticated
		return f
	}
	logout := flowOf("st-logout", &UserLogoutStage{})
	logout.Title, logout.Designation = "Bye, %(user)s", DesignationInvalidation
	return Config{
		Users: people("st-saml"), Applications: apps,
		Flows: []Flow{
			titled(oneStep("st-login")), logout, authorization("st-saml-authz"),
			authorization("st-consent-authz", &ConsentStage{}),
		},
	}
}

func samlProvider(r *replay) Config {
	if r.release == Release202605 {
		r.skip("an application the user may not use",
			"of this page the recording lacks the last words, which other recordings of it have")
	}
	redirect, consent, denied := samlApp("st-saml-redir"), samlApp("st-saml-redir-consent"), samlApp("st-saml-denied")
	redirect.SAML.Redirect, consent.SAML.Redirect = true, true
	consent.SAML.AuthorizationFlow = "st-consent-authz"
	denied.Policies = []Policy{says(false)}
	return samlSetup(samlApp("st-saml-post"), redirect, consent, denied)
}

func samlSessionEnd(*replay) Config { return samlSetup(samlApp("st-saml-post")) }

func samlLogout(method SAMLLogout) func(*replay) Config {
	return func(*replay) Config {
		kind := strings.TrimPrefix(string(method), "frontchannel_")
		redirect, post := samlApp("st-slo-"+kind+"-redirect"), samlApp("st-slo-"+kind+"-post")
		redirect.SAML.LogoutMethod, post.SAML.LogoutMethod = method, method
		post.SAML.SLSPost = true
		return samlSetup(redirect, post)
	}
}
