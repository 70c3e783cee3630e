// Package assets serves the style sheets, the scripts and the icon of the
// pages, each at an address that contains its version. It does not know the
// pages.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"maps"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed *.css *.js *.svg
var embedded embed.FS

// Own is the name under which the operator's style sheet is served.
const Own = "own.css"

// An asset is a style sheet, script or icon. gzipped is nil if it would not be
// smaller than body.
type asset struct {
	contentType, hash string
	body, gzipped     []byte
}

// contentTypes are those of assets, by file name extension.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// A Set is the embedded assets and the operator's style sheet, below one path.
type Set struct {
	at  string // ends with a slash
	all map[string]asset
}

// New returns the assets below the path at, which must end with a slash. style
// is the operator's style sheet, or empty.
func New(at string, style []byte) (*Set, error) {
	all, err := read()
	if err != nil {
		return nil, err
	}
	if len(style) > 0 {
		all = maps.Clone(all)
		all[Own] = newAsset(Own, style)
	}
	return &Set{at, all}, nil
}

// read reads the embedded assets, once per process.
var read = sync.OnceValues(func() (map[string]asset, error) {
	all := map[string]asset{}
	entries, err := embedded.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := embedded.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		all[e.Name()] = newAsset(e.Name(), body)
	}
	return all, nil
})

func newAsset(name string, body []byte) asset {
	f := asset{contentType: contentTypes[path.Ext(name)], hash: hashOf(body), body: body}
	if small := compress(body); len(small) < len(body) {
		f.gzipped = small
	}
	return f
}

// compress uses the best compression, since an asset is compressed once and
// sent often. Assets contain no secrets that their compressed length could
// reveal.
func compress(body []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return body
	}
	if _, err = w.Write(body); err != nil || w.Close() != nil {
		return body
	}
	return out.Bytes()
}

// hashOf returns the version of an asset.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// URL returns the address of an asset. It is different for each version.
func (s *Set) URL(name string) string { return s.at + name + "?v=" + s.all[name].hash }

// Has reports whether there is an asset in the version that an address names.
// An address without a version names any.
func (s *Set) Has(name, version string) bool {
	f, ok := s.all[name]
	return ok && (version == "" || version == f.hash)
}

// ServeHTTP answers requests for the assets.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.all[path.Base(r.URL.Path)]
	if !ok || r.URL.Path != s.at+path.Base(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	f.serve(w, r)
}

func (f asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, mark := f.body, f.hash
	if f.gzipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, mark = f.gzipped, f.hash+"-gz"
	}
	h.Set("ETag", `"`+mark+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether the response may be compressed: the client accepts
// gzip with a weight above zero (RFC 9110, 12.5.3) and asks for no range.
func acceptsGzip(r *http.Request) bool {
	if r.Header.Get("Range") != "" {
		return false
	}
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
