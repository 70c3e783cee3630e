package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"golang.org/x/oauth2"
)

// AuthorizeURL returns the address at authentik where a browser asks for a code
// (OpenID Connect Core 1.0, 3.1.2).
func (p *Source) AuthorizeURL(ctx context.Context, request authn.Request) (string, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	return address(request, p.config(m, request.Redirect)), nil
}

func address(request authn.Request, config oauth2.Config) string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(request.Verifier), goidc.Nonce(request.Nonce)}
	if request.Prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", request.Prompt))
	}
	if request.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(request.MaxAge)))
	}
	return config.AuthCodeURL(request.State, options...)
}

// parameters returns the parameters of the request to the endpoint.
func parameters(request authn.Request, config oauth2.Config) url.Values {
	u, err := url.Parse(address(request, config))
	if err != nil {
		return nil // the provider's own address, which has been parsed before
	}
	return u.Query()
}

// codeIn reads the code in the endpoint's answer to a request (RFC 6749, 4.1.2;
// RFC 9207).
func codeIn(request authn.Request, to, issuer string) (string, error) {
	_, query, _ := strings.Cut(to, "?")
	said, err := ReadResponse(query)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(said.State), []byte(request.State)) != 1 {
		return "", fault.New(fault.TokenInvalid, errState)
	}
	return said.code(issuer)
}

// A Response is the query of a redirect URI.
type Response struct {
	State                           string
	value, issuer, err, description string
}

var (
	errState     = errors.New("the answer belongs to another sign-in")
	errParameter = errors.New("the answer has an unknown parameter, or one twice")
	errIssuer    = errors.New("the answer comes from another issuer")
)

// ReadResponse reads the query of a redirect URI. Repeated and unknown
// parameters are refused, since authentik sends neither.
func ReadResponse(query string) (r Response, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return Response{}, fault.New(fault.BadRequest, errParameter)
	}
	fields := map[string]*string{
		"code": &r.value, "state": &r.State, "iss": &r.issuer, "error": &r.err, "error_description": &r.description,
		"error_uri": new(string), "session_state": new(string), "scope": new(string),
	}
	for name, value := range values {
		field, known := fields[name]
		if !known || len(value) != 1 {
			return Response{}, fault.New(fault.BadRequest, errParameter)
		}
		*field = value[0]
	}
	return r, nil
}

// Code returns the code of a response. If the response is an error, Code
// returns it as an Error.
func (p *Source) Code(ctx context.Context, r Response) (string, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	return r.code(m.issuer)
}

func (r Response) code(issuer string) (string, error) {
	if r.issuer != "" && r.issuer != issuer {
		return "", fault.New(fault.IssuerMismatch, errIssuer)
	}
	switch cause := fmt.Errorf("the authorize endpoint answers with %.100q: %.500q", r.err, r.description); r.err {
	case "":
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return "", authn.ErrNotSignedIn
	case "access_denied":
		return "", fault.New(fault.DeniedByFlow, cause)
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "request_not_supported":
		return "", fault.New(fault.ClientRejected, cause)
	default:
		return "", fault.New(fault.AuthentikUnexpected, cause)
	}
	if r.value == "" {
		return "", fault.New(fault.BadRequest, errParameter)
	}
	return r.value, nil
}
