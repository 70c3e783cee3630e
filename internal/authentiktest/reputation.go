package authentiktest

// A Reputation is a policy about names and addresses with many failed sign-ins.
// Each wrong password costs the name and the address one point, and a right one
// earns one. The policy passes, as authentik's does, if the score has fallen to
// Threshold: bind it to a stage for such visitors, or negate it. Scores of
// others with the same name or address count too.
type Reputation struct {
	Threshold                     int
	IgnoreUsername, IgnoreAddress bool // check_username and check_ip are off
}

// A standing is what a score belongs to.
type standing struct{ username, address string }

// tried is authenticate, and updates the reputation.
func (v *visit) tried(username, password string) (User, bool) {
	u, ok := v.srv.authenticate(username, password)
	points := -1
	if ok {
		points = 1
	}
	v.srv.mu.Lock()
	defer v.srv.mu.Unlock()
	v.srv.scores[standing{username, v.client()}] += points
	return u, ok
}

// passes reports whether the visitor's score has fallen to the threshold.
func (r *Reputation) passes(s *Server, q *PolicyRequest) bool {
	who := standing{username: or(q.Pending.Username, q.User.Username), address: clientOf(q.HTTP)}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for one, score := range s.scores {
		if !r.IgnoreUsername && one.username == who.username || !r.IgnoreAddress && one.address == who.address {
			sum += score
		}
	}
	return sum <= r.Threshold
}
