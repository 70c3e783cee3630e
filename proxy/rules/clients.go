package rules

import (
	"errors"
	"fmt"
	"slices"
)

// Clients are the options for programs without a browser, and other options
// that they depend on.
type Clients struct {
	Basic, Bearer       bool
	BearerClients       []string
	TrustBindings, Pass bool
	// ClientID is the gate's client ID. It may be empty.
	ClientID string
	// SetsAuthorization says that the operator sets the header Authorization.
	SetsAuthorization bool
	// RequireMFA and MaxAge say that every request needs a second factor, or a sign-in
	// that is not too old.
	RequireMFA, MaxAge bool
	// LoginAt says that visitors sign in at a login host.
	LoginAt bool
}

// Check returns the mistakes in a combination of options.
func (c Clients) Check() (wrong []error) {
	add := func(broken bool, format string, args ...any) {
		if broken {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	further, some := len(c.BearerClients) > 0, c.Basic || c.Bearer
	if !some {
		add(further || c.TrustBindings || c.Pass, "no program may come; write clients basic, clients bearer or both")
		return wrong
	}
	add(c.Bearer && c.LoginAt, "bearer cannot be used with login at, as tokens are issued for a client, and such a site has none; write only clients basic, or client_id and login redirect instead of login at")
	add(c.Bearer && c.ClientID == "" && !c.LoginAt, "bearer needs OpenID Connect, as tokens are issued for a client; write client_id and application too, or only clients basic")
	add(further && !c.Bearer, "bearer names further clients, but no tokens are accepted; write bearer as a scheme too")
	add(further && !c.TrustBindings,
		"tokens of further clients are issued by the bindings of their own applications, and not by those of this site's; write trust_bindings in the block if these may decide, or leave the clients out")
	add(!further && c.TrustBindings, "trust_bindings is for the tokens of further clients, but no further client is named; write bearer <client_id> in the block, or leave trust_bindings out")
	add(c.Basic && c.RequireMFA,
		"basic lets no program in, as require mfa is for every request and a password shows no second factor; leave basic out, or write require mfa only for some requests: on <matcher> { require mfa }")
	add(c.Basic && c.MaxAge && !c.RequireMFA,
		"basic lets no program in, as max_age is for every request and a password does not show when its user has signed in; leave basic out, or write max_age only for some requests: on <matcher> { max_age 8h }")
	add(c.Pass && c.SetsAuthorization, "pass has no effect, as a line of headers sets Authorization; leave one of them out")
	for i, id := range c.BearerClients {
		if err := ClientID(id); err != nil {
			wrong = append(wrong, fmt.Errorf("bearer: %w", err))
		}
		add(id == c.ClientID, "bearer %s: tokens of client_id itself are accepted anyway; leave it out", id)
		add(slices.Index(c.BearerClients, id) < i, "bearer: %s is given twice; keep one of them", id)
	}
	return wrong
}

var errNoScheme = errors.New("it has no value; write clients basic, clients bearer or both")

// ClientScheme checks the name of a kind of credential.
func ClientScheme(word string) error {
	switch word {
	case "basic", "bearer":
		return nil
	case "":
		return errNoScheme
	}
	return fmt.Errorf("%q is not known; write basic or bearer%s", word, Suggest(word, []string{"basic", "bearer"}))
}
