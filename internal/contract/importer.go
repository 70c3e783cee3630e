package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// importPaths are where authentik applies a blueprint at once: that of newer
// releases, and that of older ones. Each answers 405 in the other's.
var importPaths = []string{"api/v3/managed/blueprints/import/", "api/v3/flows/instances/import/"}

// maxReport bounds what is read of authentik's answer to an import.
const maxReport = 1 << 20

// An Importer applies blueprints at an authentik.
type Importer struct {
	URL    *url.URL // where authentik is
	Token  string   // API token of an administrator
	Client *http.Client
}

// Import applies a blueprint. The error says what authentik says, never the token.
func (i *Importer) Import(ctx context.Context, blueprint []byte) error {
	for _, path := range importPaths {
		res, err := i.post(ctx, path, blueprint)
		if err != nil {
			return err
		}
		if res.status != http.StatusMethodNotAllowed {
			return res.check()
		}
	}
	return errors.New("contract: this authentik has no way to import a blueprint at once that is known here")
}

// A report is what authentik answers to an import.
type report struct {
	status int
	body   []byte
}

// check finds out whether the import has succeeded: authentik also answers 200
// where it has not.
func (r report) check() error {
	var said struct {
		Success bool `json:"success"`
		Logs    []struct {
			Event string `json:"event"`
		} `json:"logs"`
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

func (i *Importer) post(ctx context.Context, path string, blueprint []byte) (report, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "contract.yaml")
	if err == nil {
		_, err = file.Write(blueprint)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return report{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL.JoinPath(path).String(), &body)
	if err != nil {
		return report{}, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+i.Token)
	res, err := i.Client.Do(req)
	if err != nil {
		return report{}, fmt.Errorf("contract: importing a blueprint: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReport))
	return report{res.StatusCode, text}, errors.Join(err, res.Body.Close())
}
