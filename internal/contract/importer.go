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

// importPaths are the endpoints that apply a blueprint at once: the one of newer
// releases, and the one of older releases. A release answers 405 with a message
// at the endpoint that it does not have.
var importPaths = []string{"api/v3/managed/blueprints/import/", "api/v3/flows/instances/import/"}

// instances is the endpoint for stored blueprints, which authentik's worker
// applies.
const instances = "api/v3/managed/blueprints/"

// applyTimeout bounds the wait for authentik's worker to apply a stored blueprint.
const applyTimeout = 5 * time.Minute

// An Importer applies blueprints at an authentik.
type Importer struct {
	URL    *url.URL // of authentik
	Token  string   // API token of an administrator
	Client *http.Client
	Poll   time.Duration // between two polls of a stored blueprint's status; default: a second
}

// Import applies a blueprint: at once if this authentik has an endpoint for that,
// or else by its worker. The error has what authentik says, never the token.
func (i *Importer) Import(ctx context.Context, blueprint []byte) error {
	for _, path := range importPaths {
		res, err := i.post(ctx, path, blueprint)
		if err != nil {
			return err
		}
		if !res.noEndpoint() {
			return res.check()
		}
	}
	return i.store(ctx, blueprint)
}

// store stores the blueprint at authentik, waits until the worker has applied it,
// and deletes the stored blueprint. The objects that it created stay.
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
		err = fmt.Errorf("contract: got the blueprint's status %q from authentik's worker, want \"successful\"", kept.Status)
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

// noEndpoint reports whether authentik does not have the endpoint. If authentik
// raises an exception over the blueprint, it answers 405 too, but with an empty
// body.
func (r answer) noEndpoint() bool {
	return r.status == http.StatusMethodNotAllowed && len(bytes.TrimSpace(r.body)) > 0
}

// check returns an error unless the import has succeeded: authentik answers 200 to
// failed imports too.
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
		return fmt.Errorf("contract: importing the blueprint: authentik answers %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &said); err != nil {
		return fmt.Errorf("contract: importing the blueprint: decoding authentik's response: %w", err)
	}
	if said.Success {
		return nil
	}
	var events []string
	for _, l := range said.Logs {
		events = append(events, l.Event)
	}
	return fmt.Errorf("contract: importing the blueprint: authentik refuses it: %s", strings.Join(events, "; "))
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
