package authentiktest

// A Reputation is the policy about those who often fail to sign in. Each
// wrong password costs the name and the address it came with a point, and a
// right one earns a point. The policy passes, as authentik's does, for those
// who have fallen to Threshold: bind it to what only they are to meet, or
// negate it. Points of others that share the name or the address count too.
type Reputation struct {
	Threshold                     int
	IgnoreUsername, IgnoreAddress bool // check_username and check_ip are off
}

// A standing is what points are counted for.
type standing struct{ username, address string }

// tried is authenticate, with its consequences for the reputation.
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

// passes reports whether a visitor has fallen so low.
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
