package proxy

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// An authRequest is what the gate asks authentik's authorize endpoint for, and knows the answer again by. It is kept
// sealed for one browser.
type authRequest struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE, RFC 7636
	Redirect string `json:"redirect"`
	Prompt   string `json:"prompt,omitempty"`
	MaxAge   int    `json:"max_age,omitempty"` // seconds
	// Rounds is how often the endpoint was asked.
	Rounds int `json:"rounds,omitempty"`
	// Demand is what the sign-in must be besides.
	Demand demand `json:"demand,omitzero"`
	// Since is when somebody was sent to sign in again. Only a sign-in that is not older is one.
	Since time.Time `json:"since,omitzero"`
}

// maxRounds is how often the authorize endpoint is asked in one visit. Each flow that ends leads
// there once.
const maxRounds = 8

// newAuthRequest draws what one sign-in is known by. State and nonce have 128 bits.
func newAuthRequest(redirect string) authRequest {
	return authRequest{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
}

// anewAge is how old a sign-in may be where another is wanted. A shorter one would be over on the way back.
const anewAge = time.Minute

// anew is the request of somebody who is signed in at authentik, and has to sign in again from now on. To ask by age works as often
// as it is wanted; prompt=login does once in each session of authentik's, and is for who has only just signed in. Both
// together would ask twice.
func (a authRequest) anew(in signedIn, now time.Time) authRequest {
	a.Since = now
	if now.Sub(in.At) > anewAge {
		a.MaxAge = int(anewAge / time.Second)
		return a
	}
	a.Prompt, a.MaxAge = "login", 0
	return a
}

// address is where a browser asks.
func (a authRequest) address(config oauth2.Config) string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.Verifier), oidc.Nonce(a.Nonce)}
	if a.Prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", a.Prompt))
	}
	if a.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(a.MaxAge)))
	}
	return config.AuthCodeURL(a.State, options...)
}

// parameters are what the endpoint is asked with.
func (a authRequest) parameters(config oauth2.Config) url.Values {
	u, err := url.Parse(a.address(config))
	if err != nil {
		return nil // the address is the provider's own, which has been parsed before
	}
	return u.Query()
}

// answers reports whether an address is where the endpoint sends its answer.
func (a authRequest) answers(to string) bool { return strings.HasPrefix(to, a.Redirect+"?") }

// code reads the answer (RFC 6749, 4.1.2; RFC 9207).
func (a authRequest) code(to, issuer string) (string, error) {
	_, query, _ := strings.Cut(to, "?")
	said, err := readResponse(query)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(said.state), []byte(a.State)) != 1 {
		return "", fault.New(fault.TokenInvalid, errState)
	}
	return said.codeOf(issuer)
}

// A response is what stands in the query of a redirect URI.
type response struct{ code, state, issuer, err, description string }

var (
	errState     = errors.New("the answer belongs to another sign-in")
	errParameter = errors.New("the answer has a parameter that it cannot have, or one twice")
	errIssuer    = errors.New("the answer comes from another issuer")
)

// readResponse takes a response apart. What stands in it twice, or has no business there, is not
// authentik's doing.
func readResponse(query string) (r response, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return response{}, fault.New(fault.BadRequest, errParameter)
	}
	fields := map[string]*string{
		"code": &r.code, "state": &r.state, "iss": &r.issuer, "error": &r.err, "error_description": &r.description,
		"error_uri": new(string), "session_state": new(string), "scope": new(string),
	}
	for name, value := range values {
		field, known := fields[name]
		if !known || len(value) != 1 {
			return response{}, fault.New(fault.BadRequest, errParameter)
		}
		*field = value[0]
	}
	return r, nil
}

// codeOf is the code of a response, or what the error in it amounts to.
func (r response) codeOf(issuer string) (string, error) {
	if r.issuer != "" && r.issuer != issuer {
		return "", fault.New(fault.IssuerMismatch, errIssuer)
	}
	switch cause := fmt.Errorf("the authorize endpoint answers with %q: %q", r.err, r.description); r.err {
	case "":
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return "", errNobody
	case "access_denied":
		return "", fault.New(fault.DeniedByFlow, cause)
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "request_not_supported":
		return "", fault.New(fault.ClientRejected, cause)
	default:
		return "", fault.New(fault.AuthentikUnexpected, cause)
	}
	if r.code == "" {
		return "", fault.New(fault.BadRequest, errParameter)
	}
	return r.code, nil
}
