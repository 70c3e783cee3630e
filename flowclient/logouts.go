package flowclient

// IframeLogout lists addresses of applications to open in hidden frames, which
// signs the visitor out there. authentik sends the list once: the next GET has
// an empty one.
type IframeLogout struct {
	Base
	LogoutURLs []LogoutURL
}

// LogoutURL is the address of one application.
type LogoutURL struct {
	URL          string
	ProviderName string
	// Binding is "redirect" or "post".
	Binding string
	// SAMLRequest, SAMLResponse and SAMLRelayState are the fields of the form if
	// Binding is "post".
	SAMLRequest, SAMLResponse, SAMLRelayState string
}

// Component returns ComponentIframeLogout.
func (IframeLogout) Component() Component { return ComponentIframeLogout }

func decodeIframeLogout(o object, b Base) Challenge {
	return IframeLogout{Base: b, LogoutURLs: each(o, "logout_urls", decodeLogoutURL)}
}

func decodeLogoutURL(o object) LogoutURL {
	return LogoutURL{
		URL:            o.text("url"),
		ProviderName:   o.text("provider_name"),
		Binding:        o.text("binding"),
		SAMLRequest:    o.text("saml_request"),
		SAMLResponse:   o.text("saml_response"),
		SAMLRelayState: o.text("saml_relay_state"),
	}
}

// IframeLogoutAnswer says that the frames have loaded.
type IframeLogoutAnswer struct{}

// Component returns ComponentIframeLogout.
func (IframeLogoutAnswer) Component() Component { return ComponentIframeLogout }

func (IframeLogoutAnswer) answer() map[string]any { return nil }

// SAMLNativeLogout sends the visitor's browser to one application after another, to
// sign out there.
type SAMLNativeLogout struct {
	Base
	ProviderName string
	// IsComplete is true once no application is left.
	IsComplete bool
	// SAMLBinding is "redirect" or "post", and says which of the two addresses to use.
	SAMLBinding          string
	RedirectURL, PostURL string
	// SAMLRequest, SAMLResponse and SAMLRelayState are the fields of the form if
	// SAMLBinding is "post".
	SAMLRequest, SAMLResponse, SAMLRelayState string
}

// Component returns ComponentSAMLNativeLogout.
func (SAMLNativeLogout) Component() Component { return ComponentSAMLNativeLogout }

func decodeSAMLNativeLogout(o object, b Base) Challenge {
	return SAMLNativeLogout{
		Base:           b,
		ProviderName:   o.text("provider_name"),
		IsComplete:     o.flag("is_complete", false),
		SAMLBinding:    o.text("saml_binding"),
		RedirectURL:    o.text("redirect_url"),
		PostURL:        o.text("post_url"),
		SAMLRequest:    o.text("saml_request"),
		SAMLResponse:   o.text("saml_response"),
		SAMLRelayState: o.text("saml_relay_state"),
	}
}

// SAMLNativeLogoutAnswer continues with the next application.
type SAMLNativeLogoutAnswer struct{}

// Component returns ComponentSAMLNativeLogout.
func (SAMLNativeLogoutAnswer) Component() Component { return ComponentSAMLNativeLogout }

func (SAMLNativeLogoutAnswer) answer() map[string]any { return nil }
