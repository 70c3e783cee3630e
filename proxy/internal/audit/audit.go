// Package audit writes the audit log: one line for each sign-in, refusal and
// end of a session. Every line has the same fields, so a program can read them
// without knowing the events.
package audit

import (
	"context"
	"log/slog"
	"net/netip"
)

// Message is the message of every line.
const Message = "audit"

// An Event is the kind of a line.
type Event string

// The events.
const (
	SignIn      Event = "sign-in"      // a session has begun, or a program's credential was accepted
	WrongAnswer Event = "wrong-answer" // authentik has not accepted an answer, such as a password
	Refusal     Event = "refusal"      // a request was refused, for a reason other than a missing sign-in
	SignOut     Event = "sign-out"     // a user has signed out
	SessionEnd  Event = "session-end"  // a session has ended in another way
	AdminEnd    Event = "admin-end"    // an administrator has ended a session
)

// CredentialRefused is the reason for a refusal that has no code: authentik did
// not accept the credential of a program.
const CredentialRefused = "credential-refused" //nolint:gosec // a word, and no credential

// Events returns all events.
func Events() []Event {
	return []Event{SignIn, WrongAnswer, Refusal, SignOut, SessionEnd, AdminEnd}
}

// Ended returns the event for a session that ended for a reason.
func Ended(reason string) Event {
	switch reason {
	case "signed-out":
		return SignOut
	case "admin":
		return AdminEnd
	default:
		return SessionEnd
	}
}

// A Line is one line of the log. A field that is not known is empty.
type Line struct {
	Event Event
	// Reason is the code of a refusal, or the reason why a session ended.
	Reason string
	// User and Session are the username and the public ID. A name that a
	// visitor typed is never written here: it may be a password in the wrong
	// field.
	User, Session string
	// Site is the origin of the request, and Client the visitor's address.
	Site   string
	Client netip.Addr
	// Way is how a user signed in: session, oidc, host, basic or bearer.
	Way string
	// Component is the challenge of a wrong answer.
	Component string
}

// A Log writes lines. The zero Log drops them. It is safe for concurrent use.
type Log struct{ logger *slog.Logger }

// New returns a log that writes to a logger. A nil logger drops everything.
func New(logger *slog.Logger) Log { return Log{logger} }

// Writes reports whether the log writes its lines somewhere.
func (l Log) Writes() bool { return l.logger != nil }

// Write writes a line with all fields.
func (l Log) Write(ctx context.Context, line Line) {
	if l.logger == nil {
		return
	}
	client := ""
	if line.Client.IsValid() {
		client = line.Client.String()
	}
	l.logger.LogAttrs(ctx, slog.LevelInfo, Message,
		slog.String("event", string(line.Event)), slog.String("reason", line.Reason),
		slog.String("user", line.User), slog.String("session", line.Session),
		slog.String("site", line.Site), slog.String("client_ip", client),
		slog.String("way", line.Way), slog.String("component", line.Component))
}
