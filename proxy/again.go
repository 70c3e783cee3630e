package proxy

import (
	"encoding/json"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// restAfter is how long nothing is sent again: messages take a while to arrive,
// authentik sends few of them, and takes each wish for a bad sign.
const restAfter = 30 * time.Second

// noticeRest says so.
const noticeRest = "wait_again"

// messageOf names the message that an answer has authentik send; it is empty where it
// sends none.
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
	default: // sends nothing
	}
	return ""
}

// sent takes down that a message is on its way. One that could not be sent is not.
func (v visit) sent(message string, from visit, now time.Time) visit {
	if _, waits := v.Step.Challenge.(flowclient.Email); waits && message == "" {
		if _, waited := from.Step.Challenge.(flowclient.Email); !waited {
			message = "email" // authentik has sent it by asking
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

// rest is how long a message is not sent again, zero where it may be.
func (v visit) rest(message string, now time.Time) time.Duration {
	at, ok := v.Sent[message]
	if age := now.Sub(at); ok && age >= 0 && age < restAfter {
		return restAfter - age
	}
	return 0
}

// longestRest is for pages, which have one such button at most.
func (v visit) longestRest(now time.Time) (longest time.Duration) {
	for message := range v.Sent {
		longest = max(longest, v.rest(message, now))
	}
	return longest
}
