package sites

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"
)

// A copy is a browser's cookies, as a thief has them.
type copied struct {
	of      *person
	cookies [2]map[string]string
}

func copyOf(p *person) copied { return copied{p, [2]map[string]string{p.cookies(0), p.cookies(1)}} }

// opens returns the user as whom a copy gets through a gate.
func (w *world) opens(c copied, g gate) string {
	r, err := http.NewRequestWithContext(w, http.MethodGet, w.origin(g.host, w.port)+g.under+"/probe", nil)
	if err != nil {
		w.fault("%w", err)
		return ""
	}
	r.Header.Set("Cookie", join(c.cookies[g.host]))
	res, err := c.of.send(r, c.of.h1, c.of)
	if err != nil {
		return ""
	}
	_ = res.Body.Close()
	seen := w.app.request(r.Header.Get(trace))
	if seen == nil {
		return ""
	}
	passed, _ := w.covering(g.host, g.under+"/probe")
	return identity(passed[len(passed)-1], seen).name
}

// closes waits until what a copy opens is as it should be: other gates learn of
// an end within seconds.
func (w *world) closes(c copied, g gate, right func(name string) bool) bool {
	for deadline := time.Now().Add(w.patience); !right(w.opens(c, g)); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// signOut signs out at a host, and looks whether that has ended the session.
func (w *world) signOut(p *person, host int) {
	at := w.answering(host)
	before := copyOf(p)
	if w.opens(before, at) == "" || !p.signOut(host) {
		return
	}
	for _, g := range w.gates {
		if g.realm() != at.realm() || g.host != at.host {
			continue
		}
		if !w.closes(before, g, func(name string) bool { return name == "" }) {
			w.fault("sign-out of %s at %s: a copy of the cookies still opens %s%s", p.name, hostOf(host), hostOf(g.host), g.under)
		}
	}
	delete(p.entered, at.realm())
	p.endOf("sign-out", func(s stream) bool {
		_, closed := w.covering(s.host, s.path)
		return slices.ContainsFunc(closed, func(g gate) bool { return g.realm() == at.realm() && g.host == at.host })
	})
}

// endAll has the operator end all sessions of a user.
func (w *world) endAll(name string) {
	var copies []copied
	for _, p := range w.people {
		copies = append(copies, copyOf(p))
	}
	status, body, err := w.askAdmin(http.MethodDelete, "/authentik/sessions?user="+name)
	switch {
	case err != nil:
		w.fault("the operator ends the sessions of %s: %w", name, err)
		return
	case status != http.StatusOK && status != http.StatusNotFound:
		w.fault("the operator ends the sessions of %s: got status %d: %s", name, status, body)
	}
	w.ended(fmt.Sprintf("the operator's end of %s (%s)", name, bytes.TrimSpace(body)), name, copies, func(gate) bool { return true })
}

// askAdmin asks Caddy's admin API, whose server is another after each reload.
func (w *world) askAdmin(method, path string) (status int, body []byte, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}}
	for range 5 {
		r, err := http.NewRequestWithContext(w, method, "http://"+w.admin+path, nil)
		if err != nil {
			return 0, nil, err
		}
		res, err := client.Do(r)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		defer func() { _ = res.Body.Close() }()
		body, err = io.ReadAll(res.Body)
		return res.StatusCode, body, err
	}
	return 0, nil, io.EOF
}

// endAtAuthentik has authentik end all sessions of a user, and tell the clients
// at the first host.
func (w *world) endAtAuthentik(name string) {
	var copies []copied
	for _, p := range w.people {
		copies = append(copies, copyOf(p))
	}
	if w.authentik.EndSessions(name) == 0 {
		return
	}
	if err := w.authentik.Delivered(w); err != nil {
		w.fault("authentik's notices: %w", err)
		return
	}
	w.ended("authentik's end of "+name, name, copies, func(g gate) bool { return g.host == 0 && g.client != "" })
}

// ended looks whether the sessions of a user have ended at gates.
func (w *world) ended(what, name string, copies []copied, at func(gate) bool) {
	for i, c := range copies {
		for _, g := range w.gates {
			passed, _ := w.covering(g.host, g.under+"/probe")
			if !at(passed[len(passed)-1]) { // which tells the application who is there
				continue
			}
			if !w.closes(c, g, func(opened string) bool { return opened != name }) {
				w.fault("%s: the cookies of %s still open %s%s", what, w.people[i].name, hostOf(g.host), g.under)
			}
		}
		for _, g := range w.gates {
			if at(g) && !w.redirects(g.realm()) {
				delete(c.of.entered[g.realm()], name)
			}
		}
		c.of.endOf(what, func(s stream) bool {
			passed, closed := w.covering(s.host, s.path)
			return s.user == name && len(closed) > 0 && at(passed[len(passed)-1])
		})
	}
}
