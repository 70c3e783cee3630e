package exchange

import (
	"strconv"
	"strings"
	"time"
)

const (
	// More than maxArrivals arrivals within arrivalsFor are too many.
	maxArrivals = 3
	arrivalsFor = time.Minute
)

// Arrivals are the times of this browser's last sign-ins. They are in a cookie:
// a gate whose session cookies get lost can count nowhere else. They are not
// secret and give access to nothing. A visitor who forges them only gets an
// error page with a link to the sign-in page.
type Arrivals []time.Time

// String writes the times in seconds of Unix time, in base 36.
func (a Arrivals) String() string { return a.at("") }

// at returns the arrivals at a gate as text. If the gate shares its host with
// others, the gate's name follows each time, since a visitor may sign in at
// several gates.
func (a Arrivals) at(gate string) string {
	texts := make([]string, len(a))
	for i, t := range a {
		texts[i] = strconv.FormatInt(t.Unix(), 36)
		if gate != "" {
			texts[i] += arrivalMark + gate
		}
	}
	return strings.Join(texts, ".")
}

const (
	// arrivalMark separates a time from the gate's name.
	arrivalMark = "-"
	// maxNoted is how many arrivals a cookie may have, at all gates of a host.
	maxNoted = 4 * maxArrivals
)

// parseArrivals reads the arrivals at a gate that have not expired, and those
// at other gates as they are written. The clocks of several Caddys may differ a
// little.
func parseArrivals(value, gate string, now time.Time) (a Arrivals, others []string, ok bool) {
	texts := strings.SplitN(value, ".", maxNoted+1)
	if len(texts) > maxNoted {
		return nil, nil, false
	}
	for _, text := range texts {
		seconds, at, _ := strings.Cut(text, arrivalMark)
		n, err := strconv.ParseUint(seconds, 36, 40)
		if err != nil || strconv.FormatUint(n, 36) != seconds || len(at) > idLength {
			return nil, nil, false
		}
		t := time.Unix(int64(n), 0) //nolint:gosec // It has 40 bits.
		switch age := now.Sub(t); {
		case age >= arrivalsFor || age <= -arrivalsFor:
		case at == gate:
			a = append(a, t)
		default:
			others = append(others, text)
		}
	}
	return a, others, len(a) <= maxArrivals
}

// With returns the arrivals with one more, and without those that no longer
// count.
func (a Arrivals) With(t time.Time) Arrivals {
	all := append(a[:len(a):len(a)], t)
	return all[max(0, len(all)-maxArrivals):]
}

// Full reports whether one more sign-in would be too many.
func (a Arrivals) Full() bool { return len(a) >= maxArrivals }

// Arrivals returns the arrivals of the request's browser at this gate.
func (x *Exchange) Arrivals() Arrivals {
	a, _ := x.arrived()
	return a
}

func (x *Exchange) arrived() (a Arrivals, others []string) {
	for value := range CookieValues(x.Sent, x.Cookies.arrivals.in(x.At.Scheme)) {
		if a, others, ok := parseArrivals(value, x.Identity.name(), x.Now()); ok && len(a)+len(others) > 0 {
			return a, others
		}
	}
	return nil, nil
}

// SetArrivals stores the arrivals at this gate in the browser's cookie. An
// empty list expires the cookie if it has no arrivals of other gates.
func (x *Exchange) SetArrivals(a Arrivals) {
	_, all := x.arrived()
	all = all[max(0, len(all)-maxNoted+maxArrivals):]
	if len(a) > 0 {
		all = append(all, a.at(x.Identity.name()))
	}
	c := x.cookie(x.Cookies.arrivals, strings.Join(all, "."))
	c.MaxAge = int(arrivalsFor / time.Second)
	if len(all) == 0 {
		c.MaxAge = -1
	}
	x.setCookie(c)
}
