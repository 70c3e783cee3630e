package session

import (
	"net/netip"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// ClockLeeway is the maximum difference between authentik's clock and this one.
const ClockLeeway = time.Minute

// A Proof is authentik's confirmation that a user is signed in. Only authentication
// sources create one, and a session begins only with a Proof.
type Proof struct {
	User user.User
	// Passing reports whether the user may use the gate's application.
	Passing bool
	// Cookies are the cookies of authentik's session. They are empty if the
	// browser has them, for example after a redirect.
	Cookies flowclient.Cookies
	// Rest is the secret of the copy of authentik's cookies, if the user has signed
	// in at a login host.
	Rest   string
	SID    string // the identifier of authentik's session in tokens and logout notices
	SignIn SignIn
	// Stay is until when a visitor who wants to stay signed in at authentik
	// does.
	Stay   time.Time
	Tokens *Tokens // nil without OpenID Connect
	// Asked is when authentik was asked. An end that authentik reports later
	// still counts.
	Asked time.Time
}

// Tokens are the tokens that authentik has issued for a session. They are kept
// only in its sealed record.
type Tokens struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	ID      string    `json:"id,omitempty"`
	Expiry  time.Time `json:"expiry"` // of the access token
}

// A SignIn is how and when the user signed in at authentik. Without OpenID
// Connect it is the zero value, which means unknown.
type SignIn struct {
	At  time.Time `json:"at,omitzero"`
	MFA bool      `json:"mfa,omitempty"`
	// Factor is when the user gave the second factor, if that was at an earlier
	// sign-in.
	Factor time.Time `json:"factor,omitzero"`
}

// A Record is a session in the store, sealed. It also has the cookies and
// tokens of the session at authentik, which only the gate uses.
type Record struct {
	User      user.User          `json:"user"`
	Begun     time.Time          `json:"begun"`
	Until     time.Time          `json:"until"`
	Stay      time.Time          `json:"stay,omitzero"`  // until when another session may follow this one without a sign-in
	Apps      map[string]bool    `json:"apps,omitempty"` // authentik's verdicts by application
	Ends      []string           `json:"ends,omitempty"` // tombstones that end it together with others
	Cookies   flowclient.Cookies `json:"cookies,omitzero"`
	Rest      string             `json:"rest,omitempty"` // the secret of the copy that has the cookies instead
	RestName  string             `json:"-"`              // the name of that copy's record; known when the session begins
	Tokens    *Tokens            `json:"tokens,omitempty"`
	SID       string             `json:"sid,omitempty"` // the identifier of authentik's session
	SignIn    SignIn             `json:"sign_in,omitzero"`
	Redirect  string             `json:"redirect,omitempty"` // the client's redirect URI
	Checked   time.Time          `json:"checked,omitzero"`   // when authentik last confirmed it
	Used      time.Time          `json:"used,omitzero"`      // last use, to within a minute
	Addr      netip.Addr         `json:"addr"`               // the client's address at the sign-in, and then at the last recheck
	UserAgent string             `json:"user_agent,omitempty"`
	Language  string             `json:"language,omitempty"`
	Scheme    string             `json:"scheme,omitempty"`
	Host      string             `json:"host,omitempty"`
}

// Take updates the record with a proof from a time. If the proof has no
// cookies, or no identifier of authentik's session, the old ones stay.
func (rec *Record) Take(who Proof, now time.Time) {
	rec.User, rec.Tokens, rec.SignIn, rec.Checked = who.User, who.Tokens, who.SignIn, now
	if len(who.Cookies) > 0 {
		rec.Cookies = who.Cookies
	}
	if who.Rest != "" {
		rec.Rest = who.Rest
	}
	if who.SID != "" {
		rec.SID = who.SID
	}
}

// Visitor returns the visitor for calls to authentik about this session. It has
// the visitor's present address, since authentik may have bound its session to
// an address.
func (rec *Record) Visitor() flowclient.Visitor {
	return flowclient.Visitor{
		Cookies: rec.Cookies, Addr: rec.Addr, UserAgent: rec.UserAgent, Language: rec.Language,
		Scheme: rec.Scheme, Host: rec.Host,
	}
}

// checked returns when authentik last confirmed the session: at its beginning,
// or at a later recheck.
func (rec *Record) checked() time.Time { return index.Later(rec.Begun, rec.Checked) }

// kept returns when the record is no longer needed. After the end of its
// session another may follow.
func (rec *Record) kept() time.Time { return index.Later(rec.Until, rec.Stay) }

// used returns the noted time of the last use.
func (rec *Record) used() time.Time { return index.Later(rec.Begun, rec.Used) }
