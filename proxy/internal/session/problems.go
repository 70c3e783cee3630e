package session

import (
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	gocache "github.com/patrickmn/go-cache"
)

// maxReported is how many problems are remembered as reported.
const maxReported = 10_000

// reported remembers which problems of which session have been reported: a
// session is made anew at every recheck, and some headers at every request.
type reported struct{ kept *gocache.Cache }

func newReported() *reported { return &reported{gocache.New(gocache.NoExpiration, 0)} }

// first reports whether a problem was not reported before. When too many are
// remembered, all are forgotten and reported again.
func (r *reported) first(problem string, until time.Duration) bool {
	if until <= 0 { // go-cache treats zero as no expiry
		return false
	}
	if r.kept.ItemCount() >= maxReported {
		r.kept.Flush()
	}
	return r.kept.Add(problem, nil, until) == nil
}

// ReportHeaders counts and logs what the application does not get as configured:
// once for each header that a session lacks, and once for a session whose values
// an encoding has no characters for.
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
		if r.reported.first(s.name+"\x00"+p.Header, left) {
			r.Metrics.HeaderLeftOut(p.Header)
			r.Logger.With(who...).Warn("identity header: left out, since its value is too long",
				"header", p.Header, "size", p.Size, "max_size", p.Max)
		}
	}
}
