// Package session holds the life of sessions: how they begin, are found, are
// rechecked and end.
//
//   - record.go: a session as it is stored, and what authentik has said of it
//   - session.go: a session as the process keeps it
//   - registry.go: sessions found by their cookie and amended
//   - cache.go, tombstones.go: the copies in the process, and the revocations
//     that they are checked against
//   - begin.go, end.go, idle.go: a session's beginning and its ends
//   - recheck.go: asking authentik again
//   - index.go, turns.go: the index of each user's sessions
//   - streams.go: responses that last as long as their session
//
// It knows no request, no page and no authentication source: authentik is asked
// through the functions in Options.
package session
