package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// pause is how long an ear waits before it tries to hear again.
const pause = 250 * time.Millisecond

var errDeaf = errors.New("redis: what was published did not come back in time")

// An audience is told what an ear hears.
type audience interface {
	began()            // from now on everything is heard
	ended(name string) // a name was buried
	lost()             // something may have been missed
}

// An ear hears what is published, on a connection of its own.
type ear struct {
	client  goredis.UniversalClient
	channel string
	log     *slog.Logger
	greeted func(context.Context) // done once, when the server answers
}

func (s *Store) ear() *ear {
	return &ear{
		client: s.client, channel: s.channel(), log: s.cfg.Logger,
		greeted: s.warnOfEviction,
	}
}

// listen hears until ctx is done. While it cannot, its audience is told so again and again.
func (e *ear) listen(ctx context.Context, to audience) {
	silent := false
	heard := func() {
		if silent {
			e.log.InfoContext(ctx, "sessions that end elsewhere are heard of again")
		}
		silent = false
	}
	for ctx.Err() == nil {
		err := e.hear(ctx, to, heard)
		if ctx.Err() != nil {
			return
		}
		to.lost()
		if !silent {
			e.log.WarnContext(ctx, "sessions that end elsewhere are not heard of", "error", err)
		}
		silent = true
		wait(ctx, pause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// hear hears until it cannot any more. It reads with its own hands: the driver's channel
// drops what nobody takes in time, and says nothing. Who is slow here is left behind by the
// server in the end, which closes the connection.
func (e *ear) hear(ctx context.Context, to audience, heard func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sub := e.client.Subscribe(ctx)
	hangUp := func() { _ = sub.Close() } // a second time is an error without a meaning
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)() // a read does not know of ctx
	p := newPulse(time.Now())
	if err := e.subscribe(ctx, sub); err != nil {
		return err
	}
	for {
		message, err := e.receive(ctx, sub, p)
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *goredis.Subscription:
			heard()
			to.began()
			go e.beat(ctx, cancel, p)
			go e.greeted(ctx)
		case *goredis.Message:
			if store.ValidName(message.Payload) { // anybody who may publish can publish anything
				to.ended(message.Payload)
			}
			p.hear(message.Payload)
		}
	}
}

func (e *ear) subscribe(ctx context.Context, sub *goredis.PubSub) error {
	ctx, cancel := context.WithTimeout(ctx, deafAfter)
	defer cancel()
	return sub.Subscribe(ctx, e.channel)
}

// receive waits for a message as long as hearing can be believed in. A connection on which
// the time ran out is of no more use: it may have been in the middle of a message.
func (e *ear) receive(ctx context.Context, sub *goredis.PubSub, p *pulse) (any, error) {
	left := p.left(time.Now())
	if left <= 0 {
		return nil, errDeaf
	}
	within, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	message, err := sub.ReceiveTimeout(within, left)
	switch {
	case err == nil:
		return message, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case p.left(time.Now()) <= 0:
		return nil, errDeaf
	}
	return nil, err
}

// beat sends the pulse for as long as somebody listens. What it cannot send by is a way on
// which somebody else may send something.
func (e *ear) beat(ctx context.Context, cancel context.CancelCauseFunc, p *pulse) {
	for ctx.Err() == nil {
		if word, ok := p.begin(time.Now()); ok {
			ways, err := e.send(ctx, word)
			if err != nil {
				cancel(err)
				return
			}
			p.sent(ways)
		}
		wait(ctx, beatEvery)
	}
}

// send publishes through every master, and returns how many there are.
func (e *ear) send(ctx context.Context, word func(way int) string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, deafAfter)
	defer cancel()
	var ways atomic.Int64
	err := everyMaster(ctx, e.client, func(ctx context.Context, master *goredis.Client) error {
		return master.Publish(ctx, e.channel, word(int(ways.Add(1)))).Err()
	})
	return int(ways.Load()), err
}

// everyMaster does something at every server that can be written to.
func everyMaster(ctx context.Context, client goredis.UniversalClient, do func(context.Context, *goredis.Client) error) error {
	switch client := client.(type) {
	case *goredis.ClusterClient:
		return client.ForEachMaster(ctx, do)
	case *goredis.Client:
		return do(ctx, client)
	}
	return errors.New("redis: a client of an unknown kind")
}
