package copies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestChallenges_WaitersForARefusalAskThemselves(t *testing.T) {
	t.Parallel()
	c := NewChallenges(Options{Now: time.Now})
	flow := flowclient.Flow{Slug: "login"}
	denied := stepOf(t, flow, `{"component":"ak-stage-access-denied"}`)
	good := stepOf(t, flow, `{"component":"ak-stage-identification","user_fields":["username"]}`)
	begun, hold := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	first := func(context.Context) (flowclient.Step, error) { close(begun); <-hold; return denied, nil }
	all.Go(func() {
		step, _ := c.question(t.Context(), copyKey{}, flow, first)
		if step.Challenge.Component() != flowclient.ComponentAccessDenied {
			t.Error("got another step, want the refusal for the visitor who caused it")
		}
	})
	<-begun
	for range 20 {
		all.Go(func() {
			step, err := c.question(t.Context(), copyKey{}, flow, func(context.Context) (flowclient.Step, error) { return good, nil })
			if err != nil || step.Challenge.Component() != flowclient.ComponentIdentification {
				t.Errorf("got %v (%v), want the identification", step, err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond) // they wait, or have yet to come: either must do
	close(hold)
	all.Wait()
}

func TestCopies_HaveOnlyPlainChallenges(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	source := func(challenge string) string {
		return `{"component":"ak-stage-identification","sources":[{"name":"A","challenge":` + challenge + `}]}`
	}
	for raw, want := range map[string]bool{
		`{"component":"ak-stage-identification","user_fields":["username"]}`:                                   true,
		`{"component":"ak-stage-identification","passkey_challenge":null,"captcha_stage":null}`:                true,
		`{"component":"ak-stage-identification","passkey_challenge":{"challenge":"x"}}`:                        false,
		`{"component":"ak-stage-identification","captcha_stage":{"site_key":"x"}}`:                             false,
		`{"component":"ak-stage-identification","pending_user":"jane"}`:                                        false,
		`{"component":"ak-stage-identification","pending_user_identifier":"jane"}`:                             false,
		`{"component":"ak-stage-identification","response_errors":{}}`:                                         false,
		`{"component":"ak-stage-identification","nonce_of_tomorrow":"x"}`:                                      false,
		`{"component":"ak-stage-identification","primary_action":"` + strings.Repeat("x", maxCopyBytes) + `"}`: false,
		`{"component":"ak-stage-password"}`:                                                                    false,
		`{"component":"ak-stage-access-denied"}`:                                                               false,
		`{"component":"xak-flow-redirect","to":"/"}`:                                                           false,
		`{"component":"ak-stage-flow-error"}`:                                                                  false,
		source(`{"component":"ak-source-plex","client_id":"a","slug":"b"}`):                                    true,
		source(`{"component":"ak-source-oauth-apple","state":"x"}`):                                            false,
		source(`{"component":"ak-source-telegram"}`):                                                           false,
		source(`{"component":"xak-flow-redirect","to":"/source/oauth/login/a/"}`):                              true,
		source(`{"component":"xak-flow-redirect","to":"/source/oauth/login/a/?state=x"}`):                      false,
		source(`{"component":"xak-flow-redirect","to":"https://elsewhere.example/"}`):                          false,
		source(`{"component":"new"}`):                                                                          false,
	} {
		made, lifetime := copyOf(flow, placedStep(t, flow, raw), nil)
		if made.plain != want {
			t.Errorf("%.100s: got it copied %v, want %v", raw, made.plain, want)
		}
		if met := lifetime > 0; met != strings.Contains(raw, "identification") {
			t.Errorf("%.100s: got a lifetime %v, want one only for an identification", raw, met)
		}
		if made.Step.Cookies != nil {
			t.Errorf("%.100s: got a visitor's cookies in the copy, want none", raw)
		}
	}
	plain := stepOf(t, flow, `{"component":"ak-stage-identification"}`)
	lost := plain
	lost.Lost = true
	for name, step := range map[string]flowclient.Step{"lost": lost, "of another flow": stepOf(t, flowclient.Flow{Slug: "other"}, `{"component":"ak-stage-identification"}`)} {
		if made, lifetime := copyOf(flow, step, nil); made.plain || lifetime != 0 {
			t.Errorf("got a copy of a step that is %s, want none", name)
		}
	}
	if made, lifetime := copyOf(flow, plain, errors.New("broken")); made.plain || lifetime != 0 {
		t.Error("got a copy of a step with an error, want none")
	}
}

func placedStep(t testing.TB, flow flowclient.Flow, raw string) flowclient.Step {
	t.Helper()
	step := stepOf(t, flow, raw)
	step.Root = "https://auth.example.com/"
	text, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	var placed flowclient.Step
	if err := json.Unmarshal(text, &placed); err != nil {
		t.Fatal(err)
	}
	return placed
}

func TestCopies_HaveFirstChallengesOfEveryRelease(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../flowclient/testdata/challenges/*/ak-stage-identification*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("got %d files (%v), want at least 8", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"captcha_stage", "passkey_challenge", "pending_user", "pending_user_identifier", "response_errors", "sources"} {
			delete(members, name) // looked at one by one above
		}
		rest, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		step := stepOf(t, flowclient.Flow{}, string(rest))
		c, ok := step.Challenge.(flowclient.Identification)
		if !ok || !plain(c) {
			t.Errorf("got an unknown member in %s, want none", file)
		}
	}
}

func TestCopies_AreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := NewChallenges(Options{Now: func() time.Time { return now }})
	flow := flowclient.Flow{Slug: "login"}
	step := stepOf(t, flow, `{"component":"ak-stage-identification"}`)
	ask := func(context.Context) (flowclient.Step, error) { return step, nil }
	for i := range 10 * maxCopies {
		if _, err := c.question(t.Context(), copyKey{language: fmt.Sprint(i)}, flow, ask); err != nil {
			t.Fatal(err)
		}
		if got := c.kept.Len(); got > maxCopies {
			t.Fatalf("copies: got %d, want at most %d", got, maxCopies)
		}
	}
	now = now.Add(copyLifetime)
	c.Sweep()
	if got := c.kept.Len(); got != 0 {
		t.Errorf("old copies: got %d, want none", got)
	}
}

func TestCopies_FirstVisitorLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewChallenges(Options{Now: time.Now})
		flow := flowclient.Flow{Slug: "login"}
		asked := 0
		ask := func(ctx context.Context) (flowclient.Step, error) {
			asked++
			time.Sleep(time.Second)
			return stepOf(t, flow, `{"component":"ak-stage-identification"}`), ctx.Err()
		}
		leaving, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := c.question(leaving, copyKey{}, flow, ask); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: got %v, want %v", err, context.Canceled)
			}
		}()
		synctest.Wait()
		leave()
		step, err := c.question(t.Context(), copyKey{}, flow, ask)
		if err != nil || step.Challenge == nil || step.Cookies != nil || asked != 1 {
			t.Errorf("who stayed: got %v, %v after %d requests, want a copy after 1", step, err, asked)
		}
	})
}

func stepOf(t testing.TB, flow flowclient.Flow, raw string) flowclient.Step {
	t.Helper()
	challenge, err := flowclient.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return flowclient.Step{Flow: flow, Challenge: challenge, Cookies: flowclient.Cookies{"authentik_session": "secret"}}
}
