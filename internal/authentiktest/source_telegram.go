package authentiktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// sourceTelegram begins the flow with Telegram's button.
func (v *visit) sourceTelegram(s Source) *response {
	if refusal := v.start(s.PreAuthenticationFlow, map[string]any{}, &telegramStage{s}); refusal != nil {
		return refusal
	}
	return v.moved(v.flowLocation())
}

// A telegramStage accepts what Telegram's button tells about the visitor.
type telegramStage struct{ source Source }

func (s *telegramStage) get(v *visit) (*response, error) { return v.ask(s.challenge(v)) }

func (s *telegramStage) challenge(v *visit) object {
	c := v.challenge("ak-source-telegram")
	c["bot_username"], c["request_message_access"] = s.source.Bot, s.source.AskMessages
	return c
}

// telegramAge is the maximum age of what Telegram tells.
const telegramAge = 5 * time.Minute

func (s *telegramStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	id, _ := f.text("id", rule{})
	at, _ := f.text("auth_date", rule{})
	hash, _ := f.text("hash", rule{})
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	if seconds, err := json.Number(at).Int64(); err != nil || v.srv.now().Sub(time.Unix(seconds, 0)) > telegramAge {
		return v.refuse(s.challenge(v), v.fault("auth_date", "Authentication date is too old", "invalid"))
	}
	if subtle.ConstantTimeCompare([]byte(hash), []byte(telegramHash(s.source.BotToken, f.body))) == 0 {
		return v.refuse(s.challenge(v), v.fault(elsewhere, "Invalid hash", "invalid"))
	}
	word := func(name string) string { text, _ := f.body[name].(string); return text }
	p := Person{ID: id, Username: word("username"), Name: strings.TrimSpace(word("first_name") + " " + word("last_name"))}
	return v.converted(v.arrive(s.source, p)), nil
}

// telegramHash is Telegram's signature of what its button tells.
func telegramHash(token string, said object) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if name != "hash" && name != "component" {
			lines = append(lines, fmt.Sprintf("%s=%v", name, said[name]))
		}
	}
	key := sha256.Sum256([]byte(token))
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(h.Sum(nil))
}
