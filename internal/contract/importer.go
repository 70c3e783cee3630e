package contract

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// importPaths are where authentik applies a blueprint at once: that of newer
// releases, and that of older ones. Each answers 405 in the other's, with a word
// about the method.
var importPaths = []string{"api/v3/managed/blueprints/import/", "api/v3/flows/instances/import/"}

// instances is where authentik keeps blueprints, which its worker applies.
const instances = "api/v3/managed/blueprints/"

// applyTimeout is for how long a blueprint that is kept is waited for: the worker
// applies it when it gets to it.
const applyTimeout = 5 * time.Minute

// An Importer applies blueprints at an authentik.
type Importer struct {
	URL    *url.URL // where authentik is
	Token  string   // API token of an administrator
	Client *http.Client
	Poll   time.Duration // between two looks at a blueprint that is being applied; default: a second
}

// Import applies a blueprint: at once where this authentik can, or else by its
// worker. The error says what authentik says, never the token.
func (i *Importer) Import(ctx context.Context, blueprint []byte) error {
	for _, path := range importPaths {
		res, err := i.post(ctx, path, blueprint)
		if err != nil {
			return err
		}
		if !res.elsewhere() {
			return res.check()
		}
	}
	return i.store(ctx, blueprint)
}

// store has authentik keep the blueprint and its worker apply it, waits until that
// is done, and takes the kept blueprint away again. What it has made stays.
func (i *Importer) store(ctx context.Context, blueprint []byte) error {
	var kept struct{ PK, Status string }
	name := fmt.Sprintf("contract-%x", sha256.Sum256(blueprint))[:40]
	if err := i.call(ctx, http.MethodPost, instances, nil, Attrs{"name": name, "content": string(blueprint), "enabled": true}, &kept); err != nil {
		return err
	}
	at := instances + kept.PK + "/"
	err := i.call(ctx, http.MethodPost, at+"apply/", nil, nil, &kept)
	for end := time.Now().Add(applyTimeout); err == nil && (kept.Status == "" || kept.Status == "unknown"); {
		if time.Now().After(end) {
			err = fmt.Errorf("contract: authentik's worker has not applied the blueprint within %v", applyTimeout)
			break
		}
		time.Sleep(cmp.Or(i.Poll, time.Second))
		err = i.call(ctx, http.MethodGet, at, nil, nil, &kept)
	}
	if err == nil && kept.Status != "successful" {
		err = fmt.Errorf("contract: authentik's worker says that the blueprint is %q, want \"successful\"", kept.Status)
	}
	return errors.Join(err, i.call(ctx, http.MethodDelete, at, nil, nil, nil))
}

// Release returns the release of this authentik, for example "2026.8.0".
func (i *Importer) Release(ctx context.Context) (string, error) {
	var version struct {
		Current string `json:"version_current"`
	}
	err := i.call(ctx, http.MethodGet, "api/v3/admin/version/", nil, nil, &version)
	return version.Current, err
}

// elsewhere reports whether authentik has no such endpoint. An exception over the
// blueprint shows as 405 too, but without a word.
func (r answer) elsewhere() bool {
	return r.status == http.StatusMethodNotAllowed && len(bytes.TrimSpace(r.body)) > 0
}

// check finds out whether the import has succeeded: authentik also answers 200
// where it has not.
func (r answer) check() error {
	var said struct {
		Success bool `json:"success"`
		Logs    []struct {
			Event string `json:"event"`
		} `json:"logs"`
	}
	if r.status == http.StatusMethodNotAllowed {
		return errors.New("contract: authentik raised an exception over the blueprint (405 without a body): see its log")
	}
	if r.status != http.StatusOK {
		return fmt.Errorf("contract: authentik answers %d to the blueprint: %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &said); err != nil {
		return fmt.Errorf("contract: authentik's answer to the blueprint: %w", err)
	}
	if said.Success {
		return nil
	}
	var events []string
	for _, l := range said.Logs {
		events = append(events, l.Event)
	}
	return fmt.Errorf("contract: authentik refuses the blueprint: %s", strings.Join(events, "; "))
}

func (i *Importer) post(ctx context.Context, path string, blueprint []byte) (answer, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "contract.yaml")
	if err == nil {
		_, err = file.Write(blueprint)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL.JoinPath(path).String(), &body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	return i.do(req)
}
