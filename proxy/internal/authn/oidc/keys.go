package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// hs256 is the algorithm of tokens that are signed with a secret.
const hs256 = "HS256"

// secretKeys check the tokens of a provider that has no signing key. Such
// tokens are signed with the client's secret (OpenID Connect Core 1.0, 10.1).
// Tokens of other algorithms never get here.
type secretKeys string

var errShortSecret = errors.New("authentik signs tokens with the client's secret, and that has fewer than 32 characters: " +
	"give the provider a signing key, or a longer secret")

// newSecretKeys refuses secrets that are too short for the algorithm (RFC 7518,
// 3.2), such as the empty one of a public client.
func newSecretKeys(secret string) (secretKeys, error) {
	if len(secret) < 32 {
		return "", errShortSecret
	}
	return secretKeys(secret), nil
}

// VerifySignature implements goidc.KeySet.
func (k secretKeys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	return jws.Verify([]byte(k))
}

// publishedKeys check tokens with the keys that the provider publishes.
type publishedKeys struct {
	remote *goidc.RemoteKeySet
	load   *limitedTransport
}

// newPublishedKeys returns keys that a client fetches for the first token, and
// again when a token is signed with an unknown key.
func newPublishedKeys(ctx context.Context, address string, client *http.Client, o Options) publishedKeys {
	load := &limitedTransport{client: client, kept: cache.New(cache.Options[string, fetched]{Entries: 1, Now: o.Now, Go: o.Go})}
	ctx = goidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Transport: load, Timeout: keysWait})
	return publishedKeys{goidc.NewRemoteKeySet(ctx, address), load}
}

// VerifySignature implements goidc.KeySet. go-oidc drops the cause of its
// errors, so the notebook in the context receives an error of fetching keys.
func (k publishedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if err != nil {
		note(ctx, k.load.trouble())
	}
	return payload, err
}

// A limitedTransport keeps one response, good or bad, for some seconds.
// Otherwise a client that sends foreign tokens could make the gate ask
// authentik for its keys each time. Concurrent requests share one fetch.
type limitedTransport struct {
	client *http.Client
	kept   *cache.Cache[string, fetched]
}

// A fetched response, or the error of the request.
type fetched struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// RoundTrip implements http.RoundTripper.
func (l *limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	got, err := l.kept.Do(r.Context(), "", func(backgroundCtx context.Context) (fetched, time.Duration, error) {
		ctx, cancel := context.WithTimeout(backgroundCtx, keysWait)
		defer cancel()
		return l.fetch(ctx, r), metadataBackoff, nil
	})
	if err != nil {
		return nil, err
	}
	if got.err != nil {
		return nil, got.err
	}
	return &http.Response{
		StatusCode: got.status, Status: http.StatusText(got.status), Header: got.header.Clone(), Request: r,
		Body: io.NopCloser(bytes.NewReader(got.body)), ContentLength: int64(len(got.body)),
	}, nil
}

func (l *limitedTransport) fetch(ctx context.Context, r *http.Request) (got fetched) {
	out := r.Clone(ctx)
	out.RequestURI = ""
	var resp *http.Response
	//nolint:gosec // the address comes from the metadata, which must lie below authentik's own
	if resp, got.err = l.client.Do(out); got.err != nil {
		return got
	}
	defer resp.Body.Close() //nolint:errcheck // nothing can be done about an error here
	got.status, got.header = resp.StatusCode, resp.Header
	if got.body, got.err = io.ReadAll(resp.Body); got.err == nil && got.status == http.StatusOK {
		got.body, got.err = readableKeys(got.body)
	}
	return got
}

var errNoKeys = errors.New("the answer with the keys is no JSON Web Key Set")

// readableKeys returns a key set without the keys that cannot be read (RFC
// 7517, 5). go-oidc would refuse all keys because of one, and put the whole
// response into its error. Any client that sends a logout notice could then
// make the gate log it.
func readableKeys(body []byte) ([]byte, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errNoKeys
	}
	set.Keys = slices.DeleteFunc(set.Keys, func(key json.RawMessage) bool {
		return json.Unmarshal(key, new(jose.JSONWebKey)) != nil
	})
	return json.Marshal(set)
}

// trouble returns why there are no keys, or nil if there are keys.
func (l *limitedTransport) trouble() error {
	last, _ := l.kept.Get("")
	switch {
	case fault.From(last.err).Code == fault.AuthentikTLS:
		return last.err
	case last.err != nil:
		return fault.New(fault.KeysUnreachable, last.err)
	case last.status != http.StatusOK && last.status != 0:
		return fault.New(fault.KeysUnreachable, errors.New("the keys are answered with "+http.StatusText(last.status)))
	default:
		return nil
	}
}

// A notebook receives an error that a library does not return.
type notebook struct{ err error }

type notebookKey struct{}

// note writes an error into the notebook of a context, if there is one.
func note(ctx context.Context, err error) {
	if book, ok := ctx.Value(notebookKey{}).(*notebook); ok {
		book.err = err
	}
}
