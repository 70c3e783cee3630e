package signin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// A question is the JSON document that a program gets instead of a page.
// document adds the challenge to these fields.
type question struct {
	// Visit is the sealed visit, and To the way back, which the program sends
	// with it.
	Visit string `json:"visit"`
	To    string `json:"to"`
	// Errors are the errors of the last answer, by field.
	Errors map[string][]saying `json:"errors"`
	// Notice is about the whole visit, for example that it has begun again, and
	// why.
	Notice *saying `json:"notice,omitempty"`
	// RetryAfter is how many seconds no answers are accepted, since too many
	// were wrong.
	RetryAfter int `json:"retry_after,omitempty"`
	// Elsewhere is an address at authentik's own page for a browser, which
	// comes back signed in.
	Elsewhere string `json:"elsewhere,omitempty"`
	// Source is the chosen source of the challenge. Barred says that this gate
	// does not accept it. Open is the address for a browser, before the answer
	// "on".
	Source *chosen `json:"source,omitempty"`
}

// A chosen is the source that the visitor has chosen.
type chosen struct {
	Name   string `json:"name"`
	Open   string `json:"open,omitempty"`
	Barred bool   `json:"barred,omitempty"`
}

// A saying is a sentence for people, and a code for programs that never
// changes. The names of the fields are authentik's.
type saying struct {
	String string `json:"string"`
	Code   string `json:"code"`
}

// document encodes a question with the challenge as authentik sent it, byte for
// byte, so that a program gets exactly what authentik's own page would get.
func (h *Handler) document(r *http.Request, q page.Question) ([]byte, error) {
	out := question{Visit: q.Visit, To: q.Back, Errors: h.wrong(r, q), Elsewhere: q.Elsewhere, RetryAfter: q.LockoutSeconds()}
	if q.Notice != "" {
		code := strings.TrimPrefix(q.Notice, "notice_")
		out.Notice = &saying{h.Pages.Text(r, q, q.Notice), code}
	}
	if q.Source != nil {
		out.Source = &chosen{q.Source.Name, q.Source.Plex, q.Source.Barred}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	challenge, err := presentable(q.Step.Challenge)
	if err != nil {
		return nil, err
	}
	body = append(body[:len(body)-1], `,"challenge":`...)
	body = append(body, challenge...)
	return append(body, "}\n"...), nil
}

// wrong returns the errors that authentik or the gate found in the answer. A
// refusal without a message gets one, since it would look like a first
// challenge.
func (h *Handler) wrong(r *http.Request, q page.Question) map[string][]saying {
	all := map[string][]saying{}
	if q.Lockout > 0 {
		all[flowclient.NonField] = []saying{{h.Pages.Text(r, q, "wait_attempts", "Seconds", q.LockoutSeconds()), string(fault.TooManyAttempts)}}
		return all
	}
	found := q.Step.Challenge.Common().Errors
	for field, errs := range found {
		for _, e := range errs {
			all[field] = append(all[field], saying{e.Text, e.Code})
		}
	}
	if c, ok := q.Step.Challenge.(flowclient.AuthenticatorValidate); ok && page.CodeRefused(c) && allSent(c) {
		all["code"] = []saying{{h.Pages.Text(r, q, "code_too_soon"), "invalid"}}
	}
	if found != nil && len(all) == 0 {
		all[flowclient.NonField] = []saying{{h.Pages.Text(r, q, "not_accepted"), "not_accepted"}}
	}
	if m := q.Mistake; m != nil && m.Name != "" {
		field := m.Field
		if field == "" {
			field = flowclient.NonField
		}
		all[field] = append(all[field], saying{h.Pages.Text(r, q, m.Name, m.Pairs...), m.Name})
	}
	return all
}

// allSent reports whether a challenge accepts only codes that are sent in
// messages. Then a wrong clock cannot be the reason for a refusal.
func allSent(c flowclient.AuthenticatorValidate) bool {
	return !slices.ContainsFunc(c.Devices, func(d flowclient.DeviceChallenge) bool { return d.Class == "totp" || d.Class == "static" })
}

// presentable returns a challenge without the members that no page may show:
// the details of an exception, a whole page with scripts, and an address that
// would run as a script of this site.
func presentable(c flowclient.Challenge) (json.RawMessage, error) {
	raw := c.Common().Raw
	switch c := c.(type) {
	case flowclient.FlowError:
		return without(raw, "error", "traceback")
	case flowclient.Shell:
		return without(raw, "body")
	case flowclient.Redirect:
		if c.Class() == flowclient.RedirectForbidden {
			return without(raw, "to")
		}
		return raw, nil
	default:
		return raw, nil
	}
}

// without returns a JSON object without some members.
func without(raw json.RawMessage, names ...string) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	for _, name := range names {
		delete(members, name)
	}
	out := new(bytes.Buffer)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(members)
	return bytes.TrimSpace(out.Bytes()), err
}
