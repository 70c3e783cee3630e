package setup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// interrupted runs the command with an input that never ends. ask is called with
// what the command says, and interrupts it by ending the context.
func interrupted(t *testing.T, ctx context.Context, said io.Writer, args ...string) error { //nolint:revive // t comes first in every helper
	t.Helper()
	never, end := io.Pipe()
	t.Cleanup(func() { _ = end.Close() })
	c := Command(func([]string) (http.RoundTripper, error) { return http.DefaultTransport, nil })
	c.SetOut(io.Discard)
	c.SetErr(said)
	c.SetIn(never)
	c.SetArgs(args)
	c.SilenceUsage, c.SilenceErrors = true, true
	return c.ExecuteContext(ctx)
}

// A sayer calls then when a text was written.
type sayer struct {
	bytes.Buffer
	text string
	then func()
}

func (s *sayer) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if strings.Contains(s.String(), s.text) {
		s.then()
	}
	return n, err
}

// A command that waits for an answer ends when it is interrupted.
func TestCommand_InterruptedQuestionChangesNothing(t *testing.T) {
	at := standIn(t, authentiktest.Release202608)
	args := []string{"--url", at.url, "--site", "https://wiki.example.com", "--group", group}
	t.Setenv(TokenVariable, "the-token")
	ctx, interrupt := context.WithCancel(t.Context())
	err := interrupted(t, ctx, &sayer{text: "[y/N]", then: interrupt}, args...)
	if err == nil || err.Error() != "interrupted; nothing was changed" {
		t.Errorf("at the confirmation: got %v, want interrupted", err)
	}
	ctx, interrupt = context.WithCancel(t.Context())
	interrupt()
	if err := interrupted(t, ctx, io.Discard, append(args, "--token-file", "-")...); err == nil || err.Error() != "interrupted; nothing was changed" {
		t.Errorf("at the token: got %v, want interrupted", err)
	}
	if apps, spare := at.server.Applications(); len(apps)+len(spare) != 0 {
		t.Errorf("got %+v %+v, want nothing", apps, spare)
	}
}

// An input that ends is no answer, and says what to write.
func TestCommand_EndOfInputNamesTheOption(t *testing.T) {
	at := standIn(t, authentiktest.Release202608)
	_, _, err := ran(t, "the-token\n", "--url", at.url, "--site", "https://wiki.example.com", "--group", group, "--token-file", "-")
	if err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("got %v, want an error that names --yes", err)
	}
}

// A run that is interrupted while it changes something says that it has begun, and
// how to go on. Wherever it is interrupted, --remove leaves nothing.
func TestCommand_InterruptedRunSaysWhatRemains(t *testing.T) {
	t.Setenv(TokenVariable, "the-token")
	for n := int64(1); ; n++ {
		at := standIn(t, authentiktest.Release202608)
		secret := filepath.Join(t.TempDir(), "secret")
		ctx, interrupt := context.WithCancel(t.Context())
		var count atomic.Int64
		at.api.Before = func(r *http.Request) bool {
			if r.ContentLength > 2 && count.Add(1) == n { // it does not only ask for rights
				interrupt()
			}
			return true
		}
		args := []string{"--url", at.url, "--application", "wiki", "--yes", "--secret-file", secret}
		err := interrupted(t, ctx, io.Discard, append(args, "--site", "https://wiki.example.com", "--group", group, "--openid")...)
		interrupt()
		if count.Load() < n {
			if n < 4 {
				t.Errorf("got %d requests that change something, want more", n-1)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), "run it with --remove") {
			t.Errorf("interrupted at request %d: got %v, want what remains", n, err)
		}
		if _, said, err := ran(t, "", append(args, "--remove")...); err != nil {
			t.Errorf("interrupted at request %d, removed: got %q %v", n, said, err)
		}
		if apps, spare := at.server.Applications(); len(apps)+len(spare) != 0 {
			t.Errorf("interrupted at request %d, removed: got %+v %+v, want nothing", n, apps, spare)
		}
	}
}

// losing loses the answer to the nth request that deletes something.
type losing struct{ count, nth int }

func (l *losing) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || req.Method != http.MethodDelete {
		return res, err
	}
	if l.count++; l.count == l.nth {
		return nil, errors.Join(io.ErrUnexpectedEOF, res.Body.Close())
	}
	return res, nil
}

// A removal that breaks off at any request deletes the rest when it is run again,
// the file with the secret included.
func TestSetup_RemovalBrokenOffAndRunAgainLeavesNothing(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		at := standIn(t, authentiktest.Release202608)
		w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
		carryOut(t, at, w, Make)
		loses := &losing{nth: n}
		at.client.HTTP.Transport = loses
		_, err := Carry(t.Context(), at.client, removing(w), MakeRemoval, func(Step) {})
		if loses.count < n {
			if n < 3 {
				t.Errorf("got %d requests that delete something, want more", n-1)
			}
			return
		}
		if err == nil {
			t.Errorf("broken off at request %d: got no error", n)
		}
		carryOut(t, at, removing(w), MakeRemoval)
		if s := state(t, at, w); s.App != nil || s.Named != nil || s.Secret != "" {
			t.Errorf("broken off at request %d, run again: got %+v %+v and a secret %v, want nothing", n, s.App, s.Named, s.Secret != "")
		}
	}
}

// A file that no provider of setup's goes with stays, and the operator is told.
func TestSetup_RemovalNamesTheFileThatStays(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
	must(t, writeSecret{w.SecretFile, w.Fresh}.do(t.Context(), nil))
	_, p, err := Prepare(t.Context(), at.client, removing(w), MakeRemoval)
	if err != nil || len(p.Steps) > 0 || !strings.Contains(strings.Join(p.Notes, "\n"), w.SecretFile) {
		t.Errorf("got %+v and %v, want a note about %s", p, err, w.SecretFile)
	}
}
