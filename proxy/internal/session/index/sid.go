package index

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// beginsFor is the maximum time between authentik's confirmation of a sign-in
// and the beginning of its session. The notice that an authentik session has
// ended is remembered for as long if no known session rests on it.
const beginsFor = 10 * time.Minute

// maxUnsigned is the maximum number of unsigned notices that are remembered.
const maxUnsigned = 10_000

// ErrEndedEarly means that authentik ended its session after it had confirmed
// the sign-in. The session here does not begin.
var ErrEndedEarly = errors.New("proxy: authentik has ended its session during the sign-in")

// A sidRecord is stored for an authentik session on which sessions rest.
type sidRecord struct {
	Until time.Time `json:"until"`
	// Epoch changes when the sessions that rest on the authentik session have
	// been ended here. So a user who signs in again with the same authentik
	// session gets a session that is not revoked. The sessions of one epoch
	// share a tombstone. The first epoch is empty.
	Epoch string `json:"epoch,omitempty"`
	// Ended is when authentik last said that its session has ended.
	Ended time.Time `json:"ended,omitzero"`
	// UID is the user whose list has those of the sessions that rest on a
	// record.
	UID string `json:"uid,omitempty"`
}

// UnmarshalJSON also reads records of the first version, which contain only a
// time.
func (s *sidRecord) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &s.Until)
	}
	type plain sidRecord
	return json.Unmarshal(text, (*plain)(s))
}

func (x *Index) sidBox(sid string) seal.Box {
	return x.key.Own(seal.KindSID, x.issuer+"\x00"+sid)
}

// sidTombstone ends all sessions that rest on one session of authentik and began
// in an epoch.
func (x *Index) sidTombstone(sid, epoch string) string {
	if epoch != "" {
		epoch += "\x00"
	}
	return x.key.Tombstone("sid", x.issuer+"\x00"+epoch+sid)
}

// readSID returns the stored record of an authentik session.
func (x *Index) readSID(ctx context.Context, sid string) (rec sidRecord, kept store.Record, found bool, err error) {
	b := x.sidBox(sid)
	kept, found, err = x.store.Load(ctx, b.Name())
	if err != nil || !found {
		return sidRecord{}, kept, false, err
	}
	if err := b.Open(kept.Value, &rec); err != nil {
		x.logger.ErrorContext(ctx, "session index: record of a session at authentik cannot be opened and begins again", "error", err)
		return sidRecord{}, kept, false, nil
	}
	return rec, kept, true, nil
}

func (x *Index) saveSID(ctx context.Context, sid string, rec sidRecord, expiry time.Time, version store.Version) error {
	b := x.sidBox(sid)
	sealed, err := b.Seal(rec)
	if err != nil {
		return err
	}
	_, err = x.store.Save(ctx, b.Name(), store.Record{Value: sealed, Expiry: expiry, Version: version})
	return err
}

// Know stores that a new session rests on an authentik session, for as long as
// the new session may last. It returns the epoch of the authentik session.
//
// Front-channel notices act only on known sessions: any client can send a
// notice, and the number of records that are written for notices must be
// bounded by the number of sign-ins. Without OpenID Connect there are no
// notices, and for the first epoch nothing is stored, except for a session that
// rests on a record.
//
// If authentik has ended its session since it confirmed the sign-in, Know
// returns ErrEndedEarly.
func (x *Index) Know(ctx context.Context, sid, resting string, confirmed, until time.Time) (epoch string, err error) {
	if sid == "" {
		return "", nil
	}
	err = persist(ctx, func() error {
		rec, kept, found, err := x.readSID(ctx, sid)
		if err != nil {
			return err
		}
		unsigned, _ := x.unsigned.Get(sid)
		if ended := Later(rec.Ended, unsigned); !ended.IsZero() && !confirmed.After(ended) {
			return ErrEndedEarly
		}
		over, err := x.store.Revoked(ctx, x.sidTombstone(sid, rec.Epoch))
		if err != nil {
			return err
		}
		if over {
			rec.Epoch = newEpoch()
		}
		epoch = rec.Epoch
		longer := until.After(x.now().Add(x.lifetime)) // as long as an end must be kept
		needed := x.notices || longer || epoch != "" || resting != ""
		if !needed || found && !over && !kept.Expiry.Before(until) && (resting == "" || resting == rec.UID) {
			return nil
		}
		rec.Until = Later(rec.Until, until)
		expiry := Later(kept.Expiry, until)
		if resting != "" { // longer, so that most later sign-ins need not save it again
			rec.UID, expiry = resting, Later(expiry, until.Add(until.Sub(x.now())))
		}
		return x.saveSID(ctx, sid, rec, expiry, kept.Version)
	})
	return epoch, err
}

// NoteUnsigned remembers for a moment, in this process, an unsigned notice for
// an authentik session on which no known session rests: a session on it may be
// about to begin.
func (x *Index) NoteUnsigned(sid string) { x.unsigned.Put(sid, x.now(), beginsFor) }

// Knows reports whether any session has rested on an authentik session.
func (x *Index) Knows(ctx context.Context, sid string) (bool, error) {
	_, found, err := x.store.Load(ctx, x.sidBox(sid).Name())
	if err != nil {
		return false, fault.New(fault.SessionsUnavailable, err)
	}
	return found, nil
}

// RestingOn returns the tombstone that ends all sessions that rest on an
// authentik session and have begun before, and when the last of them expires.
// uid is the user whose list has those of them that rest on a record; it may be
// empty.
func (x *Index) RestingOn(ctx context.Context, sid string) (tombstone, uid string, until time.Time, err error) {
	rec, _, _, err := x.readSID(ctx, sid)
	if err != nil {
		return "", "", time.Time{}, fault.New(fault.SessionsUnavailable, err)
	}
	return x.sidTombstone(sid, rec.Epoch), rec.UID, rec.Until, nil
}

// SIDTombstone is the tombstone of a session that rests on an authentik session
// and began in an epoch.
func (x *Index) SIDTombstone(sid, epoch string) string {
	if sid == "" {
		return ""
	}
	return x.sidTombstone(sid, epoch)
}

// NoteEnd stores that authentik has ended its session. Know then returns
// ErrEndedEarly for a sign-in that authentik confirmed before.
func (x *Index) NoteEnd(ctx context.Context, sid string, ended time.Time) error {
	return persist(ctx, func() error {
		rec, kept, _, err := x.readSID(ctx, sid)
		if err != nil {
			return err
		}
		rec.Ended = Later(rec.Ended, ended)
		return x.saveSID(ctx, sid, rec, Later(kept.Expiry, ended.Add(beginsFor)), kept.Version)
	})
}
