package session

import (
	"log/slog"
	"time"

	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
)

// maxReported is how many reported problems are remembered.
const maxReported = 10_000

// reported remembers which problems of which session have been reported. A
// session is made again at every recheck, and some headers at every request.
type reported struct {
	kept *bounded.Cache[string, struct{}]
}

func newReported(now func() time.Time) *reported {
	return &reported{bounded.New(bounded.Options[string, struct{}]{Entries: maxReported, Now: now})}
}

// first reports whether a problem was not reported before, and remembers it until
// the session expires. When too many are remembered, the oldest is forgotten.
func (r *reported) first(problem string, until time.Duration) bool {
	return r.kept.Add(problem, struct{}{}, until)
}

func (r *reported) sweep() { r.kept.Sweep() }

// ReportHeaders counts and logs the headers that the application does not get
// as configured: once for each header that a session lacks, and once for a
// session whose values an encoding cannot represent.
func (r *Registry) ReportHeaders(s *Session, problems []headers.Problem) {
	who := []any{slog.String("user", s.User.Username), slog.String("session", s.id)}
	left := s.Until.Sub(r.Now())
	for _, p := range problems {
		if p.Encoding != "" {
			if r.reported.first(s.name+"\x00encoding", left) {
				r.Logger.With(who...).Warn("identity header: value percent-encoded, since the encoding has no characters for it",
					"header", p.Header, "encoding", string(p.Encoding))
			}
			continue
		}
		if p.Missing {
			if r.reported.first(s.name+"\x00"+p.Header, left) {
				r.Metrics.HeaderLeftOut(p.Header)
				r.Logger.With(who...).Warn("identity header: left out, since the user has no value for it", "header", p.Header)
			}
			continue
		}
		if r.reported.first(s.name+"\x00"+p.Header, left) {
			r.Metrics.HeaderLeftOut(p.Header)
			r.Logger.With(who...).Warn("identity header: left out, since its value is too long",
				"header", p.Header, "size", p.Size, "max_size", p.Max)
		}
	}
}
