package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxAnswer bounds how much of a response of authentik's API is read.
const maxAnswer = 1 << 20

// A refusal is a response of authentik's API with a status other than 2xx.
type refusal struct {
	status        int
	request, body string
}

func (r refusal) Error() string {
	return fmt.Sprintf("contract: %s: authentik answers %d: %s", r.request, r.status, r.body)
}

// call sends a request to authentik's API and decodes the response into into,
// unless that is nil. A status other than 2xx yields a [refusal]. No error
// contains the token.
func (i *Importer) call(ctx context.Context, method, path string, query url.Values, body Attrs, into any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("contract: %s %s: %w", method, path, err)
		}
		sent = bytes.NewReader(text)
	}
	at := i.URL.JoinPath(path)
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, at.String(), sent)
	if err != nil {
		return fmt.Errorf("contract: %s %s: %w", method, path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := i.do(req)
	switch {
	case err != nil:
		return err
	case answer.status/100 != 2:
		return refusal{status: answer.status, request: method + " " + path, body: string(answer.body)}
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer.body, into); err != nil {
		return fmt.Errorf("contract: %s %s: decoding authentik's response: %w", method, path, err)
	}
	return nil
}

// An answer is a response of authentik's API.
type answer struct {
	status int
	body   []byte
}

// do sends a request with the administrator's token.
func (i *Importer) do(req *http.Request) (answer, error) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+i.Token)
	res, err := i.Client.Do(req) //nolint:gosec // the address is the one that the operator gave in AUTHENTIK_URL
	if err != nil {
		return answer{}, fmt.Errorf("contract: %s %s: %w", req.Method, req.URL.Path, err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{res.StatusCode, text}, errors.Join(err, res.Body.Close())
}
