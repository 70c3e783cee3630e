package sites

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A stream is a response that goes on.
type stream struct {
	trace string
	host  int
	path  string
	user  string
	over  chan struct{} // closed when the client has got its end
}

// openStream asks for a response that goes on, with the browser's cookies.
func (p *person) openStream(host int, path string) {
	r, err := http.NewRequestWithContext(p, http.MethodGet, p.origin(host, p.port)+path, nil)
	if err != nil {
		p.fault("%w", err)
		return
	}
	r.Header.Set("Cookie", join(p.cookies(host)))
	res, err := p.send(r, p.h1, p)
	if err != nil {
		return
	}
	id := r.Header.Get(trace)
	seen := p.app.request(id)
	if res.StatusCode != http.StatusOK || seen == nil {
		_ = res.Body.Close()
		return
	}
	passed, _ := p.covering(host, path)
	s := stream{id, host, path, identity(passed[len(passed)-1], seen).name, make(chan struct{})}
	go func() {
		defer close(s.over)
		_, _ = io.Copy(io.Discard, bufio.NewReader(res.Body))
		_ = res.Body.Close()
	}()
	p.streams = append(p.streams, s)
}

// endOf waits for the ends of streams, which come within seconds.
func (p *person) endOf(what string, belongs func(stream) bool) {
	for _, s := range p.streams {
		if !belongs(s) {
			continue
		}
		for side, over := range map[string]<-chan struct{}{"application": p.app.streamOver(s.trace), "client": s.over} {
			select {
			case <-over:
			case <-time.After(p.patience):
				p.fault("%s: the stream %s of %s goes on at the %s", what, s.path, s.user, side)
			}
		}
	}
	p.streams = slices.DeleteFunc(p.streams, belongs)
}

func join(cookies map[string]string) string {
	var pairs []string
	for name, value := range cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}
