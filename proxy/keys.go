package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// hs256 is the algorithm of tokens that are signed with a secret.
const hs256 = "HS256"

// secretKeys check the tokens of a provider without a signing key: those are signed with the client's seal.Secret
// (OpenID Connect Core 1.0, 10.1). No other algorithm gets here.
type secretKeys string

var errShortSecret = errors.New("authentik signs tokens with the client's seal.Secret, and that has fewer than 32 characters: " +
	"give the provider a signing key, or a longer secret")

// newSecretKeys refuses secrets that are too short for the algorithm (RFC 7518, 3.2), and that of a public client,
// which is none.
func newSecretKeys(secret string) (secretKeys, error) {
	if len(secret) < 32 {
		return "", errShortSecret
	}
	return secretKeys(secret), nil
}

// VerifySignature implements oidc.KeySet.
func (k secretKeys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	return jws.Verify([]byte(k))
}

// publishedKeys check tokens against the keys that the provider publishes.
type publishedKeys struct {
	remote *oidc.RemoteKeySet
	load   *seldom
}

// newPublishedKeys fetches keys with a client, when the first token comes, and again when one comes that
// is signed with another key.
func newPublishedKeys(ctx context.Context, address string, client *http.Client, now func() time.Time) publishedKeys {
	load := &seldom{client: client, now: now}
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: load, Timeout: keysWait})
	return publishedKeys{oidc.NewRemoteKeySet(ctx, address), load}
}

// VerifySignature implements oidc.KeySet. go-oidc drops the cause of what it returns, so
// keys that cannot be had are told in a failure beside it.
func (k publishedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if err != nil {
		note(ctx, k.load.trouble())
	}
	return payload, err
}

// A seldom transport keeps one answer for some seconds, good or bad: whoever sends
// tokens of other people's must not have authentik asked for its keys each time.
type seldom struct {
	client *http.Client
	now    func() time.Time

	mu     sync.Mutex
	at     time.Time
	status int
	header http.Header
	body   []byte
	err    error
}

// RoundTrip implements http.RoundTripper.
func (s *seldom) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.now().Sub(s.at); s.at.IsZero() || age < 0 || age >= providerRest {
		s.at, s.err = s.now(), s.fetch(r)
	}
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{
		StatusCode: s.status, Status: http.StatusText(s.status), Header: s.header.Clone(), Request: r,
		Body: io.NopCloser(bytes.NewReader(s.body)), ContentLength: int64(len(s.body)),
	}, nil
}

func (s *seldom) fetch(r *http.Request) error {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	resp, err := s.client.Do(out)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is left to be done about it
	s.status, s.header = resp.StatusCode, resp.Header
	s.body, err = io.ReadAll(resp.Body)
	return err
}

// trouble is why there are no keys, if there are none.
func (s *seldom) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return fault.New(fault.KeysUnreachable, s.err)
	case s.status != http.StatusOK && s.status != 0:
		return fault.New(fault.KeysUnreachable, errors.New("the keys are answered with "+http.StatusText(s.status)))
	default:
		return nil
	}
}

// A notebook takes down what a library does not tell.
type notebook struct{ err error }

type notebookKey struct{}

// note writes into the notebook of a context, if there is one.
func note(ctx context.Context, err error) {
	if book, ok := ctx.Value(notebookKey{}).(*notebook); ok {
		book.err = err
	}
}
