package reply

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestDocument_HasOneAnswerOrWish(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reply{
		`{"visit":"v","to":"/x","again":true}`: {Visit: "v", Back: "/x", Again: true},
		`{"visit":"v","on":true}`:              {Visit: "v", On: true},
		`{"poll":true}`:                        {Poll: true},
		`{"ways":true}`:                        {Offer: true},
		` {"flow" : "recovery"} `:              {Flow: "recovery"},
		`{"source":2}`:                         {Source: "2"},
		`{"visit":"v","answer":{}}`:            {Visit: "v"},
	} {
		got, err := readDocument(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: got error %v, want none", text, err)
		}
		got.Answer = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestDocument_AmbiguousOneIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		``:                                   errNoDocument,
		`null`:                               errNoDocument,
		`[]`:                                 errNoDocument,
		`"answer"`:                           errNoDocument,
		`{"on":true`:                         errNoDocument,
		`{"on":true} {}`:                     errNoDocument,
		`{"on":true}x`:                       errNoDocument,
		"{\"flow\":\"\xff\"}":                errNoDocument,
		strings.Repeat(`{"a":`, 20_000):      errManyValues,
		`{"on":true,"on":true}`:              errTwice,
		`{"on":true,"\u006fn":true}`:         errTwice,
		`{"answer":{"a":1,"a":2}}`:           errTwice,
		`{"answer":{"a":[0,{"b":1,"b":1}]}}`: errTwice,
		`{"answer":{"\ud800":1,"\ud801":1}}`: errTwice,
		`{"Answer":{}}`:                      errMember,
		`{"ANSWER":{},"answer":{}}`:          errMember,
		`{"answer":null}`:                    errMember,
		`{"answer":[]}`:                      errMember,
		`{"answer":"{}"}`:                    errMember,
		`{"answer":{},"visit":null}`:         errMember,
		`{"answer":{},"visit":1}`:            errMember,
		`{"answer":{},"to":["/"]}`:           errMember,
		`{"answer":{},"component":"x"}`:      errMember,
		`{"answer":{},"__proto__":{}}`:       errMember,
		`{"again":false}`:                    errMember,
		`{"again":1}`:                        errMember,
		`{"on":"true"}`:                      errMember,
		`{"poll":null}`:                      errMember,
		`{"ways":false}`:                     errMember,
		`{"flow":""}`:                        errMember,
		`{"flow":null}`:                      errMember,
		`{"source":-1}`:                      errMember,
		`{"source":1e2}`:                     errMember,
		`{"source":"1"}`:                     errMember,
		`{"source":99999999999999999999}`:    errMember,
		`{}`:                                 errWishes,
		`{"visit":"v","to":"/"}`:             errWishes,
		`{"answer":{},"again":true}`:         errWishes,
		`{"on":true,"poll":true}`:            errWishes,
	} {
		if _, err := readDocument(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%.60s: %v, want %v", text, err, want)
		}
	}
}

