package signin

import (
	"context"
	"log/slog"
	"time"

	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// newsLifetime is how long Duo or Plex is not asked again about a visit, and
	// maxWaits about how many visits they are asked within that time.
	newsLifetime = 2 * time.Second
	maxWaits     = 10_000
)

// waits ask Duo and Plex whether what a visit waits for has happened there.
// However often its page polls, one request of a visit runs at a time, and few
// within a minute.
type waits struct {
	known *ttlcache.Cache[string, news] // by visit
}

// A progress says how far something is that happens elsewhere.
type progress int

const (
	progressNone progress = iota // not yet
	progressDone                 // it has happened
	progressOver                 // it will not happen any more
)

// news is what Duo or Plex has answered. Token is what Plex gave for the visitor.
type news struct {
	progress progress
	token    string
	err      error
}

// LogValue keeps the token out of logs.
func (n news) LogValue() slog.Value { return slog.IntValue(int(n.progress)) }

func newWaits(now func() time.Time) *waits {
	return &waits{ttlcache.New(ttlcache.Options[string, news]{Entries: maxWaits, Now: now})}
}

func (w *waits) sweep() { w.known.Sweep() }

// ask returns what is new about a visit. While too many visits wait at once it
// asks about no further ones, and nothing is new about them.
func (w *waits) ask(ctx context.Context, visit string, fetch func(context.Context) news) news {
	known, err := w.known.Do(ctx, visit, func(ctx context.Context) (news, time.Duration, error) {
		if w.full() {
			return news{}, 0, nil
		}
		return fetch(ctx), newsLifetime, nil
	})
	if err != nil {
		return news{err: err}
	}
	return known
}

func (w *waits) full() bool {
	if w.known.Len() >= maxWaits {
		w.known.Sweep()
	}
	return w.known.Len() >= maxWaits
}
