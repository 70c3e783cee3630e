package signin

import (
	"encoding/json"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// restAfter is how long a message is not sent again. Messages take a while to
// arrive, authentik limits how many it sends, and each request lowers the
// user's reputation.
const restAfter = 30 * time.Second

// noticeRest is the notice that a message cannot be sent again yet.
const noticeRest = "wait_again"

// messageOf returns the name of the message that an answer makes authentik
// send, or "".
func messageOf(answer flowclient.Answer) string {
	switch a := answer.(type) {
	case flowclient.EmailAnswer:
		return "email"
	case flowclient.ValidateDeviceAnswer:
		return "to " + a.Device.Class
	case flowclient.RawAnswer:
		if a.Name == flowclient.ComponentEmail {
			return "email"
		}
		var selected struct {
			Class string `json:"device_class"`
		}
		if a.Name == flowclient.ComponentAuthenticatorValidate && json.Unmarshal(a.Fields["selected_challenge"], &selected) == nil {
			return "to " + selected.Class
		}
	default: // this answer sends nothing
	}
	return ""
}

// sent notes that a message is on its way, unless it could not be sent.
func (v Visit) sent(message string, from Visit, now time.Time) Visit {
	if _, waits := v.Step.Challenge.(flowclient.Email); waits && message == "" {
		if _, waited := from.Step.Challenge.(flowclient.Email); !waited {
			message = "email" // authentik has sent it together with the challenge
		}
	}
	if message == "" || len(v.Step.Challenge.Common().Errors["selected_challenge"]) > 0 {
		return v
	}
	v.Sent = map[string]time.Time{message: now}
	for name, at := range from.Sent {
		if _, again := v.Sent[name]; !again && now.Sub(at) < restAfter {
			v.Sent[name] = at
		}
	}
	return v
}

// rest returns how long a message must not be sent again, or zero.
func (v Visit) rest(message string, now time.Time) time.Duration {
	at, ok := v.Sent[message]
	if age := now.Sub(at); ok && age >= 0 && age < restAfter {
		return restAfter - age
	}
	return 0
}

// longestRest returns how long the page disables its button that sends a
// message again. A page has at most one such button.
func (v Visit) longestRest(now time.Time) (longest time.Duration) {
	for message := range v.Sent {
		longest = max(longest, v.rest(message, now))
	}
	return longest
}
