package flowclient

import (
	"encoding/json"
	"errors"
	"log/slog"
	"unicode/utf8"
)

// Step is where a visitor stands: the question to show, and what to come back
// with. It survives a round trip through JSON without loss, unknown challenges
// and unknown fields included.
type Step struct {
	// Flow is the flow now running; flows that authentik chains change it.
	Flow Flow
	// Challenge is the question, or the end.
	Challenge Challenge
	// Cookies are all that authentik has set so far.
	Cookies Cookies
	// Lost says that authentik had forgotten the visit and began anew. Errors that
	// came with it belonged to no question the visitor saw, and were dropped.
	Lost bool
	// Root is authentik's public address as this visitor was told it, by which
	// references of challenges are read.
	Root string
	// Language is the language tag that authentik gave to the answer with the
	// challenge; empty where it gave none. It is the one that the request asked for:
	// where a brand with a default locale speaks another to visitors who are not
	// signed in, it does not show here.
	Language string
}

// Authenticated reports whether authentik's session says that somebody has signed in.
// Nobody has checked its word: it may steer what is shown, and never who is let in.
func (s Step) Authenticated() bool {
	t, ok := s.Cookies.claims()
	return ok && t.Authenticated
}

// stepJSON carries the challenge as text, because JSON inside JSON would be
// reformatted on its way.
type stepJSON struct {
	Flow      Flow              `json:"flow"`
	Challenge string            `json:"challenge,omitempty"`
	Cookies   map[string]string `json:"cookies,omitzero"`
	Lost      bool              `json:"lost,omitempty"`
	Root      string            `json:"root,omitempty"`
	Language  string            `json:"language,omitempty"`
}

// MarshalJSON writes the step with its cookies and the challenge as authentik
// sent it: a secret.
func (s Step) MarshalJSON() ([]byte, error) {
	out := stepJSON{Flow: s.Flow, Cookies: s.Cookies, Lost: s.Lost, Root: s.Root, Language: s.Language}
	if s.Challenge != nil {
		raw := s.Challenge.Common().Raw
		if len(raw) == 0 || !utf8.Valid(raw) {
			return nil, errors.New("flowclient: a challenge that was not decoded from JSON cannot be kept")
		}
		out.Challenge = string(raw)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Step) UnmarshalJSON(data []byte) error {
	var in stepJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	got := Step{Flow: in.Flow, Cookies: in.Cookies, Lost: in.Lost, Root: in.Root, Language: in.Language}
	if in.Challenge != "" {
		ch, err := decodeAt([]byte(in.Challenge), in.Root)
		if err != nil {
			return err
		}
		got.Challenge = ch
	}
	*s = got
	return nil
}

// FlowAt returns the flow that a reference from a challenge leads to, such as the
// sign-up and recovery links of an identification challenge.
func (s Step) FlowAt(ref string) (Flow, bool) {
	below, ok := pathBelow(s.Root, ref)
	if !ok {
		return Flow{}, false
	}
	return Redirect{To: ref, Path: below}.Flow()
}

// LogValue tells where the visitor stands, and nothing that would let another
// stand there.
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
