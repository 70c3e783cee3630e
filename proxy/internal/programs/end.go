package programs

import (
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// End forgets the credentials whose sessions end with a name, and returns these
// sessions. Their running requests end, and authentik is asked again about the
// credentials. The empty name means that revocations may have been missed:
// authentik is then asked again about every credential, and while it is
// unreachable, credentials that were valid stay valid.
func (p *Programs) End(name string) (ended []*session.Session) {
	if p == nil {
		return nil
	}
	p.ended.Put(name, p.options.Now(), 2*tryWait) // before all else, for a try that finishes meanwhile
	p.good.DeleteWhere(func(_ Name, s *session.Session) bool {
		switch {
		case name == "":
			s.Doubt()
			return false
		case !s.EndsWith(name):
			return false
		}
		ended = append(ended, s)
		return true
	})
	for _, s := range ended {
		p.options.Ended(s.Name())
	}
	return ended
}

// dropIfEnded checks what has ended since authentik was asked about a credential:
// authentik may have confirmed the credential before that end.
func (p *Programs) dropIfEnded(name Name, s *session.Session, asked time.Time) {
	since := func(end string) bool {
		at, found := p.ended.Get(end)
		return found && !at.Before(asked)
	}
	if since("") {
		s.Doubt()
	}
	if s.EndsBy(since) {
		p.good.Delete(name)
	}
}
