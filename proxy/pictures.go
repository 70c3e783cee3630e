package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	gocache "github.com/patrickmn/go-cache"
	"golang.org/x/sync/singleflight"
)

const (
	// pictureKept is how long a picture is taken for current, and pictureMissed how
	// long one that could not be had is not asked for again.
	pictureKept   = 15 * time.Minute
	pictureMissed = 30 * time.Second
	// pictureWait is how long authentik is waited for; the browser may have gone by then.
	pictureWait = 10 * time.Second
	// pictureBytes bounds one picture, picturesBytes all that are kept.
	pictureBytes  = 4 << 20
	picturesBytes = 32 << 20
)

// A gallery is where pictures come from; *flowclient.Client is one.
type gallery interface {
	Picture(ctx context.Context, v flowclient.Visitor, address string) (flowclient.Picture, error)
}

// pictures answers GET <prefix>/brand/<name>: the logos and backgrounds of
// authentik, which the browser may not reach. It fetches only what authentik
// itself has named, and keeps it for all.
type pictures struct {
	from   gallery
	unseal func(string) (string, bool)
	kept   *gocache.Cache
	asking singleflight.Group

	room sync.Mutex
	held int
}

func newPictures(from gallery, unseal func(string) (string, bool)) *pictures {
	p := &pictures{from: from, unseal: unseal, kept: gocache.New(pictureKept, pictureMissed)}
	p.kept.OnEvicted(func(_ string, v any) { p.free(v) })
	return p
}

// ServeHTTP sends the picture that a name stands for, and 404 for everything else.
func (p *pictures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	address, ok := p.unseal(path.Base(r.URL.Path))
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
		_, _ = io.WriteString(w, nothing) // a visitor who has gone away needs no picture
	default:
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
	}
}

// nothing is a picture of nothing, for places where none is missed.
const nothing = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`

// imageTypes are what browsers draw. Nothing else of authentik's is passed on.
var imageTypes = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml",
	"image/x-icon", "image/vnd.microsoft.icon",
}

// send writes a picture. An SVG is a document that may hold scripts: opened by
// itself on the application's host it must not run them.
func send(w http.ResponseWriter, r *http.Request, got flowclient.Picture) {
	h := w.Header()
	h.Set("Content-Type", got.Type)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, max-age=86400")
	h.Set("ETag", etag(got.Bytes))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(got.Bytes))
}

// etag tells one version of a picture from another.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

var errNoPicture = errors.New("proxy: no picture that can be shown")

// get returns the picture at an address, from what is kept where it can. It is
// kept without its query: tokens in there change and expire, the picture does not.
// That there is none is kept with it, since another token may be a good one.
func (p *pictures) get(ctx context.Context, address string) (flowclient.Picture, error) {
	u, err := url.Parse(address)
	if err != nil {
		return flowclient.Picture{}, errNoPicture
	}
	name := u.Host + u.EscapedPath()
	for _, name := range []string{name, address} {
		if found, ok := p.kept.Get(name); ok {
			return known(found)
		}
	}
	found, err, _ := p.asking.Do(address, func() (any, error) {
		return p.fetch(context.WithoutCancel(ctx), name, address), nil
	})
	if err != nil {
		return flowclient.Picture{}, err
	}
	return known(found)
}

// known reads what is kept: a picture, or that there is none.
func known(found any) (flowclient.Picture, error) {
	got, _ := found.(flowclient.Picture)
	if len(got.Bytes) == 0 {
		return flowclient.Picture{}, errNoPicture
	}
	return got, nil
}

// fetch asks authentik for a picture, as nobody in particular.
func (p *pictures) fetch(ctx context.Context, name, address string) flowclient.Picture {
	ctx, cancel := context.WithTimeout(ctx, pictureWait)
	defer cancel()
	got, err := p.from.Picture(ctx, flowclient.Visitor{Addr: netip.Addr{}}, address)
	kind, _, _ := strings.Cut(got.Type, ";")
	got.Type = strings.ToLower(strings.TrimSpace(kind))
	if err != nil || len(got.Bytes) > pictureBytes || !slices.Contains(imageTypes, got.Type) {
		got, name = flowclient.Picture{}, address
	}
	p.keep(name, got)
	return got
}

// keep remembers a picture, or for a short while that there is none. Where there
// is no more room everything goes: that costs authentik a few requests, once.
func (p *pictures) keep(name string, got flowclient.Picture) {
	p.room.Lock()
	defer p.room.Unlock()
	if p.held+weight(got) > picturesBytes {
		p.kept.Flush()
		p.held = 0
	}
	life := pictureKept
	if len(got.Bytes) == 0 {
		life = pictureMissed
	}
	if p.kept.Add(name, got, life) == nil {
		p.held += weight(got)
	}
}

func (p *pictures) free(v any) {
	got, _ := v.(flowclient.Picture)
	p.room.Lock()
	defer p.room.Unlock()
	p.held = max(0, p.held-weight(got))
}

// weight is what a picture counts for: a name that leads nowhere takes room too.
func weight(got flowclient.Picture) int { return len(got.Bytes) + 1<<10 }
