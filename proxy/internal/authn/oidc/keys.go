package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"

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

// publishedKeys check tokens against the keys that the provider publishes. They
// are fetched when the first token comes, and again after the metadata, or if a
// token is signed with an unknown key. If they cannot be fetched again, the old
// ones stay in use, as old metadata do.
type publishedKeys struct {
	address string
	client  *http.Client
	// asked is the result of the last fetch, good or bad, for some seconds: a client
	// that sends foreign tokens must not make the gate ask authentik for its keys each
	// time. Concurrent callers share one fetch.
	asked *cache.Cache[string, fetched]

	mu    sync.Mutex
	known []jose.JSONWebKey
	old   bool // the metadata are newer
}

// A fetched set of keys, or the reason why it could not be fetched.
type fetched struct {
	keys []jose.JSONWebKey
	err  error
}

func newPublishedKeys(address string, client *http.Client, o Options) *publishedKeys {
	return &publishedKeys{address: address, client: client, asked: cache.New(cache.Options[string, fetched]{Entries: 1, Now: o.Now, Go: o.Go})}
}

// outdate has the keys fetched again when the next token comes.
func (k *publishedKeys) outdate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.old = true
	k.asked.Delete("")
}

// current returns the keys, and whether they were fetched after the metadata.
func (k *publishedKeys) current() (known []jose.JSONWebKey, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known, k.known != nil && !k.old
}

var errKey = errors.New("the token is signed with none of the keys that authentik publishes")

// VerifySignature implements goidc.KeySet. go-oidc drops the cause of its errors,
// so an error of fetching keys is noted beside it.
func (k *publishedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, err
	}
	known, fresh := k.current()
	if fresh {
		if payload, ok := verifiedBy(known, jws); ok {
			return payload, nil
		}
	}
	err = k.fetch(ctx, known != nil)
	known, _ = k.current()
	if payload, ok := verifiedBy(known, jws); ok {
		return payload, nil
	}
	if err != nil {
		note(ctx, err)
		return nil, err
	}
	return nil, errKey
}

// verifiedBy returns what a token says, if it is signed with one of the keys.
func verifiedBy(keys []jose.JSONWebKey, jws *jose.JSONWebSignature) (payload []byte, ok bool) {
	id := jws.Signatures[0].Header.KeyID
	for i := range keys {
		if id != "" && keys[i].KeyID != id {
			continue
		}
		if payload, err := jws.Verify(&keys[i]); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// fetch gets the keys. A caller who has old ones does not wait for long.
func (k *publishedKeys) fetch(ctx context.Context, hasOld bool) error {
	if hasOld {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, renewWait)
		defer cancel()
	}
	got, err := k.asked.Do(ctx, "", func(backgroundCtx context.Context) (fetched, time.Duration, error) {
		return k.ask(backgroundCtx), metadataBackoff, nil // others wait for it, too
	})
	switch {
	case ctx.Err() == nil && (errors.Is(err, cache.ErrClosed) || closed(got.err)):
		return k.ask(ctx).err // the gate is closing, and still answers its last requests
	case err != nil:
		return fault.New(fault.AuthentikUnreachable, err)
	default:
		return got.err
	}
}

func closed(err error) bool { return errors.Is(err, context.Canceled) }

// ask asks authentik for its keys, and keeps them.
func (k *publishedKeys) ask(ctx context.Context) (got fetched) {
	if got.keys, got.err = k.load(ctx); got.err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.known, k.old = got.keys, false
		return got
	}
	switch fault.From(got.err).Code {
	case fault.AuthentikUnreachable, fault.AuthentikStarting, fault.AuthentikTLS, fault.AuthentikBehindGate:
	default:
		got.err = fault.New(fault.KeysUnreachable, got.err)
	}
	return got
}

func (k *publishedKeys) load(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.Do(req) //nolint:gosec // the address comes from the metadata, which must lie below authentik's own
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing can be done about an error here
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("the keys are answered with " + http.StatusText(resp.StatusCode))
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return readableKeys(body)
}

var errNoKeys = errors.New("the answer with the keys is not a JSON Web Key Set")

// readableKeys returns the keys of a set without those that cannot be read (RFC
// 7517, 5). An error does not quote the answer: any client that sends a logout
// notice would make the gate log it.
func readableKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errNoKeys
	}
	keys := []jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
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
