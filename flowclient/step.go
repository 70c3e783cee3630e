package flowclient

import (
	"encoding/json"
	"errors"
	"log/slog"
	"time"
	"unicode/utf8"
)

// Step is the position of a visitor in a flow: the question to show, and the
// cookies for the next call. A step can be stored as JSON without loss,
// including unknown challenges and unknown fields.
type Step struct {
	// Flow is the current flow. It changes when one flow continues with another.
	Flow Flow
	// Challenge is the question, or the end.
	Challenge Challenge
	// Cookies are all cookies that authentik has set so far. Put them into
	// Visitor for the next call.
	Cookies Cookies
	// Lost means that authentik no longer had the visitor's session, or that
	// the answer reached another question than the one that the visitor saw.
	// Errors in the challenge have been removed, since the visitor could not
	// understand them.
	Lost bool
	// Root is authentik's public address as this visitor sees it. References in
	// challenges are relative to it.
	Root string
	// Language is the language tag of the answer with the challenge, or empty. It is
	// the language that was requested; a brand with a default locale may show
	// anonymous visitors another one, and the tag does not say so.
	Language string
	// Login says whether a user was signed in during this call, and by which
	// flow. It is not part of the encoded step.
	Login Login
	// Led are the flows that, during this call and before a user was signed in,
	// have led to another flow by themselves, as a redirect stage does. A flow
	// whose query has the parameter next is left out, since the visitor may
	// have chosen that address.
	Led []string
	// SessionUntil is the expiry of the session cookie, if authentik has set it
	// during this call to outlast the browser, for example because the visitor
	// wants to stay signed in. It is not part of the encoded step.
	SessionUntil time.Time
}

// Authenticated reports whether the session cookie says that a user is signed
// in. Its signature has not been verified, so the result may decide what is
// shown, but not who is admitted: call Client.User for that.
func (s Step) Authenticated() bool {
	t, ok := s.Cookies.claims()
	return ok && t.Authenticated
}

// stepJSON has the challenge as text, because encoding/json would reformat nested
// JSON.
type stepJSON struct {
	Flow      Flow              `json:"flow"`
	Challenge string            `json:"challenge,omitempty"`
	Cookies   map[string]string `json:"cookies,omitzero"`
	Lost      bool              `json:"lost,omitempty"`
	Root      string            `json:"root,omitempty"`
	Language  string            `json:"language,omitempty"`
}

// MarshalJSON encodes the step with its cookies and the challenge as authentik sent
// it. The result is a secret.
func (s Step) MarshalJSON() ([]byte, error) {
	out := stepJSON{Flow: s.Flow, Cookies: s.Cookies, Lost: s.Lost, Root: s.Root, Language: s.Language}
	if s.Challenge != nil {
		raw := s.Challenge.Common().Raw
		if len(raw) == 0 || !utf8.Valid(raw) {
			return nil, errors.New("flowclient: encoding a step: only challenges made by Decode can be stored")
		}
		out.Challenge = string(raw)
	}
	return json.Marshal(out)
}

// UnmarshalJSON decodes what MarshalJSON has encoded.
func (s *Step) UnmarshalJSON(data []byte) error {
	var in stepJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	got := Step{Flow: in.Flow, Cookies: in.Cookies, Lost: in.Lost, Root: in.Root, Language: in.Language}
	if in.Challenge != "" {
		ch, err := DecodeAt([]byte(in.Challenge), in.Root)
		if err != nil {
			return err
		}
		got.Challenge = ch
	}
	*s = got
	return nil
}

// FlowAt returns the flow that a link in a challenge leads to, such as those for
// enrolment and recovery in Identification. It returns false if the link does not
// lead to a flow.
func (s Step) FlowAt(ref string) (Flow, bool) {
	below, ok := pathBelow(s.Root, ref)
	if !ok {
		return Flow{}, false
	}
	return Redirect{To: ref, Path: below}.Flow()
}

// LogValue shows the flow and the component, and no secret.
func (s Step) LogValue() slog.Value {
	var c Component
	if s.Challenge != nil {
		c = s.Challenge.Component()
	}
	return slog.GroupValue(
		slog.String("flow", s.Flow.Slug),
		slog.String("component", string(c)),
		slog.Bool("lost", s.Lost),
	)
}
