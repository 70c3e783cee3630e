package reply

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

var (
	errMember = errors.New("proxy: the JSON object has a member that it cannot have")
	errWishes = errors.New("proxy: the JSON object must have one of answer, again, on, flow, source, ways and poll")
)

// readDocument reads a reply in JSON. It is strict, since another reader may
// understand an ambiguous document differently: names must be spelled exactly
// and occur once, and unknown names are refused.
func readDocument(body io.Reader) (Reply, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return Reply{}, err
	}
	members, err := Object(text)
	if err != nil {
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

// take reads one member of a document. A wish is true or absent.
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

// answering reads an answer to the challenge of the visit, whatever component
// the answer itself names.
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
		return reduced(c, fields)
	}
}

// noAnswer is the answer in a document that contains none.
func noAnswer(flowclient.Challenge) (flowclient.Answer, *page.Mistake) {
	return nil, &page.Mistake{Name: "not_answered"}
}

// unanswered are the challenges that take no answer, since they end a flow or
// lead out of it. An answer would make authentik fail, or lose the visitor's
// position.
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
