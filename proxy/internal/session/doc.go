// Package session holds the life of sessions: how they begin, are found, are
// rechecked and end.
//
//   - options.go, registry.go: the options of a registry, and the store's
//     revocations
//   - record.go: a session in the store, and authentik's confirmation of it
//   - session.go: a session in the process
//   - find.go: how a session is found by its cookie, and changed
//   - cache.go, tombstones.go: the copies in the process, and the revocations
//     that they are checked against
//   - begin.go, enter.go, end.go: how a session begins and ends
//   - lapse.go: sessions that end by themselves, unused or at the end of
//     their lifetime
//   - stay.go: another session for a visitor who stays signed in
//   - recheck.go: asking authentik again
//   - stream.go, streams.go, review.go: responses that end with their session
//   - program.go: the session of a program, which is only in memory
//   - problems.go: headers that a session lacks
//   - peek.go: looking a session up without effects
//
// The package does not know requests, pages or authentication sources. It asks
// authentik through the functions in Options.
package session
