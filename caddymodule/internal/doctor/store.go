package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Times for the store: when it counts as slow, how long a notice of a
// revocation may take, and when a record expires that cannot be deleted.
const (
	slowStore  = 500 * time.Millisecond
	noticeTime = 4 * time.Second
	keptTime   = time.Minute
)

// store writes to the session store, reads, and waits for the notice that other
// Caddys get when a session is revoked.
func (x *subject) store(ctx context.Context) []Finding {
	s := x.opened.Store
	if s == nil {
		return nil
	}
	if x.opened.StoreName == "memory" {
		return []Finding{found("store-memory", "sessions are in memory: they end when Caddy is restarted", "write sessions storage if they should not")}
	}
	if x.opened.StoreName == "storage" {
		if why := x.mayWrite(); why != "" {
			return []Finding{found("store-not-tested", why, "run this as the user that Caddy runs as")}
		}
	}
	name := "doctor-" + strings.ToLower(rand.Text())
	value := []byte(rand.Text())
	begun := time.Now()
	if _, err := s.Save(ctx, name, store.Record{Value: value, Expiry: begun.Add(keptTime)}); err != nil {
		return []Finding{x.storeFails("writing", err)}
	}
	r, there, err := s.Load(ctx, name)
	took := time.Since(begun)
	defer func() { _ = s.Delete(context.WithoutCancel(ctx), name) }() // the record expires in any case
	switch {
	case err != nil:
		return []Finding{x.storeFails("reading", err)}
	case !there || !bytes.Equal(r.Value, value):
		return []Finding{found("store-fails", "the session store "+x.opened.StoreName+" does not return what was written to it", "check that nothing else deletes its records")}
	}
	var all []Finding
	if took > slowStore {
		all = append(all, found("store-slow", fmt.Sprintf("writing to and reading from the session store took %s", took.Round(time.Millisecond)), "place it nearer to Caddy"))
	}
	if f, bad := x.notice(ctx, s, name); bad {
		return append(all, f)
	}
	return append(all, fine("store", "the store "+x.opened.StoreName+" keeps records and tells of revocations"))
}

func (x *subject) storeFails(doing string, err error) Finding {
	return found("store-fails", fmt.Sprintf("%s a record in the session store %s: %v", doing, x.opened.StoreName, err), "check that Caddy reaches the store, and that it has space and rights")
}

// notice revokes the record and waits until it is told so.
func (x *subject) notice(ctx context.Context, s store.Store, name string) (Finding, bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, told := make(chan struct{}, 1), make(chan struct{}, 1)
	signal := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	go func() {
		_ = s.Watch(ctx, func(ended string) { // after an error the notice does not come
			switch ended {
			case "":
				signal(ready)
			case name:
				signal(told)
			}
		})
	}()
	if !arrives(ctx, ready) {
		return found("store-no-notice", "the session store "+x.opened.StoreName+" cannot be watched", "check its log; without notices other Caddys accept revoked sessions for half a minute"), true
	}
	if err := s.Revoke(ctx, name, time.Now().Add(keptTime)); err != nil {
		return x.storeFails("revoking", err), true
	}
	if !arrives(ctx, told) {
		return found("store-no-notice", "the session store "+x.opened.StoreName+" told nothing of a revocation within "+noticeTime.String(),
			"check its log; without notices other Caddys accept revoked sessions for half a minute"), true
	}
	return Finding{}, false
}

func arrives(ctx context.Context, c chan struct{}) bool {
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// mayWrite returns why nothing may be written to a storage of files. Caddy
// could not change files that another user creates there.
func (x *subject) mayWrite() string {
	root := x.Tools.Root(x.Setup.Storage)
	if root == "" {
		return ""
	}
	info, err := os.Stat(root)
	if err != nil {
		return "Caddy's storage " + root + " is not there: Caddy has never run here as this user"
	}
	if owner, known := ownedByAnother(info); known {
		return fmt.Sprintf("Caddy's storage %s belongs to the user %d, and this runs as %d", root, owner, os.Geteuid())
	}
	return ""
}
