package signin

import (
	"context"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

// The next action of a waiting page.
const (
	pollWait   = "wait"   // nothing has happened
	pollAnswer = "answer" // the event has happened: submit the form
	pollBegin  = "begin"  // the user has signed in in another tab: open the application
)

// poll tells a waiting page what to do. It reads the store only for browsers with
// a session cookie.
func (h *Handler) poll(x *exchange.Exchange, said reply.Reply) {
	next := pollWait
	if _, found, err := x.Session(); err == nil && found {
		next = pollBegin
	} else if vis, err := h.Opened(x, said.Visit); err == nil && h.ready(x, vis) {
		next = pollAnswer
	}
	_ = x.Tell(map[string]string{"next": next}) // fails only if the client has disconnected
}

// ready reports whether the event that a visit waits for has happened, or can
// no longer happen. In both cases the page submits its form.
func (h *Handler) ready(x *exchange.Exchange, vis Visit) bool {
	switch c := vis.waitsFor().(type) {
	case flowclient.AuthenticatorDuo:
		return h.waits.ask(x.Context(), vis.ID, h.duoNews(x, vis, c)).progress != progressNone
	case flowclient.SourcePlex:
		return h.waits.ask(x.Context(), vis.ID, h.plexNews(vis, c)).progress != progressNone
	default:
		return false
	}
}

// waitsFor returns the challenge of a visit if its answer depends on an event
// elsewhere.
func (v Visit) waitsFor() flowclient.Challenge {
	if v.Detour == nil {
		return v.Step.Challenge
	}
	source, ok := sourceAt(v.Step.Challenge, v.Detour.Place)
	if !ok || v.Detour.PIN == nil {
		return nil
	}
	return source.Challenge
}

const (
	// newsLifetime is how long Duo or Plex is not asked again about a visit.
	// maxWaits is the approximate maximum number of visits about which they are
	// asked within that time.
	newsLifetime = 2 * time.Second
	maxWaits     = 10_000
)

// waits asks Duo and Plex whether the event that a visit waits for has
// happened. However often the page of a visit polls, only one request for it
// runs at a time, and few within a minute.
type waits struct {
	known *ttlcache.Cache[string, news] // by visit
}

// A progress is the state of an event elsewhere.
type progress int

const (
	progressNone progress = iota // it has not happened yet
	progressDone                 // it has happened
	progressOver                 // it will not happen any more
)

// news is an answer of Duo or Plex. Token is the token that Plex gave for the
// visitor.
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

// ask returns the news about a visit. If too many visits wait at the same time,
// it asks nothing about further visits, and returns no news for them.
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
