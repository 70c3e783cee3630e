package exchange

import (
	"encoding/base64"
)

// markOf returns the mark of a user in a browser's cookie.
func (x *Exchange) markOf(uid string) string {
	return base64.RawURLEncoding.EncodeToString(x.Key.Derive([]byte(uid), "v1\x00user of a browser", markSize))
}

// LastUser returns the mark of the user whose session the browser has, or had
// last. It is empty if that user is not known: the record of an expired session
// cannot be read any more.
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
			return "" // another host may have planted one of the cookies
		}
		mark = value
	}
	return mark
}

// IsUser reports whether a mark is the mark of a user.
func (x *Exchange) IsUser(mark, uid string) bool { return mark == x.markOf(uid) }