func TestDocument_AnswerIsForTheChallengeOfTheVisit(t *testing.T) {
	t.Parallel()
	for text, tt := range map[string]struct {
		to      flowclient.Challenge
		mistake string
	}{
		`{"password":"x"}`: {flowclient.Password{}, ""},
		`{"component":"ak-stage-password","password":"x"}`: {flowclient.Password{}, ""},
		`{"component":"ak-stage-consent","password":"x"}`:  {flowclient.Password{}, "wrong_page"},
		`{"component":null,"password":"x"}`:                {flowclient.Password{}, "wrong_page"},
		`{"component":["ak-stage-password"]}`:              {flowclient.Password{}, "wrong_page"},
		`{"a":0}`:                                          {flowclient.Unknown{Name: "ak-stage-of-tomorrow"}, ""},
		`{"a":1}`:                                          {flowclient.Unknown{}, "not_answered"},
		`{"a":2}`:                                          {flowclient.Redirect{}, "not_answered"},
		`{"a":3}`:                                          {flowclient.AccessDenied{}, "not_answered"},
		`{"component":"ak-stage-password","a":4}`:          {flowclient.FlowError{}, "not_answered"},
	} {
		said, err := readDocument(strings.NewReader(`{"answer":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		answer, mistake := said.Answer(tt.to)
		switch {
		case tt.mistake != "":
			if mistake == nil || mistake.Name != tt.mistake || answer != nil {
				t.Errorf("%s to %T: got %v, %v, want the mistake %s", text, tt.to, answer, mistake, tt.mistake)
			}
		case mistake != nil || answer.Component() != tt.to.Component():
			t.Errorf("%s to %T: got %v, %v, want an answer", text, tt.to, answer, mistake)
		}
	}
}

// TestChallenges_EachHasAnAnswerOrIsUnanswered holds the list of those that take no answer to
// the challenges that there are.
func TestChallenges_EachHasAnAnswerOrIsUnanswered(t *testing.T) {
	t.Parallel()
	known := map[flowclient.Component]bool{}
	for _, c := range flowclient.Components() {
		known[c] = true
	}
	for c := range unanswered {
		if !known[c] {
			t.Errorf("got %s, want a challenge that exists", c)
		}
	}
	if len(known)-len(unanswered) != 21 {
		t.Errorf("got %d challenges that take an answer, want 21", len(known)-len(unanswered))
	}
}

func TestDocument_WithoutAnAnswerIsAMistake(t *testing.T) {
	t.Parallel()
	said, err := readDocument(strings.NewReader(`{"source":0}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer, mistake := said.Answer(flowclient.Dummy{}); answer != nil || mistake == nil {
		t.Errorf("got the answer %v, want none", answer)
	}
}

func TestReply_OnlyTheMediaTypeOfJSONIsReadAsJSON(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{
		"application/json":                  true,
		"application/json; charset=utf-8":   true,
		"APPLICATION/JSON":                  true,
		"text/plain":                        false,
		"text/plain; a=application/json":    false,
		"text/json":                         false,
		"application/json, text/plain":      false,
		"application/vnd.api+json":          false,
		"application/x-www-form-urlencoded": false,
		"":                                  false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"visit":"sealed","on":true}`))
		r.Header.Set("Content-Type", kind)
		said, _, _ := Read(httptest.NewRecorder(), r, begun())
		if got := said.Visit == "sealed"; got != want {
			t.Errorf("%q: got it read %t, want %t", kind, got, want)
		}
	}
}

func TestDocument_IsNoLargerThanAForm(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]bool{MaxForm: true, MaxForm + 1: false} {
		text := `{"answer":{"a":"` + strings.Repeat("a", size-19) + `"}}`
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		if _, _, err := Read(httptest.NewRecorder(), r, begun()); len(text) != size || (err == nil) != want {
			t.Errorf("%d bytes: got error %v, want it read %t", len(text), err, want)
		}
	}
}

// FuzzDocument holds that what is read can be written and read again as the same, that nothing
// in it is read under another name, and that nothing makes the reader panic.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{"visit":"v","to":"/x","answer":{"uid_field":"jane"}}`, `{"again":true}`, `{"source":0}`,
		`{"flow":"recovery","visit":""}`, `{"answer":{"a":{"a":[{},{"b":null}]}}}`, `{"on":true,"on":true}`, `[`, `{"\u0061nswer":{}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		said, err := readDocument(strings.NewReader(text))
		if err != nil {
			return
		}
		var plain map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber() // no number is too large to be read
		if err := d.Decode(&plain); err != nil {
			t.Fatalf("got %q read, want only JSON: %v", text, err)
		}
		if visit, _ := plain["visit"].(string); visit != said.Visit {
			t.Errorf("%q: got visit %q, want %q", text, said.Visit, visit)
		}
		if to, _ := plain["to"].(string); to != said.Back {
			t.Errorf("%q: got the way back %q, want %q", text, said.Back, to)
		}
		answer, mistake := said.Answer(flowclient.Prompt{})
		if _, there := plain["answer"]; !there {
			if answer != nil {
				t.Errorf("%q: got an answer, want none", text)
			}
			return
		}
		if mistake == nil && answer.Component() != flowclient.ComponentPrompt {
			t.Errorf("%q: got an answer to %s, want one to the prompt", text, answer.Component())
		}
		again, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readDocument(strings.NewReader(string(again))); err != nil {
			t.Errorf("%q: got error %[3]v for %[2]q, want it read again", text, again, err)
		}
	})
}

// A reader that breaks is no end of a document.
func TestDocument_TruncatedOneIsRefused(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader(`{"on":true}`), brokenReader{})
	if _, err := readDocument(broken); err == nil {
		t.Error("got no error for a document that breaks off, want one")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Small values in great number, and deep ones, cost more than a long text.
func TestObject_IsBoundedInValuesAndDepth(t *testing.T) {
	t.Parallel()
	list := func(n int) string { return `{"a":[0` + strings.Repeat(",0", n-1) + `]}` }
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "0" + strings.Repeat("}", n) }
	for text, want := range map[string]bool{
		list(maxValues - 10): true, list(maxValues): false, deep(maxDepth): true, deep(maxDepth + 1): false,
	} {
		if _, err := Object([]byte(text)); (err == nil) != want {
			t.Errorf("%.20s of %d bytes: got %v, want it read: %v", text, len(text), err, want)
		}
	}
}

func TestForm_HasABoundedNumberOfFields(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{maxNames: true, maxNames + 1: false} {
		if _, err := Form(strings.NewReader(strings.Repeat("a=b&", n-1) + "a=b")); (err == nil) != want {
			t.Errorf("%d fields: got %v, want them read: %v", n, err, want)
		}
	}
}
