package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// retryEvery is the pause before a lost subscription is retried.
const retryEvery = 250 * time.Millisecond

var errSilent = errors.New("redis: a heartbeat did not come back in time")

// A receiver gets the events of a subscriber.
type receiver interface {
	established()        // from now on every revocation is received
	revoked(name string) // a name was revoked
	lost()               // revocations may have been missed
}

// A subscriber receives what is published, on a separate connection.
type subscriber struct {
	client    goredis.UniversalClient
	channel   string
	log       *slog.Logger
	connected func(context.Context) // called when a subscription has been established
}

func (s *Store) subscriber() *subscriber {
	return &subscriber{client: s.client, channel: s.channel(), log: s.cfg.Logger, connected: s.warnOfEviction}
}

// run subscribes until ctx is done. It calls lost after every attempt that
// fails. Nothing that it starts runs after it returns.
func (s *subscriber) run(ctx context.Context, to receiver) {
	var background sync.WaitGroup // run waits for it only at the end: waiting between attempts would delay lost
	defer background.Wait()
	failing := false
	recovered := func() {
		if failing {
			s.log.InfoContext(ctx, "session store: watch established again")
		}
		failing = false
	}
	for ctx.Err() == nil {
		err := s.receiveAll(ctx, to, &background, recovered)
		if ctx.Err() != nil {
			return
		}
		to.lost()
		if !failing {
			s.log.WarnContext(ctx, "session store: watch failed; revocations may be missed", "error", err)
		}
		failing = true
		pause(ctx, retryEvery)
	}
}

// pause waits for a duration, or until the context is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// receiveAll subscribes, and receives until that fails or ctx is done. It reads
// from the connection itself. The driver's channel would silently drop messages
// that are not received in time, while a server closes the connection of a
// subscriber that is too slow.
func (s *subscriber) receiveAll(ctx context.Context, to receiver, background *sync.WaitGroup, established func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sub := s.client.Subscribe(ctx)
	hangUp := func() { _ = sub.Close() } // a second Close does nothing
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)() // a read does not observe ctx
	beat := newHeartbeat(time.Now())
	if err := s.subscribe(ctx, sub); err != nil {
		return err
	}
	started := sync.OnceFunc(func() {
		background.Go(func() { s.sendHeartbeats(ctx, cancel, beat) })
		background.Go(func() { s.connected(ctx) })
	})
	for {
		message, err := s.receive(ctx, sub, beat)
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *goredis.Subscription:
			established()
			to.established()
			started()
		case *goredis.Message:
			if store.ValidName(message.Payload) { // any client that may publish can send anything
				to.revoked(message.Payload)
			}
			beat.receive(message.Payload)
		}
	}
}

func (s *subscriber) subscribe(ctx context.Context, sub *goredis.PubSub) error {
	ctx, cancel := context.WithTimeout(ctx, maxSilence)
	defer cancel()
	return sub.Subscribe(ctx, s.channel)
}

// receive waits for a message for as long as the subscription may be trusted.
// After a timeout the connection cannot be used any more: it may be in the
// middle of a message.
func (s *subscriber) receive(ctx context.Context, sub *goredis.PubSub, beat *heartbeat) (any, error) {
	remaining := beat.remaining(time.Now())
	if remaining <= 0 {
		return nil, errSilent
	}
	within, cancel := context.WithTimeout(ctx, remaining)
	defer cancel()
	message, err := sub.ReceiveTimeout(within, remaining)
	switch {
	case err == nil:
		return message, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case beat.remaining(time.Now()) <= 0:
		return nil, errSilent
	}
	return nil, err
}

// sendHeartbeats sends heartbeats until ctx is done. If one cannot be sent, a
// revocation could not be sent either, and the subscription is lost.
func (s *subscriber) sendHeartbeats(ctx context.Context, cancel context.CancelCauseFunc, beat *heartbeat) {
	for ctx.Err() == nil {
		if message, ok := beat.begin(time.Now()); ok {
			masters, err := s.publish(ctx, message)
			if err != nil {
				cancel(err)
				return
			}
			beat.sent(masters)
		}
		pause(ctx, heartbeatEvery)
	}
}

// publish publishes a message through every master, and returns their number.
func (s *subscriber) publish(ctx context.Context, message func(master int) string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, maxSilence)
	defer cancel()
	var masters atomic.Int64
	err := forEachMaster(ctx, s.client, func(ctx context.Context, master *goredis.Client) error {
		return master.Publish(ctx, s.channel, message(int(masters.Add(1)))).Err()
	})
	return int(masters.Load()), err
}

// forEachMaster calls do with every server that can be written to, with several
// at the same time.
func forEachMaster(ctx context.Context, client goredis.UniversalClient, do func(context.Context, *goredis.Client) error) error {
	switch client := client.(type) {
	case *goredis.ClusterClient:
		return client.ForEachMaster(ctx, do)
	case *goredis.Client:
		return do(ctx, client)
	}
	return errors.New("redis: a client of an unknown kind")
}
