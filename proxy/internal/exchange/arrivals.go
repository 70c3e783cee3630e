package exchange

import (
	"strconv"
	"strings"
	"time"
)

const (
	// maxArrivals is how many arrivals within arrivalsFor are too many.
	maxArrivals = 3
	arrivalsFor = time.Minute
)

// Arrivals are the times at which this browser was last told that a user is
// signed in. They are in a cookie, since a gate whose sign-ins do not hold has
// nothing else to count by. They are no secret and open nothing: a visitor who
// forges them gets a page that says so instead of the sign-in page, with a link
// to that.
type Arrivals []time.Time

// String writes them as seconds of Unix time, in base 36.
func (a Arrivals) String() string {
	texts := make([]string, len(a))
	for i, t := range a {
		texts[i] = strconv.FormatInt(t.Unix(), 36)
	}
	return strings.Join(texts, ".")
}

// parseArrivals reads what String has written, without expired ones. Clocks of
// several Caddys may differ a little.
func parseArrivals(value string, now time.Time) (a Arrivals, ok bool) {
	texts := strings.SplitN(value, ".", maxArrivals+1)
	if len(texts) > maxArrivals {
		return nil, false
	}
	for _, text := range texts {
		n, err := strconv.ParseUint(text, 36, 40)
		if err != nil || strconv.FormatUint(n, 36) != text {
			return nil, false
		}
		t := time.Unix(int64(n), 0) //nolint:gosec // It has 40 bits.
		if age := now.Sub(t); age < arrivalsFor && age > -arrivalsFor {
			a = append(a, t)
		}
	}
	return a, true
}

// With returns them with one more, and no more than count.
func (a Arrivals) With(t time.Time) Arrivals {
	all := append(a[:len(a):len(a)], t)
	return all[max(0, len(all)-maxArrivals):]
}

// Full reports whether a sign-in that begins after them would be one too many.
func (a Arrivals) Full() bool { return len(a) >= maxArrivals }

// Arrivals returns those of the request's browser.
func (x *Exchange) Arrivals() Arrivals {
	for value := range CookieValues(x.R.Header["Cookie"], x.Cookies.arrivals.in(x.At.Scheme)) {
		if a, ok := parseArrivals(value, x.Now()); ok {
			return a
		}
	}
	return nil
}

// SetArrivals has the browser count. An empty list expires the cookie.
func (x *Exchange) SetArrivals(a Arrivals) {
	c := x.cookie(x.Cookies.arrivals, a.String())
	c.MaxAge = int(arrivalsFor / time.Second)
	if len(a) == 0 {
		c.MaxAge = -1
	}
	x.setCookie(c)
}
