package contract

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A release answers imports as a recorded server did: at one endpoint, and with
// 405 at the other one.
type release struct {
	path     string // of its import endpoint; if empty, its worker applies blueprints
	status   int
	answer   string
	imported []string
	tokens   []string
}

func (r *release) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.tokens = append(r.tokens, req.Header.Get("Authorization"))
	if r.path == "" && r.work(w, req) {
		return
	}
	if req.Method != http.MethodPost || req.URL.Path != r.path {
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, `{"detail":"Method \"POST\" not allowed."}`)
		return
	}
	file, header, err := req.FormFile("file")
	if err != nil || !strings.HasSuffix(header.Filename, ".yaml") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	text, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.imported = append(r.imported, string(text))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.answer)
}

// work answers as an authentik whose worker has applied a blueprint at the second
// poll.
func (r *release) work(w http.ResponseWriter, req *http.Request) bool {
	const at = "/api/v3/managed/blueprints/"
	switch req.Method + " " + req.URL.Path {
	case "POST " + at:
		var sent struct{ Content string }
		if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return true
		}
		r.imported = append(r.imported, sent.Content)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"pk": "9cdc5a75", "status": "unknown"}`)
	case "POST " + at + "9cdc5a75/apply/":
		_, _ = io.WriteString(w, `{"pk": "9cdc5a75", "status": "unknown"}`)
	case "GET " + at + "9cdc5a75/":
		_, _ = io.WriteString(w, `{"pk": "9cdc5a75", "status": "`+r.answer+`"}`)
	case "DELETE " + at + "9cdc5a75/":
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

const done = `{"logs": [{"event": "Committing changes"}], "success": true}`

func (r *release) importer(t testing.TB, path string) *Importer {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return &Importer{URL: parse(t, server.URL+path), Token: "the-token", Client: server.Client(), Poll: time.Millisecond}
}

func TestImporter_UsesTheImportEndpointOfTheRelease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, base string
		asked      int
	}{
		"2025.10":             {"/api/v3/flows/instances/import/", "", 2},
		"2026.8":              {"/api/v3/managed/blueprints/import/", "", 1},
		"2026.5":              {"/api/v3/managed/blueprints/import/", "", 1},
		"2026.5 below a path": {"/id/api/v3/managed/blueprints/import/", "/id/", 1},
	} {
		r := &release{path: c.path, status: http.StatusOK, answer: done}
		if err := r.importer(t, c.base).Import(t.Context(), []byte("version: 1\n")); err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
		if len(r.imported) != 1 || r.imported[0] != "version: 1\n" || len(r.tokens) != c.asked || r.tokens[0] != "Bearer the-token" {
			t.Errorf("%s: got imports %q with tokens %q, want one import after %d requests with the token", name, r.imported, r.tokens, c.asked)
		}
	}
}

func TestImporter_RefusedBlueprintIsAnError(t *testing.T) {
	t.Parallel()
	const path = "/api/v3/managed/blueprints/import/"
	for name, c := range map[string]struct {
		release release
		says    string
	}{
		"refused with 200":   {release{path: path, status: 200, answer: `{"logs": [{"event": "Entry invalid"}], "success": false}`}, "Entry invalid"},
		"no administrator":   {release{path: path, status: 403, answer: `{"detail": "no permission"}`}, "403"},
		"no JSON":            {release{path: path, status: 200, answer: "<html>"}, "decoding authentik's response"},
		"nothing said":       {release{path: path, status: 200, answer: "{}"}, "refuses"},
		"an exception":       {release{path: path, status: 405}, "raised an exception"},
		"a worker's refusal": {release{answer: "error"}, `status "error"`},
		"no import anywhere": {release{path: "/elsewhere"}, "answers 405"},
	} {
		err := c.release.importer(t, "").Import(t.Context(), []byte("version: 1\n"))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "the-token") {
			t.Errorf("%s: got error %v, want one with %q and without the token", name, err, c.says)
		}
	}
}

func TestImporter_WorkerAppliesWhereNoEndpointImports(t *testing.T) {
	t.Parallel()
	r := &release{answer: "successful"}
	if err := r.importer(t, "").Import(t.Context(), []byte("version: 1\n")); err != nil || len(r.imported) != 1 || r.imported[0] != "version: 1\n" {
		t.Errorf("got error %v and stored blueprints %q, want the blueprint stored and applied", err, r.imported)
	}
}

func TestImporter_UnreachableAuthentikIsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	i := &Importer{URL: parse(t, server.URL), Token: "the-token", Client: server.Client()}
	server.Close()
	if err := i.Import(t.Context(), nil); err == nil || strings.Contains(err.Error(), "the-token") {
		t.Errorf("got error %v, want one without the token", err)
	}
}

func TestImporter_RemovesAfterATestWhatItCreated(t *testing.T) {
	t.Parallel()
	r := &release{path: "/api/v3/managed/blueprints/import/", status: http.StatusOK, answer: done}
	importer, n := r.importer(t, ""), newNames()
	b := appBlueprint(n).Blueprint
	t.Run("walk", func(t *testing.T) {
		importer.bring(t, b)
		if len(r.imported) != 1 || !strings.Contains(r.imported[0], n.password) {
			t.Errorf("got imports %q during the walk, want one with the users' password", r.imported)
		}
	})
	if len(r.imported) != 2 || strings.Contains(r.imported[1], "present") || strings.Contains(r.imported[1], n.password) {
		t.Errorf("got imports %q after the walk, want the removal as the second", r.imported)
	}
	for _, thing := range []string{"alice", "bob", "staff", "flow", "app", "flow-login"} {
		if !strings.Contains(r.imported[1], `"`+n.unique(thing)+`"`) {
			t.Errorf("%s: got no entry in the removal, want one", thing)
		}
	}
}
