// Package pictures serves the logos and backgrounds of authentik below the
// gate's own address, since a browser may not reach authentik.
//
// It fetches only addresses that authentik itself has named: a mark in the
// picture's name proves it. It sends the browser only pictures, and keeps them
// for all visitors. It does not know visitors or sessions.
//
//   - pictures.go: the handler, and the cache of pictures
//   - names.go: the names of pictures
package pictures

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// pictureLifetime is how long a picture is kept. missLifetime is how long a
	// picture that could not be fetched is not fetched again.
	pictureLifetime = 15 * time.Minute
	missLifetime    = 30 * time.Second
	// fetchTimeout is how long the gate waits for authentik.
	fetchTimeout = 10 * time.Second
	// maxPicture is the maximum size of one picture, and maxBytes that of all
	// kept pictures together.
	maxPicture = 4 << 20
	maxBytes   = 32 << 20
	// overhead is the weight of an entry in addition to the picture's bytes: an
	// entry without a picture needs memory too.
	overhead = 1 << 10
)

// A Source is where pictures come from; *flowclient.Client is one.
type Source interface {
	Picture(ctx context.Context, v flowclient.Visitor, address string) (flowclient.Picture, error)
}

// Options configure the handler. Source and Key are required.
type Options struct {
	Source Source
	// Key marks the names of pictures, so that only marked ones are fetched. It
	// is used for nothing else.
	Key []byte
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Go runs a fetch in the background of the gate. Default: the fetch does not
	// end with a gate.
	Go func(work func(context.Context)) bool
}

// Pictures answers GET <prefix>/brand/<name>. It is safe for concurrent use.
type Pictures struct {
	names

	source Source
	// kept holds pictures by host and path: tokens in the query change and
	// expire, but the picture stays the same. A picture that could not be
	// fetched is kept under the whole address, since another token may be
	// valid.
	kept *cache.Cache[string, flowclient.Picture]
}

// New makes the handler.
func New(o Options) *Pictures {
	return &Pictures{
		names: newNames(o.Key, o.Now), source: o.Source,
		kept: cache.New(cache.Options[string, flowclient.Picture]{
			Entries: maxBytes / overhead, Bytes: maxBytes, Now: o.Now, Go: o.Go,
			Weight: func(_ string, p flowclient.Picture) int64 { return int64(len(p.Bytes) + overhead) },
		}),
	}
}

// Sweep drops expired pictures and names.
func (p *Pictures) Sweep() {
	p.kept.Sweep()
	p.steady.Sweep()
}

// Has reports whether this gate made a name.
func (p *Pictures) Has(name string) bool {
	_, ok := p.address(name)
	return ok
}

// ServeHTTP sends the picture of a name, or 404.
func (p *Pictures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	address, ok := p.address(path.Base(r.URL.Path))
	if !ok {
		http.NotFound(w, r)
		return
	}
	got, err := p.get(r.Context(), address)
	switch {
	case err == nil:
		send(w, r, got)
	case r.URL.Query().Has("behind"):
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = io.WriteString(w, blank) // a client that has disconnected needs no picture
	default:
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
	}
}

// blank is sent for a missing background, since a browser would show a broken
// picture.
const blank = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`

// imageTypes are what browsers draw. Nothing else from authentik is passed on.
var imageTypes = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml",
	"image/x-icon", "image/vnd.microsoft.icon",
}

// send writes a picture. An SVG is a document that may contain scripts: if it
// is opened by itself on the application's host, it must not run them.
func send(w http.ResponseWriter, r *http.Request, got flowclient.Picture) {
	h := w.Header()
	h.Set("Content-Type", got.Type)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, max-age=86400")
	h.Set("ETag", etag(got.Bytes))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(got.Bytes))
}

// etag is different for each version of a picture.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

var errNoPicture = errors.New("authentik has no picture there that can be shown")

// get returns the picture at an address, from the cache or from authentik.
func (p *Pictures) get(ctx context.Context, address string) (flowclient.Picture, error) {
	u, err := url.Parse(address)
	if err != nil {
		return flowclient.Picture{}, errNoPicture
	}
	withoutToken := u.Host + u.EscapedPath()
	if got, found := p.kept.Get(withoutToken); found {
		return existing(got)
	}
	got, err := p.kept.Do(ctx, address, func(ctx context.Context) (flowclient.Picture, time.Duration, error) {
		got, ok := p.fetch(ctx, address)
		if !ok {
			return flowclient.Picture{}, missLifetime, nil
		}
		p.kept.Put(withoutToken, got, pictureLifetime)
		return got, 0, nil
	})
	if err != nil {
		return flowclient.Picture{}, err
	}
	return existing(got)
}

// existing returns an error if the entry says that the picture could not be
// fetched.
func existing(got flowclient.Picture) (flowclient.Picture, error) {
	if len(got.Bytes) == 0 {
		return flowclient.Picture{}, errNoPicture
	}
	return got, nil
}

// fetch asks authentik for a picture, without the data of any visitor.
func (p *Pictures) fetch(ctx context.Context, address string) (got flowclient.Picture, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	got, err := p.source.Picture(ctx, flowclient.Visitor{}, address)
	kind, _, _ := strings.Cut(got.Type, ";")
	got.Type = strings.ToLower(strings.TrimSpace(kind))
	return got, err == nil && len(got.Bytes) > 0 && len(got.Bytes) <= maxPicture && slices.Contains(imageTypes, got.Type)
}
