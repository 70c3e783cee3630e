package authentiktest

import (
	"encoding/base64"
	"maps"
	"slices"
)

// A samlMessage is a message about a logout on its way to an application.
type samlMessage struct {
	app        Application
	name, text string // SAMLRequest or SAMLResponse, and the message
	relay      string // RelayState
}

// frame is the message for a frame. A form in a frame has no RelayState.
func (m samlMessage) frame() object {
	p := m.app.SAML
	o := object{
		"url": p.SLS, "provider_name": p.Name, "binding": "redirect",
		"saml_request": nil, "saml_response": nil, "saml_relay_state": nil,
	}
	if !p.SLSPost {
		o["url"] = samlAddress(p.SLS, m.name, xmlHead+m.text, m.relay)
		return o
	}
	key := map[string]string{"SAMLRequest": "saml_request", "SAMLResponse": "saml_response"}[m.name]
	o["binding"], o[key] = "post", base64.StdEncoding.EncodeToString([]byte(m.text))
	return o
}

// native is the message for the page itself to send.
func (m samlMessage) native() object {
	p := m.app.SAML
	o := object{"component": "ak-provider-saml-native-logout", "provider_name": p.Name, "is_complete": false}
	if !p.SLSPost {
		o["saml_binding"] = "redirect"
		o["redirect_url"] = samlAddress(p.SLS, m.name, xmlHead+m.text, m.relay)
		return o
	}
	key := map[string]string{"SAMLRequest": "saml_request", "SAMLResponse": "saml_response"}[m.name]
	o["saml_binding"], o["post_url"], o["saml_relay_state"] = "post", p.SLS, m.relay
	o[key] = base64.StdEncoding.EncodeToString([]byte(m.text))
	return o
}

// samlSignOff accepts an application's LogoutRequest. authentik's own session
// goes on.
func (v *visit) samlSignOff() *response {
	app, refusal := v.samlApplication()
	if refusal != nil {
		return refusal
	}
	request, relay, err := v.samlRequest()
	if err != nil {
		return v.samlRefused("The SAML request payload is missing.")
	}
	var answer []samlMessage
	if v.srv.dialect.frontchannel && app.SAML.SLS != "" {
		answer = append(answer, samlMessage{
			app: app, name: "SAMLResponse", text: v.samlLogoutResponse(app, request.ID), relay: relay,
		})
	}
	last, context := farewells(nil, answer)
	context[contextApp] = app
	if res := v.start(app.SAML.InvalidationFlow, context, append(last, &sessionEnd{app: app})...); res != nil {
		return res
	}
	return v.moved(v.flowLocation())
}

// samlUsers are the messages to the applications that the session has been used
// for.
func (v *visit) samlUsers() (messages []samlMessage) {
	slugs, _ := v.session.data[dataSAML].([]string)
	for _, slug := range slugs {
		app, found := v.srv.application(slug)
		if found && app.SAML != nil && app.SAML.SLS != "" && v.srv.dialect.frontchannel {
			app = app.withSAML()
			messages = append(messages, samlMessage{
				app: app, name: "SAMLRequest", text: v.samlLogoutRequest(app),
				relay: v.address(v.srv.url("/if/flow/" + v.flow.Slug + "/")),
			})
		}
	}
	return messages
}

// Keys of a plan's context for the applications that are still to be told of a
// logout.
const (
	contextFrames = "logout_frames" // []object
	contextNative = "logout_native" // []samlMessage
)

// farewells are the stages that have the browser tell applications of a logout,
// and the context that they need.
func farewells(frames []object, messages []samlMessage) (stages []Stage, context map[string]any) {
	var native []samlMessage
	for _, m := range messages {
		if m.app.SAML.LogoutMethod == SAMLLogoutNative {
			native = append(native, m)
			continue
		}
		frames = append(frames, m.frame())
	}
	context = map[string]any{contextFrames: frames, contextNative: native}
	if len(frames) > 0 {
		stages = append(stages, &logoutFrames{})
	}
	if len(native) > 0 {
		stages = append(stages, &samlNativeLogout{})
	}
	return stages, context
}

// A samlNativeLogout sends the visitor to one application after the other.
type samlNativeLogout struct{}

func (s *samlNativeLogout) get(v *visit) (*response, error) {
	c := s.next(v)
	if c == nil {
		return v.solved()
	}
	c["flow_info"] = v.flowInfo()
	return v.ask(c)
}

// post is where the visitor comes back to. It answers with the next challenge,
// which lacks flow_info.
func (s *samlNativeLogout) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if f.failed() {
		return v.refuse(v.challenge("ak-provider-saml-native-logout"), f.errs)
	}
	c := s.next(v)
	if c == nil {
		return v.solved()
	}
	return v.ask(c)
}

// next is the challenge for the next application, or nil after the last.
func (s *samlNativeLogout) next(v *visit) object {
	left, _ := v.plan.context[contextNative].([]samlMessage)
	if len(left) == 0 {
		return nil
	}
	v.plan.context[contextNative] = left[1:]
	return left[0].native()
}

// tell adds the stages that tell the applications of the end of the session.
func (v *visit) tell() {
	stages, context := farewells(v.frames(""), v.samlUsers())
	maps.Copy(v.plan.context, context)
	var steps []planned
	for _, s := range stages {
		steps = append(steps, planned{binding: Binding{Stage: s}})
	}
	v.plan.steps = slices.Insert(v.plan.steps, 1, steps...)
}
