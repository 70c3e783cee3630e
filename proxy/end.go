package proxy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// end ends a session for everybody, and nobody can bring it back.
func (s *sessions) end(ctx context.Context, session *Session) error {
	if err := s.bury(ctx, session.name, session.Until); err != nil {
		return err
	}
	s.strike(ctx, session.User.UID, line{Name: session.name})
	return nil
}

// bury ends what has a name: a session, or all that share an end.
func (s *sessions) bury(ctx context.Context, name string, until time.Time) error {
	s.cache.drop(name)
	if err := s.cfg.Store.Revoke(ctx, name, until); err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	s.cache.drop(name) // somebody may have read it in between
	return nil
}

// strike takes sessions that have ended off their user's roll, and returns those that were on
// it. Where it fails they stay there until they are over, which misleads nobody but a list.
func (s *sessions) strike(ctx context.Context, uid string, ended ...line) (struck []line) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWait)
	defer cancel()
	names := make(map[string]bool, len(ended))
	for _, at := range ended {
		names[at.Name] = true
	}
	err := s.rolls.change(ctx, uid, func(l *roll) bool {
		struck = l.strike(func(at line) bool { return names[at.Name] })
		return len(struck) > 0
	})
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "sessions that have ended stay on the list of their user until they are over",
			"error", errors.Unwrap(err), "sessions", len(ended))
		return nil
	}
	return struck
}

// endUser ends all sessions of a user that have begun before, in every realm and process, and
// returns them. The epoch changes first: who signs in from then on is not hit. Then
// its end is buried, which is what ends the sessions; and only when that has come are they struck off.
func (s *sessions) endUser(ctx context.Context, uid string) (ended []line, err error) {
	leave, err := s.rolls.turns.wait(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ending []string
	var until time.Time
	err = s.rolls.change(ctx, uid, func(l *roll) bool {
		l.closeEpoch()
		ending, until = slices.Clone(l.Ending), l.latest(s.cfg.Now().Add(s.cfg.Lifetime))
		return len(ending) > 0
	})
	if err != nil || len(ending) == 0 {
		return nil, err
	}
	for _, epoch := range ending {
		if err := s.bury(ctx, s.rolls.userEnd(uid, epoch), until); err != nil {
			return nil, err
		}
	}
	over := func(epoch string) bool { return slices.Contains(ending, epoch) }
	err = s.rolls.change(ctx, uid, func(l *roll) bool {
		ended = l.strike(func(at line) bool { return over(at.Epoch) })
		l.Ending = slices.DeleteFunc(l.Ending, over)
		return true
	})
	s.clear(ctx, ended)
	return ended, err
}

// clear makes room in the store. The records that it misses open for nobody and
// go when they are over.
func (s *sessions) clear(ctx context.Context, ended []line) {
	for _, at := range ended {
		if err := s.cfg.Store.Delete(ctx, at.Name); err != nil {
			s.cfg.Logger.WarnContext(ctx, "records of sessions that have ended stay in the store until they are over", "error", err)
			return
		}
	}
}

// tell logs and counts that a session has ended.
func (s *sessions) tell(ctx context.Context, ended line, username, reason string) {
	s.cfg.Metrics.Ended(reason)
	s.cfg.Logger.InfoContext(ctx, "session ended", "reason", reason, "user", username, "session", publicID(ended.Name))
}
