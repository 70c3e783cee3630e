package exchange

import (
	"encoding/base64"
)

// markOf returns what stands for a user in a browser.
func (x *Exchange) markOf(uid string) string {
	return base64.RawURLEncoding.EncodeToString(x.Key.Derive([]byte(uid), "v1\x00user of a browser", markSize))
}

// LastUser returns what stands for the user whose session the browser has or had
// last, or an empty text if that is not known: the record of an expired session
// does not open any more.
func (x *Exchange) LastUser() (mark string) {
	if s, found, err := x.Session(); found && err == nil {
		return x.markOf(s.User.UID)
	}
	if value, found, err := x.Stays(); found && err == nil {
		if rec, found, err := x.Sessions.Stays(x.Context(), value, x.At.Host); found && err == nil {
			return x.markOf(rec.User.UID)
		}
	}
	for value := range CookieValues(x.Sent, x.Cookies.user.in(x.At.Scheme)) {
		if mark != "" && mark != value {
			return "" // another host may have planted one of them
		}
		mark = value
	}
	return mark
}

// IsUser reports whether a mark stands for a user.
func (x *Exchange) IsUser(mark, uid string) bool { return mark == x.markOf(uid) }
