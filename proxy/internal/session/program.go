package session

import (
	"context"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// Program returns the session of a program that shows a credential with each
// request. It is only in memory: no store has a record of it, no index has its
// name, and no cookie opens it. It lasts until its credential expires, but no
// longer than other sessions.
func (r *Registry) Program(name string, who Proof, asked, expires time.Time) *Session {
	rec := &Record{Begun: asked, Until: asked.Add(r.Lifetime)}
	if !expires.IsZero() && expires.Before(rec.Until) {
		rec.Until = expires
	}
	rec.Take(who, asked)
	rec.Ends = []string{r.Index.ProgramsOf("user", who.User.UID), r.Index.ProgramsOf("name", who.User.Username)}
	if who.SID != "" {
		rec.Ends = append(rec.Ends, r.Index.ProgramsOf("sid", who.SID))
	}
	if r.Application != "" {
		rec.Apps = map[string]bool{r.Application: who.Passing}
	}
	s := r.made(name, rec)
	s.program, s.weight = true, s.size()
	return s
}

// announce ends the sessions of programs that end with a name, in every
// process.
func (r *Registry) announce(ctx context.Context, name string) error {
	return r.Revoke(ctx, name, time.Time{})
}

// EndProgramsOf ends the sessions of a user's programs, in every process, and
// returns those of this process. When a program comes back, authentik is asked
// again.
func (r *Registry) EndProgramsOf(ctx context.Context, username string) (ended []*Session, err error) {
	name := r.Index.ProgramsOf("name", username)
	ended = r.forget(name)
	return ended, r.announce(ctx, name)
}

// forget ends the sessions of programs in this process that end with a name.
// The empty name means all.
func (r *Registry) forget(name string) (ended []*Session) {
	if r.EndPrograms == nil || name != "" && !seal.IsTombstone(name) {
		return nil
	}
	return r.EndPrograms(name)
}

// IsProgram reports whether the session is that of a program's credential.
func (s *Session) IsProgram() bool { return s.program }

// Weight returns the approximate size of the session in memory, in bytes.
func (s *Session) Weight() int64 { return s.weight }

// Again asks about the credential that a running request has shown. It returns
// the credential's present session, and whether a request with it would pass.
type Again func(backgroundCtx context.Context) (s *Session, stays bool)

// FollowProgram is Follow for the session of a program.
func (r *Registry) FollowProgram(ctx context.Context, w http.ResponseWriter, s *Session, again Again) *Stream {
	one := &Stream{Context: ctx, Session: s, Again: again, owner: r, w: w}
	r.Streams.begin(one)
	return one
}
