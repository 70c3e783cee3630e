package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// endless is a body that counts what is read of it.
type endless struct {
	left int64
	read *atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	e.left -= int64(n)
	e.read.Add(int64(n))
	return n, nil
}

func (*endless) Close() error { return nil }

// recorder notes the deadlines that it is given.
type recorder struct {
	http.ResponseWriter
	deadlines []time.Time
}

func (r *recorder) SetReadDeadline(at time.Time) error {
	r.deadlines = append(r.deadlines, at)
	return nil
}

func TestBody_ReadsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		size, length int64
		most         int64 // bytes read
		want         error
	}{
		{"small", 100, 100, 100, nil},
		{"of the limit", Small, -1, Small, nil},
		{"too large", 8 << 20, -1, Small + 1, ErrTooLarge},
		{"one byte too large", Small + 1, -1, Small + 1, ErrTooLarge},
		{"too large, and says so", 8 << 20, 8 << 20, 0, ErrTooLarge},
	} {
		read := new(atomic.Int64)
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Body, r.ContentLength = &endless{row.size, read}, row.length
		b := Open(httptest.NewRecorder(), r, Options{Room: new(Room), Limit: Small})
		got, err := io.ReadAll(b)
		if !errors.Is(err, row.want) || read.Load() > row.most || err == nil && int64(len(got)) != row.size {
			t.Errorf("%s: got %v after %d bytes, want %v after at most %d", row.name, err, read.Load(), row.want, row.most)
		}
	}
}

func TestBody_DeadlineGrowsWithItsSizeAndIsLifted(t *testing.T) {
	t.Parallel()
	w := &recorder{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Body, r.ContentLength = &endless{1 << 20, new(atomic.Int64)}, 1<<20
	b := Open(w, r, Options{Room: new(Room), Limit: 8 << 20})
	if _, err := io.ReadAll(b); err != nil {
		t.Fatal(err)
	}
	last := w.deadlines[len(w.deadlines)-1]
	if !last.IsZero() {
		t.Errorf("after the body: got the deadline %v, want none", last)
	}
	before := time.Time{}
	for _, at := range w.deadlines {
		switch {
		case at.IsZero(): // while it waits for room, and at the end
		case at.Before(before):
			t.Errorf("got the deadline %v after %v", at, before)
		default:
			before = at
		}
	}
	if got, want := before.Sub(b.began), firstTime+(1<<20)/Small*chunkTime; got < want-chunkTime || got > want {
		t.Errorf("1 MB: got %v, want about %v", got, want)
	}
}

// A server waits for the rest of a body that nothing reads before it goes on.
func TestBody_ThatIsNotReadHasADeadline(t *testing.T) {
	t.Parallel()
	for length, want := range map[int64]int{0: 0, 1: 1, -1: 1} {
		w := &recorder{ResponseWriter: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.ContentLength = length
		b := Open(w, r, Options{Room: new(Room), Limit: Small})
		if len(w.deadlines) != want || want > 0 && w.deadlines[0].Sub(b.began) != firstTime {
			t.Errorf("length %d: got the deadlines %v, want %d after %v", length, w.deadlines, want, firstTime)
		}
	}
}

// TestRoom_AdmitsFewLargeBodies has 500 clients on loopback send half of a large
// body each, and then nothing.
func TestRoom_AdmitsFewLargeBodies(t *testing.T) {
	t.Parallel()
	const posts, size = 500, 2 << 20
	room, admitted, refused := new(Room), new(atomic.Int64), new(atomic.Int64)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := netip.MustParseAddr(r.Header.Get("Client"))
		b := Open(w, r, Options{Room: room, Client: client, Limit: 8 << 20})
		defer b.Close() //nolint:errcheck // It only gives back room.
		if n, err := io.CopyN(io.Discard, b, Small+1); err != nil {
			if errors.Is(err, ErrBusy) && n == Small {
				refused.Add(1)
			}
			return
		}
		admitted.Add(1)
		<-release
	}))
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i := range posts {
		clients.Go(func() { stall(ctx, server.Listener.Addr(), i%100, size) })
	}
	for settled := int64(0); settled < posts; runtime.Gosched() {
		_, waiting := room.State()
		settled = admitted.Load() + refused.Load() + int64(waiting)
	}
	if got, want := admitted.Load(), int64(fullRoom/size); got != want {
		t.Errorf("got %d bodies read at once, want %d", got, want)
	}
	if taken, _ := room.State(); taken > fullRoom {
		t.Errorf("got %d bytes held, want at most %d", taken, fullRoom)
	}
	cancel()
	clients.Wait()
	close(release)
	server.Close()
	if taken, waiting := room.State(); taken != 0 || waiting != 0 {
		t.Errorf("got %d bytes and %d bodies left, want none", taken, waiting)
	}
}

