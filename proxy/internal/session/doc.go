// Package session holds the life of sessions: how they begin, are found, are
// rechecked and end.
//
//   - options.go, registry.go: what a registry needs, and what it watches
//   - record.go: a session as it is stored, and what authentik has said about it
//   - session.go: a session as the process keeps it
//   - find.go: sessions found by their cookie and amended
//   - cache.go, tombstones.go: the copies in the process, and the revocations
//     that they are checked against
//   - begin.go, enter.go, end.go: a session's beginning and its end
//   - lapse.go: sessions that end by themselves, unused or at the end of their lifetime
//   - stay.go: another session for a visitor who stays signed in
//   - recheck.go: asking authentik again
//   - stream.go, streams.go, review.go: responses that last as long as their session
//   - program.go: the session of a program, which is only in memory
//   - problems.go: headers that a session lacks
//
// It does not know requests, pages or authentication sources: authentik is
// asked through the functions in Options.
package session
