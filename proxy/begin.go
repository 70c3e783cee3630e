package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

const (
	// keepWait is how long the store may take over the beginning of a session.
	keepWait = 30 * time.Second
	// tidyWait is how long it may take over what nobody depends on.
	tidyWait = 5 * time.Second
)

// errOvertaken is why a session does not begin that others have put an end to before it
// was stored: as many sign-ins of the same user, at the same moment, as there may be sessions.
var errOvertaken = errors.New("proxy: the session was ended before it had begun")

// start keeps a new session and returns it with the secret that the browser
// gets. A session that cannot be kept does not begin, nor does one that is not on its user's roll: it
// would outlive the end of all the others.
func (s *sessions) start(ctx context.Context, rec record, at Resolved) (seal.Secret, *Session, error) {
	ctx, cancel := context.WithTimeout(ctx, keepWait)
	defer cancel()
	leave, err := s.rolls.turns.wait(ctx, rec.User.UID)
	if err != nil {
		return seal.Secret{}, nil, err
	}
	defer leave()
	browser := seal.NewSecret()
	b := s.keys.Box(seal.KindSession, s.realm(at), browser)
	surplus, err := s.enrol(ctx, &rec, b, at)
	if err == nil {
		err = s.keep(ctx, rec, b)
	}
	if err == nil {
		err = s.curb(ctx, rec.User, surplus)
	}
	if err != nil {
		s.undo(ctx, rec, b)
		return seal.Secret{}, nil, err
	}
	return browser, s.prepare(rec, b, at), nil
}

// enrol puts a session on its user's roll and gives it its ends. It returns what has to end
// for it.
func (s *sessions) enrol(ctx context.Context, rec *record, b seal.Box, at Resolved) (surplus []line, err error) {
	if err := s.rolls.lead(ctx, rec.User.Username, rec.User.UID, rec.Until); err != nil {
		return nil, err
	}
	session := line{
		Name: b.Name(), Site: s.scope(at), Flow: s.cfg.Flow, Client: s.cfg.OIDC.ClientID, Begun: rec.Begun, Until: rec.Until,
		Addr: rec.Addr, Agent: shortened(rec.UserAgent),
	}
	var epoch string
	err = s.rolls.change(ctx, rec.User.UID, func(l *roll) bool {
		epoch, l.Username = l.Epoch, rec.User.Username
		surplus = l.enter(session, s.cfg.MaxPerUser)
		return true
	})
	if err == nil {
		err = s.rolls.know(ctx, rec.SID, rec.Until)
	}
	rec.Ends = append(rec.Ends, s.rolls.ends(rec.User.UID, epoch, rec.SID)...)
	return surplus, err
}

// keep stores the record of a new session.
func (s *sessions) keep(ctx context.Context, rec record, b seal.Box) error {
	sealed, err := b.Seal(rec)
	if err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	_, err = s.cfg.Store.Save(ctx, b.Name(), Record{Value: sealed, Expiry: rec.Until})
	switch {
	case isConflict(err): // nobody else has this name, so it was buried
		return fault.New(fault.SessionsUnavailable, errOvertaken)
	case err != nil:
		return fault.New(fault.SessionsUnavailable, err)
	}
	return nil
}

// curb ends the sessions that are too many beside a new one.
func (s *sessions) curb(ctx context.Context, user User, surplus []line) error {
	if len(surplus) == 0 {
		return nil
	}
	for _, old := range surplus {
		if err := s.bury(ctx, old.Name, old.Until); err != nil {
			return err
		}
	}
	for _, old := range s.strike(ctx, user.UID, surplus...) {
		s.tell(ctx, old, user.Username, "limit")
	}
	return nil
}

// undo takes back what there is of a session that does not begin. What it cannot take
// back opens for nobody: no browser was given the secret.
func (s *sessions) undo(ctx context.Context, rec record, b seal.Box) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWait)
	defer cancel()
	if err := s.cfg.Store.Delete(ctx, b.Name()); err != nil {
		s.cfg.Logger.WarnContext(ctx, "what was stored of a session that did not begin stays until it is over", "error", err)
	}
	s.strike(ctx, rec.User.UID, line{Name: b.Name()})
}