const fullRoom = room

// stall sends the beginning of a body.
func stall(ctx context.Context, to net.Addr, client, size int) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // Nothing more is sent.
	_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nClient: 192.0.2.%d\r\nContent-Length: %d\r\n\r\n", client, size)
	_, _ = conn.Write(make([]byte, Small+1))
	<-ctx.Done()
}

func TestRoom_OneAddressGetsHalfOfIt(t *testing.T) {
	t.Parallel()
	room, one, other := new(Room), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if room.take(one, clientRoom) != nil {
		t.Fatal("got no place in an empty room, want one")
	}
	freed := room.take(one, 1)
	if freed == nil {
		t.Error("one address got more than its half")
	}
	if room.take(other, clientRoom) != nil {
		t.Error("another address got nothing")
	}
	room.leave(one, clientRoom)
	select {
	case <-freed:
	default:
		t.Error("got no news for a body that waits, want to hear that there is room")
	}
}

// announced sends the head of a request with a body, and the beginning of it, and
// returns the response once its head is there. The server has the patience of a
// minute with clients that send nothing.
func announced(t *testing.T, handle http.HandlerFunc, head, body string) (res *http.Response, conn net.Conn) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Minute))
		early, finish := Early(w, r)
		handle(early, r)
		finish()
	}))
	t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // before the server, which waits for it
	if _, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: example.com\r\n"+head+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if res, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil { //nolint:bodyclose // the connection is closed
		t.Fatalf("%q: got %v, want a response", head, err)
	}
	return res, conn
}

func refuse(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }

func TestEarly_DoesNotWaitForABodyThatIsNotSent(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		"Content-Length: 100\r\n", "Content-Length: 100000000\r\n", "Transfer-Encoding: chunked\r\n",
		"Content-Length: 100\r\nExpect: 100-continue\r\n", "Content-Length: 100000000\r\nExpect: 100-continue\r\n",
	} {
		t.Run(head, func(t *testing.T) {
			t.Parallel()
			wrapped := func(w http.ResponseWriter, r *http.Request) { // as Caddy does
				r.Body = struct{ io.ReadCloser }{r.Body}
				refuse(w, r)
			}
			if res, _ := announced(t, wrapped, head, ""); res.StatusCode != http.StatusUnauthorized || !res.Close {
				t.Errorf("got status %d, closing %v, want 401 and the end of the connection", res.StatusCode, res.Close)
			}
		})
	}
}

func TestEarly_KeepsTheConnectionAfterABodyThatWasRead(t *testing.T) {
	t.Parallel()
	res, _ := announced(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, r)
	}, "Content-Length: 4\r\n", "body")
	if res.StatusCode != http.StatusUnauthorized || res.Close {
		t.Errorf("got status %d, closing %v, want 401 on a connection that goes on", res.StatusCode, res.Close)
	}
}

// TestEarly_BytesAfterTheResponseAreNotARequest sends a request in place of a body.
func TestEarly_BytesAfterTheResponseAreNotARequest(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n"
	for _, head := range []string{"Content-Length: 1000000\r\n", fmt.Sprintf("Content-Length: %d\r\n", len(smuggled)), "Transfer-Encoding: chunked\r\n"} {
		served.Store(0)
		_, conn := announced(t, func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			r.Body = struct{ io.ReadCloser }{r.Body}
			refuse(w, r)
		}, head, "")
		_, _ = io.WriteString(conn, smuggled+smuggled)
		if half, ok := conn.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn) // until the server ends the connection
		if got := served.Load(); got != 1 {
			t.Errorf("%q: got %d requests served, want 1", head, got)
		}
	}
}
