package signin

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// submissionLifetime is how long the result of an answer is kept for a
	// second submission of the same page.
	submissionLifetime = time.Minute
	// maxSubmissions is the maximum number of kept results of a visit, whose
	// answers are sent one at a time in any case.
	maxSubmissions = 10_000
)

// submissions send each answer of a visit to authentik once. authentik would
// treat the second click of an impatient visitor as the answer to its next
// challenge.
type submissions struct {
	given *ttlcache.Cache[string, *submission] // by visit
}

// A submission is one answer that was sent to authentik, and its result.
type submission struct {
	answer string
	result Outcome
}

func newSubmissions(now func() time.Time) *submissions {
	return &submissions{ttlcache.New(ttlcache.Options[string, *submission]{Entries: maxSubmissions, Now: now})}
}

func (s *submissions) sweep() { s.given.Sweep() }

// once sends an answer unless it has been sent already, and returns its result.
// Answers to one page are sent one after the other. Once authentik has accepted
// an answer to a page, every further answer to it gets the same result. Sending
// goes on even if the browser disconnects.
func (s *submissions) once(ctx context.Context, visit, answer string, give func() Outcome) Outcome {
	for {
		given, err := s.given.Do(ctx, visit, func(context.Context) (*submission, time.Duration, error) {
			mine := &submission{answer, give()}
			return mine, mine.lifetime(), nil
		})
		if err != nil {
			return Outcome{Err: fault.New(fault.AuthentikUnexpected, err)}
		}
		if given.settles(answer) {
			return given.result
		}
		s.given.DeleteIf(visit, func(kept *submission) bool { return kept == given })
	}
}

// lifetime is how long the result is kept. A failed answer, or one that was
// held back, may be submitted again at once.
func (s *submission) lifetime() time.Duration {
	if s.result.Err != nil || s.result.wait > 0 {
		return 0
	}
	return submissionLifetime
}

// settles reports whether the result is also the result of a further answer. If
// an answer fails, a second submission of it that waited fails too, and the
// visitor decides whether to submit it again.
func (s *submission) settles(answer string) bool {
	return s.answer == answer || s.result.advanced
}
