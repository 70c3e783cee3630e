package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// TokenVariable is the environment variable for the token.
const TokenVariable = "AUTHENTIK_TOKEN" //nolint:gosec // the name of a variable, not a token

// maxToken is how many bytes of a token are read.
const maxToken = 4096

// A Terminal is where the operator answers questions.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	// Environment returns an environment variable.
	Environment func(string) string

	lines *bufio.Reader
}

// terminal returns the file descriptor of the input, if that is a terminal.
func (t *Terminal) terminal() (fd int, found bool) {
	f, ok := t.In.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd()) //nolint:gosec // descriptors are small
	return fd, term.IsTerminal(fd)
}

// ErrInterrupted is returned if a question was interrupted, for example by Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// awaited returns the result of read, unless the context ends first. A read
// from a terminal cannot be stopped; it then goes on.
func awaited(ctx context.Context, read func() (string, error)) (text string, err error) {
	done := make(chan struct{})
	var got string
	var failed error
	go func() {
		defer close(done)
		got, failed = read()
	}()
	select {
	case <-done:
		return got, failed
	case <-ctx.Done():
		return "", ErrInterrupted
	}
}

// Secret returns a secret from a file, from the environment, or from the
// terminal, which does not echo it. With the file "-" it is read from the
// input. Errors do not contain it.
func (t *Terminal) Secret(ctx context.Context, what, file, variable string) (string, error) {
	switch {
	case file == "-":
		text, err := awaited(ctx, t.line)
		if err != nil {
			return "", fmt.Errorf("reading the %s from the input: %w", what, err)
		}
		return checkSecret(what, text)
	case file != "":
		return t.fromFile(what, file)
	case variable != "" && t.Environment(variable) != "":
		return checkSecret(what, t.Environment(variable))
	}
	fd, found := t.terminal()
	if !found {
		return "", fmt.Errorf("the %s is missing, and there is no terminal to ask for it; write it to a file and name that file, or set %s", what, variable)
	}
	fmt.Fprintf(t.Out, "The %s (it is not shown): ", what)
	echoing, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	text, err := awaited(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	fmt.Fprintln(t.Out)
	if errors.Is(err, ErrInterrupted) {
		return "", errors.Join(err, term.Restore(fd, echoing))
	}
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	return checkSecret(what, text)
}

func (t *Terminal) fromFile(what, file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	return checkSecret(what, string(text))
}

// line reads a line of the input.
func (t *Terminal) line() (string, error) {
	if t.lines == nil {
		t.lines = bufio.NewReader(io.LimitReader(t.In, 1<<20))
	}
	text, err := t.lines.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		return "", err
	}
	return strings.TrimSpace(text), nil
}

func checkSecret(what, text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fmt.Errorf("the %s is empty", what)
	case len(text) >= maxToken || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("the %s is not one line of text; check what the file holds", what)
	}
	return text, nil
}

// Token returns the API token.
func (t *Terminal) Token(ctx context.Context, file string) (admin.Token, error) {
	text, err := t.Secret(ctx, "API token of an administrator of authentik", file, TokenVariable)
	return admin.Token(text), err
}

// Confirm asks a question and reports whether the answer is yes.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	if _, found := t.terminal(); !found && t.lines == nil {
		if _, ok := t.In.(*os.File); ok {
			return false, errors.New("there is no terminal to ask for a confirmation; add --yes, or --dry-run to only look")
		}
	}
	fmt.Fprint(t.Out, question+" [y/N] ")
	answer, err := awaited(ctx, t.line)
	switch {
	case errors.Is(err, io.EOF):
		fmt.Fprintln(t.Out)
		return false, errors.New("the input ends without an answer; add --yes, or --dry-run to only look")
	case errors.Is(err, ErrInterrupted):
		fmt.Fprintln(t.Out)
		return false, err
	case err != nil:
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), nil
}
