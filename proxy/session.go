package proxy

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// User is what authentik has said about who is signed in.
type User struct {
	Username string `json:"username"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	// UID is authentik's own lasting identifier of the user.
	UID    string   `json:"uid"`
	Groups []string `json:"groups,omitempty"`
	// Attributes are those that authentik tells the user itself; few are.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Claims are those of OpenID Connect that are no part of the above.
	Claims map[string]any `json:"claims,omitempty"`
}

// A Session is a sign-in that has been proved. Nothing of it is ever changed once it is
// made, but for when it was used last, and it may be used by many requests at once.
type Session struct {
	User User
	// Begun and Until are when it was made and when it ends at the latest.
	Begun, Until time.Time

	id      string          // public, for logs
	name    string          // of its record
	host    string          // where its cookie counts; empty where a domain says so
	apps    map[string]bool // what authentik said about applications
	fits    bool            // its user meets what the operator requires
	signIn  signedIn
	access  string       // the access token, where the application is told it
	checked time.Time    // when authentik last vouched for it
	due     time.Time    // when it is to do so again
	used    atomic.Int64 // Unix seconds, where it ends when it is not used
	ends    []string     // what is buried to end it together with others
	headers []header
	weight  int64 // in bytes, about
}

// ID is a public name of the session, for logs. It opens nothing.
func (s *Session) ID() string { return s.id }

// String shows who the session belongs to and nothing that could be used.
func (s *Session) String() string { return "session " + s.id + " of " + s.User.Username }

// Claim returns what is known of the user under the name of a claim of OpenID Connect: a text, a number, a truth value, a list
// or a map. It is false for what authentik has not told.
func (s *Session) Claim(name string) (value any, ok bool) {
	value = s.User.claim(name)
	return value, value != nil
}

// AccessToken returns the access token of OpenID Connect. It is empty unless the gate was configured to keep it.
func (s *Session) AccessToken() string { return s.access }

// claim returns what is known under a name, safe for a header. Several groups
// are separated by commas, or as the name's last character says.
func (s *Session) claim(name string) string {
	switch name {
	case "username", "id":
		return encode(s.User.Username, "")
	case "name":
		return encode(s.User.Name, "")
	case "email":
		return encode(s.User.Email, "")
	case "uid":
		return encode(s.User.UID, "")
	case "session":
		return s.id
	case "groups":
		return joined(s.User.Groups, ",")
	case "groups|":
		return joined(s.User.Groups, "|")
	}
	if name == "access_token" {
		return encode(s.access, "")
	}
	plain, separator := strings.TrimSuffix(name, "|"), ","
	if plain != name {
		separator = "|"
	}
	if list, ok := s.User.claim(plain).([]any); ok {
		return joined(textsIn(list), separator)
	}
	return encode(scalar(s.User.claim(plain)), "")
}

// joined writes a list so that no name in it can pass for two.
func joined(names []string, separator string) string {
	safe := make([]string, len(names))
	for i, name := range names {
		safe[i] = encode(name, separator)
	}
	return strings.Join(safe, separator)
}

// attribute finds a value by its dotted path. Only what is one value has a
// text: strings, numbers and truth values.
func attribute(in map[string]any, path string) string {
	if v, ok := in[path]; ok {
		return scalar(v)
	}
	first, rest, _ := strings.Cut(path, ".")
	inner, ok := in[first].(map[string]any)
	if !ok {
		return ""
	}
	return attribute(inner, rest)
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool, float64, int, int64:
		return fmt.Sprint(v)
	default:
		return ""
	}
}

// A record is a session as it is stored, sealed. It also holds what only the
// gate needs: the cookies by which authentik knows the session.
type record struct {
	User      User               `json:"user"`
	Begun     time.Time          `json:"begun"`
	Until     time.Time          `json:"until"`
	Apps      map[string]bool    `json:"apps,omitempty"`
	Ends      []string           `json:"ends,omitempty"`
	Cookies   flowclient.Cookies `json:"cookies,omitzero"`
	Tokens    *tokens            `json:"tokens,omitempty"`
	SID       string             `json:"sid,omitempty"` // of authentik's session
	SignIn    signedIn           `json:"sign_in,omitzero"`
	Redirect  string             `json:"redirect,omitempty"` // where codes are sent
	Checked   time.Time          `json:"checked,omitzero"`   // when authentik last vouched for it
	Used      time.Time          `json:"used,omitzero"`      // to within a minute
	Addr      netip.Addr         `json:"addr"`
	UserAgent string             `json:"user_agent,omitempty"`
	Language  string             `json:"language,omitempty"`
	Scheme    string             `json:"scheme,omitempty"`
	Host      string             `json:"host,omitempty"`
}

// take puts what authentik has said anew into the record. What it says nothing about stays.
func (rec *record) take(who proved, now time.Time) {
	rec.User, rec.Tokens, rec.SignIn, rec.Checked = who.user, who.tokens, who.signIn, now
	if len(who.cookies) > 0 {
		rec.Cookies = who.cookies
	}
	if who.sid != "" {
		rec.SID = who.sid
	}
}

// visitor is how the gate asks authentik on the session's behalf: with the
// address of the sign-in, since authentik may bind its session to that.
func (rec record) visitor() flowclient.Visitor {
	return flowclient.Visitor{
		Cookies: rec.Cookies, Addr: rec.Addr, UserAgent: rec.UserAgent, Language: rec.Language,
		Scheme: rec.Scheme, Host: rec.Host,
	}
}
