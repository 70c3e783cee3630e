package flowclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// limitedCall is a call of the client and the limit of the answer that it reads.
type limitedCall struct {
	limit int64
	kind  string
	body  string // a good answer
	call  func(context.Context, *Client) error
}

func limitedCalls() map[string]limitedCall {
	const json = "application/json"
	v := holding("a", true)
	return map[string]limitedCall{
		"a challenge": {maxChallenge, json, whoAreYou, func(ctx context.Context, c *Client) error {
			_, err := c.Ask(ctx, v, login)
			return err
		}},
		"a challenge after an answer": {maxChallenge, json, theEnd, func(ctx context.Context, c *Client) error {
			_, err := c.Answer(ctx, v, login, DummyAnswer{})
			return err
		}},
		"the user": {maxUser, json, `{"user":{"pk":1,"username":"u","uid":"x"}}`, func(ctx context.Context, c *Client) error {
			_, err := c.User(ctx, v)
			return err
		}},
		"access": {maxAnswer, json, `{"passing":true}`, func(ctx context.Context, c *Client) error {
			_, err := c.Access(ctx, v, "app")
			return err
		}},
		"the brand": {maxBrand, json, `{"branding_title":"x"}`, func(ctx context.Context, c *Client) error {
			_, err := c.Brand(ctx, v)
			return err
		}},
		"the configuration": {maxAnswer, json, `{}`, func(ctx context.Context, c *Client) error {
			_, err := c.RootConfig(ctx, v)
			return err
		}},
		"the state of Duo": {maxAnswer, json, `{"duo_response":"waiting"}`, func(ctx context.Context, c *Client) error {
			_, err := c.DuoEnrolment(ctx, v, AuthenticatorDuo{StageUUID: "00000000-0000-0000-0000-000000000000"})
			return err
		}},
		"Plex": {maxChallenge, json, theEnd, func(ctx context.Context, c *Client) error {
			_, err := c.RedeemPlex(ctx, v, login, SourcePlex{Slug: "plex"}, "t")
			return err
		}},
		"a picture": {maxPicture, "image/png", "x", func(ctx context.Context, c *Client) error {
			_, err := c.Picture(ctx, v, "/x.png")
			return err
		}},
		"a relayed object": {maxRelayedAPI, json, "{}", func(ctx context.Context, c *Client) error {
			_, err := c.Relay().Send(ctx, v, RelayRequest{Method: http.MethodGet, Path: "/api/v3/x/"})
			return err
		}},
		"a relayed file": {maxRelayedFile, "text/javascript", "x", func(ctx context.Context, c *Client) error {
			_, err := c.Relay().Send(ctx, v, RelayRequest{Method: http.MethodGet, Path: "/static/x.js"})
			return err
		}},
		"a token": {maxOAuth, json, "{}", func(ctx context.Context, c *Client) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://auth.example.com/application/o/token/", nil)
			if err != nil {
				return err
			}
			resp, err := c.Relay().HTTP(v).Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close() //nolint:errcheck // It was only read.
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		}},
	}
}

// padded is a body that blanks extend to a given length.
type padded struct {
	io.Reader
	left, read int64
}

