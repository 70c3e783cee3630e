package authentiktest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// The flow interface is what visitors of authentik's own pages see: a page that
// says where the server is, and scripts that run the flow from there. The
// scripts are the stand-in's own. They send the same requests as authentik's,
// and draw plain fields for the questions. Each release has a folder, whose
// files have the addresses of authentik's own; the word VERSION in their names is
// replaced. The font was drawn for this and has one glyph, a frame at U+E000.
//
//go:embed interface
var interfaceFiles embed.FS

var flowPages = template.Must(template.ParseFS(interfaceFiles, "interface/*.html"))

// dist is where authentik's own files are.
const dist = "/static/dist/"

// A flowPage holds what the page of the flow interface shows.
type flowPage struct {
	Title, Favicon, Background, Slug, Locale, Dist string
	Version, Family, Subdomain, Build              string
	Config, Brand                                  string // JSON
	Base, RelBase                                  string // where the server is: a URL, and its path
}

// flowPage is the page of the flow interface. It does not touch the plan. All
// addresses on it have the host of the request.
func (v *visit) flowPage() *response {
	f, found := v.srv.flow(v.args["slug"])
	if !found {
		return v.notFound()
	}
	d := v.srv.dialect
	p := flowPage{
		Title: v.brand.title(), Favicon: v.brand.favicon(v.srv), Background: f.background(v.srv), Slug: f.Slug, Locale: v.lang,
		Dist:    v.srv.url(strings.TrimSuffix(dist, "/")),
		Version: d.version, Family: d.family, Subdomain: "version-" + strings.ReplaceAll(d.family, ".", "-"),
		Config: asJSON(d.config()), Brand: asJSON(v.brandObject()),
		Base: v.address(v.srv.url("/")), RelBase: v.srv.url("/"),
	}
	if d.wholeAddresses && strings.HasPrefix(p.Background, "/") {
		p.Background = v.address(p.Background)
	}
	var b bytes.Buffer
	if err := flowPages.ExecuteTemplate(&b, "flow-"+d.pages+".html", p); err != nil {
		panic("authentiktest: the flow interface: " + err.Error())
	}
	return &response{status: http.StatusOK, html: b.Bytes()}
}

func asJSON(o object) string {
	b, err := json.Marshal(o)
	if err != nil {
		panic("authentiktest: the flow interface: " + err.Error())
	}
	return string(b)
}

// interfaceOf returns the static files of a release's flow interface, by their
// addresses.
func interfaceOf(d dialect) map[string]static {
	files := map[string][]byte{}
	for _, folder := range []string{"interface/both", "interface/" + d.pages} {
		if err := gather(files, folder); err != nil {
			panic("authentiktest: the flow interface: " + err.Error())
		}
	}
	chunks, all := chunksOf(files), map[string]static{}
	for name, content := range files {
		if path.Ext(name) == ".js" {
			content = []byte(chunks.Replace(string(content)))
		}
		name = strings.ReplaceAll(chunks.Replace(name), "VERSION", d.version)
		all[dist+name] = static{kinds[path.Ext(name)], content}
	}
	return all
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2",
}

// gather reads a folder into files, by the paths below it.
func gather(files map[string][]byte, folder string) error {
	tree, err := fs.Sub(interfaceFiles, folder)
	if err != nil {
		return err
	}
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[name], err = fs.ReadFile(tree, name)
		}
		return err
	})
}

// chunksOf names chunks after their content, wherever they are named.
func chunksOf(files map[string][]byte) *strings.Replacer {
	var names []string
	for name, content := range files {
		folder, file := path.Split(name)
		if path.Base(folder) == "chunks" {
			sum := sha256.Sum256(content)
			names = append(names, "chunks/"+file, "chunks/"+base32.StdEncoding.EncodeToString(sum[:5])+".js")
		}
	}
	return strings.NewReplacer(names...)
}
