package loginhost

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// signedIn is an authentik that knows the user of some sessions.
type signedIn struct {
	authn.Authentik
	users map[string]string // by session
}

func (a signedIn) User(_ context.Context, v flowclient.Visitor) (flowclient.User, error) {
	uid := a.users[v.Cookies[flowclient.SessionCookie]]
	if uid == "" {
		return flowclient.User{}, authn.ErrNotSignedIn
	}
	return flowclient.User{UID: uid, Username: uid, Active: true}, nil
}

// Two answers of authentik to one browser can arrive in any order: that which takes the
// old session away, and that with its successor.
func TestPassing_SuccessorMayAppearAMomentLater(t *testing.T) {
	t.Parallel()
	const other = time.Minute
	for name, tt := range map[string]struct {
		later time.Duration // the other answer
		moves bool
	}{
		"at the same moment": {10 * time.Millisecond, true},
		"a little later":     {successorWait - 10*time.Millisecond, true},
		"much later":         {other, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := store.NewMemory()
				defer kept.Close() //nolint:errcheck // memory
				h := New(Options{
					Shared:    &exchange.Shared{Now: time.Now, Logger: slog.New(slog.DiscardHandler)},
					Authentik: signedIn{users: map[string]string{"new": "jane"}}, Store: kept,
					Go: func(work func(context.Context)) bool {
						go work(t.Context())
						return true
					},
				})
				records := host.Records{Store: kept, Key: seal.NewKey([]byte(strings.Repeat("k", seal.MinKey))), Now: time.Now, Origin: "https://auth.example.com"}
				held, err := records.Hold(t.Context(), seal.Secret{}, false)
				if err != nil {
					t.Fatal(err)
				}
				old := flowclient.Cookies{flowclient.SessionCookie: "old"}
				secret, err := records.Keep(t.Context(), held, host.Copy{UID: "jane", Cookies: old, Until: time.Now().Add(time.Hour)})
				if err != nil {
					t.Fatal(err)
				}
				answered := func(value string) {
					p := &Passing{h: h, records: records, secret: secret, rests: true, sent: old}
					p.Answered(http.Header{"Set-Cookie": {flowclient.SessionCookie + "=" + value + "; Path=/", "other=1; Path=/"}})
				}
				answered("none")
				time.Sleep(tt.later)
				answered("new")
				time.Sleep(2 * other)
				got, found, err := records.Copy(t.Context(), secret)
				if got.Cookies["other"] != "" {
					t.Errorf("got the copy %v, want only what authentik itself sets", got.Cookies)
				}
				if moved := got.Cookies[flowclient.SessionCookie] == "new"; err != nil || found != tt.moves || moved != tt.moves {
					t.Errorf("got the copy %v (found %t, %v), want it moved to the new session: %t", got.Cookies, found, err, tt.moves)
				}
			})
		})
	}
}
