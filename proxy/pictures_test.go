package proxy

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestPicture_MissingBackgroundIsBlank(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Client = blindAuthentik{c.Client} })
	p := s.person(t)
	page := p.open("/")
	behind := regexp.MustCompile(`"(/\.authentik/brand/[^"]+\?behind)"`).FindStringSubmatch(page.body)
	if behind == nil {
		t.Fatalf("got no background on the page:\n%s", page.body)
	}
	if got := p.open(behind[1]); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("got status %d, %s", got.status, got.header.Get("Content-Type"))
	}
	if got := p.open(strings.TrimSuffix(behind[1], "?behind")); got.status != http.StatusNotFound {
		t.Errorf("got status %d without the mark, want 404", got.status)
	}
}

// blindAuthentik has no pictures.
type blindAuthentik struct{ Authentik }

func (blindAuthentik) Picture(context.Context, flowclient.Visitor, string) (flowclient.Picture, error) {
	return flowclient.Picture{}, errors.New("no such picture")
}
