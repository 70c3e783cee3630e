package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// A file is something of ours that a page needs beside itself.
type file struct {
	kind, mark string
	body       []byte
}

// kinds are the types of the files that are served, by ending. Templates are
// not among them.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// readFiles reads what is served, and marks each with a hash of what is in it.
func readFiles(from fs.FS) (map[string]file, error) {
	files := map[string]file{}
	entries, err := fs.ReadDir(from, "page")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		kind, served := kinds[path.Ext(e.Name())]
		if !served {
			continue
		}
		body, err := fs.ReadFile(from, "page/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", e.Name(), err)
		}
		files[e.Name()] = file{kind: kind, mark: markOf(body), body: body}
	}
	return files, nil
}

// markOf tells one version of a file from another.
func markOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// address is where a file is, with its mark: another version has another address.
func (p *pages) address(name string) string {
	return p.cfg.Prefix + "/assets/" + name + "?v=" + p.files[name].mark
}

// assets answers GET <prefix>/assets/<name>.
func (p *pages) assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := p.files[path.Base(r.URL.Path)]
		if !ok || r.URL.Path != p.cfg.Prefix+"/assets/"+path.Base(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("ETag", `"`+f.mark+`"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		h.Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == f.mark {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}
