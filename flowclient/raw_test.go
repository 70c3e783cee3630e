package flowclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// rawOf returns an answer as a custom front end would write it.
func rawOf(t testing.TB, a Answer) RawAnswer {
	t.Helper()
	b, err := body(a)
	if err != nil {
		t.Fatal(err)
	}
	out := RawAnswer{Name: a.Component()}
	if err := json.Unmarshal(b, &out.Fields); err != nil {
		t.Fatal(err)
	}
	delete(out.Fields, "component")
	return out
}

func TestRawAnswer_IsEncodedLikeTheTypedOne(t *testing.T) {
	t.Parallel()
	seen := map[Component]bool{}
	for _, c := range writings() {
		typed, err := body(c.answer)
		if err != nil {
			t.Fatal(err)
		}
		raw := rawOf(t, c.answer)
		got, err := body(raw)
		if err != nil || string(got) != string(typed) {
			t.Errorf("%T: got %s, %v, want %s", c.answer, got, err, typed)
		}
		raw.Fields["component"] = json.RawMessage(`"ak-stage-of-the-page"`)
		if got, err := body(raw); err != nil || string(got) != string(typed) {
			t.Errorf("%T with another component: got %s, %v, want %s", c.answer, got, err, typed)
		}
		seen[raw.Component()] = true
	}
	if len(seen) < 18 {
		t.Errorf("got %d components, want at least 18", len(seen))
	}
}

// TestRawAnswer_IsTreatedLikeTheTypedOne compares each kind of answer at each kind
// of challenge.
func TestRawAnswer_IsTreatedLikeTheTypedOne(t *testing.T) {
	t.Parallel()
	var met []Challenge
	for _, raw := range samples(t, "2026.5") {
		met = append(met, decoded(t, raw))
	}
	met = append(met, decoded(t, []byte(`{"component":"ak-stage-prompt","fields":[{"field_key":"a"}]}`)))
	for _, c := range writings() {
		raw := rawOf(t, c.answer)
		typed, ok := c.answer.(interface{ pushes() bool })
		if want := ok && typed.pushes(); raw.pushes() != want {
			t.Errorf("%T: got pushes %v, want %v", c.answer, raw.pushes(), want)
		}
		for _, ch := range met {
			if got, want := misdirected(raw, ch), misdirected(c.answer, ch); got != want {
				t.Errorf("%T at %s: got misdirected %v, want %v", c.answer, ch.Component(), got, want)
			}
		}
	}
}

func TestRawAnswer_TheComponentAmongTheFieldsIsIgnored(t *testing.T) {
	t.Parallel()
	form := decoded(t, []byte(`{"component":"ak-stage-prompt","fields":[{"field_key":"a"}]}`))
	empty := RawAnswer{ComponentPrompt, map[string]json.RawMessage{"component": json.RawMessage(`"ak-stage-prompt"`)}}
	if misdirected(empty, form) {
		t.Error("got an empty form as the answer to another, want not")
	}
}

func TestRawAnswer_IsWithheldFromLogs(t *testing.T) {
	t.Parallel()
	a := RawAnswer{ComponentPassword, map[string]json.RawMessage{"password": json.RawMessage(`"geheim"`)}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("answer", "raw", a)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		_, _ = fmt.Fprintf(&log, verb, a)
	}
	if got := log.String(); strings.Contains(got, "geheim") || strings.Contains(got, "103 101") || !strings.Contains(got, string(ComponentPassword)) {
		t.Errorf("got %s, want the component only", got)
	}
}

func TestRawAnswer_InvalidOnesAreNotSent(t *testing.T) {
	t.Parallel()
	secret := map[string]json.RawMessage{"password": json.RawMessage(`"geheim`)}
	_, broken := newFake(t).client().Answer(t.Context(), Visitor{}, login, RawAnswer{ComponentPassword, secret})
	if !errors.Is(broken, errUnencodable) || strings.Contains(broken.Error(), "geheim") {
		t.Errorf("broken JSON: got error %v, want %v without the secret", broken, errUnencodable)
	}
	_, nameless := newFake(t).client().Answer(t.Context(), Visitor{}, login, RawAnswer{})
	if !errors.Is(nameless, errNoComponent) {
		t.Errorf("without a component: got error %v, want %v", nameless, errNoComponent)
	}
}
