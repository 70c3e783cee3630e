package copies

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// brandFunc is an authentik that knows brands only.
type brandFunc struct {
	asked *atomic.Int32
	brand func(context.Context, flowclient.Visitor) (flowclient.Brand, error)
}

func (f brandFunc) Brand(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
	f.asked.Add(1)
	return f.brand(ctx, v)
}

func TestBrands_AreKeptForTwoMinutesOfTheGatesClock(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	now := time.Now()
	b := NewBrands((brandFunc{asked: &asked, brand: func(_ context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
		if len(v.Cookies) > 0 {
			t.Error("got a visitor's cookies, want none")
		}
		return flowclient.Brand{Title: v.Host}, nil
	}}).Brand, Options{Now: func() time.Time { return now }})
	for i, row := range []struct {
		host  string
		later time.Duration
		asked int32
	}{{"a.example", 0, 1}, {"a.example", brandLifetime - 1, 1}, {"b.example", 0, 2}, {"a.example", 1, 3}} {
		now = now.Add(row.later)
		got, err := b.Of(t.Context(), flowclient.Visitor{Host: row.host, Cookies: flowclient.Cookies{"authentik_session": "x"}})
		if got.Title != row.host || err != nil || asked.Load() != row.asked {
			t.Errorf("row %d: got %q, %v after %d requests, want %q after %d", i, got.Title, err, asked.Load(), row.host, row.asked)
		}
	}
}

func TestBrands_VisitorWhoDisconnectsDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		answer := make(chan struct{})
		b := NewBrands((brandFunc{asked: &asked, brand: func(ctx context.Context, _ flowclient.Visitor) (flowclient.Brand, error) {
			<-answer
			return flowclient.Brand{Title: "theirs"}, ctx.Err()
		}}).Brand, Options{Now: time.Now})
		leaving, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := b.Of(leaving, flowclient.Visitor{}); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: got %v, want %v", err, context.Canceled)
			}
		}()
		synctest.Wait()
		go func() {
			if got, err := b.Of(t.Context(), flowclient.Visitor{}); got.Title != "theirs" || err != nil {
				t.Errorf("who stayed: got %q, %v, want theirs", got.Title, err)
			}
		}()
		synctest.Wait()
		leave()
		synctest.Wait()
		close(answer)
		synctest.Wait()
		if got := asked.Load(); got != 1 {
			t.Errorf("requests: got %d, want 1", got)
		}
	})
}
