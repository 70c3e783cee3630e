package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// What is wrong with a document, without a word of what stands in it: that may
// be a password.
var (
	errNoDocument = errors.New("proxy: the body is no JSON object")
	errTwice      = errors.New("proxy: a name stands twice in a JSON object")
	errMember     = errors.New("proxy: the JSON object has a member that it cannot have")
	errWishes     = errors.New("proxy: the JSON object must have one of answer, again, on, flow, source, ways and poll")
)

// readDocument reads the JSON form of a reply. It is read strictly, since another
// reader may take what can be read in two ways for the other thing: names count as
// they are written and once, and what is not known is refused.
func readDocument(body io.Reader) (Reply, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return Reply{}, err
	}
	members, ok := readMembers(text)
	if !ok || !utf8.Valid(text) {
		return Reply{}, errNoDocument
	}
	if err := distinct(json.NewDecoder(bytes.NewReader(text))); err != nil { // members bound how deep it goes
		return Reply{}, err
	}
	said := Reply{Answer: noAnswer}
	wishes := 0
	for name, value := range members {
		if !said.take(name, value) {
			return Reply{}, errMember
		}
		if name != "visit" && name != "to" {
			wishes++
		}
	}
	if wishes != 1 {
		return Reply{}, errWishes
	}
	return said, nil
}

// take reads one member of a document. A wish is true or not there.
func (s *Reply) take(name string, value json.RawMessage) (ok bool) {
	switch name {
	case "visit":
		s.Visit, ok = readText(value)
	case "to":
		s.Back, ok = readText(value)
	case "again":
		s.Again, ok = true, string(value) == "true"
	case "on":
		s.On, ok = true, string(value) == "true"
	case "ways":
		s.Offer, ok = true, string(value) == "true"
	case "poll":
		s.Poll, ok = true, string(value) == "true"
	case "flow":
		s.Flow, ok = readText(value)
		ok = ok && s.Flow != ""
	case "source":
		_, err := strconv.ParseUint(string(value), 10, 16)
		s.Source, ok = string(value), err == nil
	case "answer":
		var fields map[string]json.RawMessage
		fields, ok = readMembers(value)
		s.Answer = answering(fields)
	}
	return ok
}

// answering reads an answer for the challenge of the visit, whatever it says
// itself that it answers.
func answering(fields map[string]json.RawMessage) func(flowclient.Challenge) (flowclient.Answer, *page.Mistake) {
	return func(c flowclient.Challenge) (flowclient.Answer, *page.Mistake) {
		component := c.Component()
		if component == "" || unanswered[component] {
			return noAnswer(c)
		}
		if named, there := fields["component"]; there {
			if said, ok := readText(named); !ok || said != string(component) {
				return nil, &page.Mistake{Name: "wrong_page"}
			}
		}
		return flowclient.RawAnswer{Name: component, Fields: fields}, nil
	}
}

// noAnswer is what a document without one answers.
func noAnswer(flowclient.Challenge) (flowclient.Answer, *page.Mistake) {
	return nil, &page.Mistake{Name: "not_answered"}
}

// unanswered are the challenges that take no answer: what ends a flow or leads
// out of it. authentik would fail at one, or forget where the visitor stands.
var unanswered = map[flowclient.Component]bool{
	flowclient.ComponentAccessDenied:     true,
	flowclient.ComponentAutosubmit:       true,
	flowclient.ComponentDeviceCodeFinish: true,
	flowclient.ComponentFlowError:        true,
	flowclient.ComponentRedirect:         true,
	flowclient.ComponentSessionEnd:       true,
	flowclient.ComponentShell:            true,
	flowclient.ComponentSourceApple:      true,
	flowclient.ComponentSourcePlex:       true,
}

// readMembers reads a JSON object; null is none.
func readMembers(text []byte) (members map[string]json.RawMessage, ok bool) {
	err := json.Unmarshal(text, &members)
	return members, err == nil && members != nil
}

// readText reads a JSON string; null is none.
func readText(value json.RawMessage) (text string, ok bool) {
	err := json.Unmarshal(value, &text)
	return text, err == nil && value[0] == '"'
}

// distinct reads one value that is known to be well formed, and fails where an object
// in it has a name twice.
func distinct(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return errNoDocument
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	names := map[any]bool{}
	for d.More() {
		if opening == '{' {
			name, _ := d.Token() // a name: it is well formed
			if names[name] {
				return errTwice
			}
			names[name] = true
		}
		if err := distinct(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
