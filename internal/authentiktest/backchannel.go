package authentiktest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Logout is one attempt to tell a client on the back channel that a session
// has ended (OpenID Connect Back-Channel Logout 1.0).
type Logout struct {
	Client, URI string
	Token       string // the logout token, new for each attempt
	Status      int    // of the answer; 0 without an answer
	Err         error  // why the attempt failed
}

// A notice is a logout token that is to be sent. It holds what all attempts
// have in common.
type notice struct {
	client   string
	iss      any // as in the access token
	sub, sid string
	tries    int // attempts so far
}

// noticeTries is how many attempts are made before a logout token is given up.
const noticeTries = 6

// noticeTimeout is how long a client may take to answer.
const noticeTimeout = time.Minute

// notify tells a client, if it has a back-channel address, that the session of
// an access token has ended. The sub is the user's own, even if a scope mapping
// has changed it in tokens.
func (s *Server) notify(g grant, session string) {
	if p, _, found := s.client(g.client); found && p.BackchannelURI != "" {
		u := s.current(User{PK: g.user})
		s.outbox.put(notice{client: g.client, iss: g.claims["iss"], sub: u.UID, sid: sidOf(session)})
		s.outbox.start(s.deliverNotices)
	}
}

// An outbox is the queue of authentik's worker, which sends one notice after
// the other while requests go on. The worker starts with the first notice and
// stops after the last.
type outbox struct {
	client *http.Client
	retry  time.Duration

	mu     sync.Mutex
	queue  []notice
	open   int           // notices that are queued, being sent or waiting for another attempt
	empty  chan struct{} // closed while open is 0
	busy   bool          // a worker is running
	held   int           // how many callers of HoldLogouts have not released yet
	tried  []Logout
	failed []error
}

func newOutbox(cfg Config) *outbox {
	o := &outbox{client: or(cfg.LogoutClient, http.DefaultClient), retry: or(cfg.LogoutRetry, 30*time.Second)}
	o.empty = make(chan struct{})
	close(o.empty)
	return o
}

// put adds a notice.
func (o *outbox) put(n notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == 0 {
		o.empty = make(chan struct{})
	}
	o.open++
	o.queue = append(o.queue, n)
}

// start starts the worker unless it runs already, is held, or has nothing to
// do.
func (o *outbox) start(work func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.busy && o.held == 0 && len(o.queue) > 0 {
		o.busy = true
		go work()
	}
}

// next takes a notice out of the queue. ok is false if the worker must stop.
func (o *outbox) next() (notice, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held > 0 || len(o.queue) == 0 {
		o.busy = false
		return notice{}, false
	}
	n := o.queue[0]
	o.queue = o.queue[1:]
	return n, true
}

// again puts a notice back.
func (o *outbox) again(n notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, n)
}

// log records an attempt.
func (o *outbox) log(l Logout) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tried = append(o.tried, l)
}

// settle removes a notice for good. err says why it was given up, if it was.
func (o *outbox) settle(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failed = append(o.failed, err)
	}
	if o.open--; o.open == 0 {
		close(o.empty)
	}
}

// deliverNotices is the worker.
func (s *Server) deliverNotices() {
	for n, ok := s.outbox.next(); ok; n, ok = s.outbox.next() {
		s.deliverNotice(n)
	}
}

// deliverNotice sends a logout token. After a failure it is sent again later,
// and others are sent in the meantime. It drops the notice if the client no
// longer has a back-channel address.
func (s *Server) deliverNotice(n notice) {
	p, _, found := s.client(n.client)
	if !found || p.BackchannelURI == "" {
		s.outbox.settle(nil)
		return
	}
	l := s.postLogout(p, s.logoutToken(p, n))
	s.outbox.log(l)
	n.tries++
	switch {
	case l.Err == nil:
		s.outbox.settle(nil)
	case n.tries == noticeTries:
		s.outbox.settle(l.Err)
	default:
		time.AfterFunc(s.outbox.retry, func() {
			s.outbox.again(n)
			s.outbox.start(s.deliverNotices)
		})
	}
}

// logoutToken makes a logout token as of now.
func (s *Server) logoutToken(p Provider, n notice) string {
	now := s.now()
	return s.signed(p, s.dialect.logoutType, object{
		"iss": n.iss, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(p.AccessValidity).Unix(), "jti": uuid(),
		"events": object{"http://schemas.openid.net/event/backchannel-logout": object{}}, "sub": n.sub, "sid": n.sid,
	})
}

// postLogout posts a logout token. Redirects are followed.
func (s *Server) postLogout(p Provider, token string) Logout {
	l := Logout{Client: p.ClientID, URI: p.BackchannelURI, Token: token}
	ctx, cancel := context.WithTimeout(context.Background(), noticeTimeout)
	defer cancel()
	body := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.BackchannelURI, body)
	if err != nil {
		l.Err = err
		return l
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "authentik@"+s.dialect.version)
	r.Header.Set("Accept", "*/*")
	res, err := s.outbox.client.Do(r)
	if err != nil {
		l.Err = err
		return l
	}
	l.Status, l.Err = res.StatusCode, res.Body.Close()
	if l.Status >= http.StatusBadRequest {
		l.Err = fmt.Errorf("authentiktest: %s answered %d to a logout token", p.BackchannelURI, l.Status)
	}
	return l
}

// HoldLogouts keeps the worker from sending logout tokens, as if it were busy,
// until the returned function is called.
func (s *Server) HoldLogouts() (release func()) {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	s.outbox.held++
	return sync.OnceFunc(func() {
		s.outbox.mu.Lock()
		s.outbox.held--
		s.outbox.mu.Unlock()
		s.outbox.start(s.deliverNotices)
	})
}

// Delivered waits until no logout token is left to be sent. The error names
// those that have been given up, or says that ctx ended first.
func (s *Server) Delivered(ctx context.Context) error {
	s.outbox.mu.Lock()
	empty := s.outbox.empty
	s.outbox.mu.Unlock()
	select {
	case <-empty:
	case <-ctx.Done():
		return fmt.Errorf("authentiktest: logout tokens are on their way: %w", ctx.Err())
	}
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	return errors.Join(s.outbox.failed...)
}