func (p *padded) Read(b []byte) (int, error) {
	n, _ := p.Reader.Read(b)
	for ; n < len(b) && int64(n) < p.left; n++ {
		b[n] = ' '
	}
	n = int(min(int64(n), p.left))
	p.left -= int64(n)
	p.read += int64(n)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (p *padded) Close() error { return nil }

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering returns a client whose requests are all answered with the same body.
func answering(t testing.TB, status int, kind string, length int64, body *padded) *Client {
	t.Helper()
	c, err := New(Config{
		URL: address(t, "https://auth.example.com"),
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Body: body, ContentLength: length, Request: r,
				Header: http.Header{"X-Authentik-Id": {"test"}, "Content-Type": {kind}},
			}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLimit_EachKindOfAnswerHasItsOwn has authentik send answers of exactly the
// limit, of one byte more, and of eight megabytes more.
func TestLimit_EachKindOfAnswerHasItsOwn(t *testing.T) {
	t.Parallel()
	for name, l := range limitedCalls() {
		for _, more := range []int64{0, 1, 8 << 20} {
			body := &padded{strings.NewReader(l.body), l.limit + more, 0}
			err := l.call(t.Context(), answering(t, http.StatusOK, l.kind, -1, body))
			if (err != nil) != (more > 0) || errors.Is(err, errTooLarge) != (more > 0) {
				t.Errorf("%s, %d bytes beyond the limit: got %v", name, more, err)
			}
			if body.read > l.limit+1 {
				t.Errorf("%s: got %d bytes read, want at most %d", name, body.read, l.limit+1)
			}
		}
	}
}

func TestLimit_AnAnnouncedLengthIsRefusedUnread(t *testing.T) {
	t.Parallel()
	for name, l := range limitedCalls() {
		body := &padded{strings.NewReader(l.body), l.limit + 1, 0}
		err := l.call(t.Context(), answering(t, http.StatusOK, l.kind, l.limit+1, body))
		if !errors.Is(err, errTooLarge) || body.read > 0 {
			t.Errorf("%s: got %v after %d bytes, want the length refused", name, err, body.read)
		}
	}
}

func TestLimit_CountsDecompressedBytes(t *testing.T) {
	t.Parallel()
	large := []byte(whoAreYou + strings.Repeat(" ", maxChallenge-len(whoAreYou)))
	step, err := newFake(t, zipped(packed(t, large))).client().Ask(t.Context(), Visitor{}, login)
	shows[Identification](t, step, err)
	large = append(large, ' ')
	if _, err := newFake(t, zipped(packed(t, large))).client().Ask(t.Context(), Visitor{}, login); !errors.Is(err, errTooLarge) {
		t.Errorf("one byte more: got %v, want it refused", err)
	}
}

func TestLimit_ALargePageOfAProxyIsStillAnOutage(t *testing.T) {
	t.Parallel()
	for name, l := range limitedCalls() {
		body := &padded{strings.NewReader("<html>"), l.limit + 1, 0}
		err := l.call(t.Context(), answering(t, http.StatusBadGateway, "text/html", l.limit+1, body))
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v, want ErrUnreachable", name, err)
		}
	}
}

func TestLimit_HEADMayAnnounceAnyLength(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999") })
	got, err := f.client().Relay().Send(t.Context(), Visitor{}, RelayRequest{Method: http.MethodHead, Path: "/static/x.js"})
	if err != nil || got.Status != http.StatusOK {
		t.Errorf("got %d, %v, want 200", got.Status, err)
	}
}

// waiting returns a client of an authentik that never answers. It reports how long
// each request would have waited.
func waiting(t testing.TB, deadlines chan<- time.Duration) *Client {
	t.Helper()
	c, err := New(Config{
		URL: address(t, "https://auth.example.com"),
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			until, ok := r.Context().Deadline()
			if !ok {
				t.Errorf("%s: got no deadline", r.URL.Path)
			}
			deadlines <- time.Until(until)
			return nil, context.DeadlineExceeded
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTimeout_EveryCallEndsAfterFifteenSeconds(t *testing.T) {
	t.Parallel()
	deadlines := make(chan time.Duration, 10)
	c := waiting(t, deadlines)
	calls := limitedCalls()
	for name, l := range calls {
		if err := l.call(t.Context(), c); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v, want ErrUnreachable", name, err)
		}
		if got := <-deadlines; got > 15*time.Second {
			t.Errorf("%s: got %v to wait, want at most 15 s", name, got)
		}
	}
}

// TestTimeout_BoundsAllRequestsOfACall has authentik redirect without end, each
// time within the time-out of one request.
func TestTimeout_BoundsAllRequestsOfACall(t *testing.T) {
	t.Parallel()
	var first time.Time
	c, err := New(Config{
		URL: address(t, "https://auth.example.com"),
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			until, _ := r.Context().Deadline()
			if first.IsZero() {
				first = until
			}
			if until.After(first) {
				t.Errorf("got a deadline %v later than that of the first request", until.Sub(first))
			}
			return &http.Response{StatusCode: http.StatusFound, Body: http.NoBody, Request: r, Header: http.Header{
				"X-Authentik-Id": {"test"}, "Location": {itself},
			}}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(t.Context(), Visitor{}, login); !errors.Is(err, ErrTooManySteps) {
		t.Errorf("got %v, want ErrTooManySteps", err)
	}
}
