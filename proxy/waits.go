package proxy

import (
	"log/slog"
	"time"

	gocache "github.com/patrickmn/go-cache"
	"golang.org/x/sync/singleflight"
)

const (
	// heardFor is how long what was heard of a visit is not asked for again, and
	// waitsBound of how many visits something is kept.
	heardFor   = 2 * time.Second
	waitsBound = 10_000
)

// waits ask others, in the name of visits, whether something has happened there. However often
// a page asks, one question of a visit goes out at a time, and few of them.
type waits struct {
	asking singleflight.Group
	heard  *gocache.Cache // by visit: news
}

// A progress says how far something is that happens elsewhere.
type progress int

const (
	progressNone progress = iota // not yet
	progressDone                 // it has happened
	progressOver                 // it will not happen any more
)

// news is what was heard. Token is what Plex gave for the visitor.
type news struct {
	progress progress
	token    string
	err      error
}

// LogValue tells no token.
func (n news) LogValue() slog.Value { return slog.IntValue(int(n.progress)) }

func newWaits() *waits { return &waits{heard: gocache.New(heardFor, 0)} }

// sweep forgets what nobody may hear again.
func (w *waits) sweep() { w.heard.DeleteExpired() }

// hear returns what is new of a visit. Where too many visits wait at once, nothing is.
func (w *waits) hear(visit string, ask func() news) news {
	found, _, _ := w.asking.Do(visit, func() (any, error) {
		if kept, ok := w.heard.Get(visit); ok {
			return kept, nil
		}
		if w.heard.ItemCount() >= waitsBound {
			w.heard.DeleteExpired()
		}
		if w.heard.ItemCount() >= waitsBound {
			return news{}, nil
		}
		fresh := ask()
		w.heard.SetDefault(visit, fresh)
		return fresh, nil
	})
	heard, _ := found.(news)
	return heard
}
