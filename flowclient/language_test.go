package flowclient

import (
	"net/http"
	"strings"
	"testing"
)

// speaking adds a Content-Language header to an answer.
func speaking(language string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Language", language)
		h(w, r)
	}
}

func TestLanguage_IsThatOfTheLastAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		speaking("fr", says(`{"component":"xak-flow-redirect","to":"/if/flow/next/"}`)),
		speaking("fr", sends("/api/v3/flows/executor/next/?query=")),
		speaking("de", says(whichSecret)))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, DummyAnswer{})
	shows[Password](t, step, err)
	if step.Language != "de" {
		t.Errorf("got language %q, want de", step.Language)
	}
	step.Led = nil // says what happened during the call, and is not kept
	roundTrip(t, step)
	f = newFake(t, speaking("fr", says(`{"component":"xak-flow-redirect","to":"/if/flow/next/"}`)), speaking("de", fails(http.StatusInternalServerError, "")))
	if step, err = f.client().Ask(t.Context(), Visitor{}, login); err == nil || step.Language != "" {
		t.Errorf("without a challenge: got language %q, %v, want none and an error", step.Language, err)
	}
}

func TestLanguage_SurvivesTheRemovalOfErrors(t *testing.T) {
	t.Parallel()
	f := newFake(t, speaking("de", says(refusing(whoAreYou, `{"uid_field":["x"]}`), session("b", false))))
	step, err := f.client().Answer(t.Context(), holding("a", false), login, PasswordAnswer{"x"})
	shows[Identification](t, step, err)
	if !step.Lost || step.Language != "de" {
		t.Errorf("got lost %v, language %q, want true, de", step.Lost, step.Language)
	}
}

func TestLanguage_MalformedTagsAreIgnored(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"": "", "en": "en", "de-AT": "de-AT", "zh-hans": "zh-hans", "sr-Latn-RS": "sr-Latn-RS", "de-1901": "de-1901",
		"en, de": "", "en\"><script>": "", "e": "", "-en": "", "en-": "", "en_US": "", "*": "", "en de": "", "ünlü": "",
		"en-" + strings.Repeat("abcdefgh-", 3) + "abcd":   "en-abcdefgh-abcdefgh-abcdefgh-abcd",
		"en-" + strings.Repeat("abcdefgh-", 3) + "abcdef": "",
	} {
		step, err := newFake(t, speaking(said, says(whoAreYou))).client().Ask(t.Context(), Visitor{}, login)
		shows[Identification](t, step, err)
		if step.Language != want {
			t.Errorf("%q: got %q, want %q", said, step.Language, want)
		}
	}
}
