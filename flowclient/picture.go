package flowclient

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Picture is a logo or a background. SVG pictures can contain scripts, which run if
// the picture is opened as a page: serve them with a Content-Security-Policy that
// forbids it.
type Picture struct {
	// Type is a media type that begins with "image/".
	Type string
	// Bytes is the content, of at most 8 MiB.
	Bytes []byte
}

// Picture fetches a picture at an address from a brand or a challenge, relative
// or absolute. If the address is on another host, the error is ErrOtherHost.
func (c *Client) Picture(ctx context.Context, v Visitor, address string) (Picture, error) {
	path, err := c.onOwnHost(v, address)
	if err != nil {
		return Picture{}, err
	}
	q := request{endpoint: "picture", path: path, image: true, limit: maxPicture}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return Picture{}, err
	}
	kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if r.status != http.StatusOK || err != nil || !strings.HasPrefix(kind, "image/") {
		return Picture{}, unexpected(q, r, errNoPicture)
	}
	return Picture{Type: kind, Bytes: r.body}, nil
}

// onOwnHost returns the path of an address below authentik's root.
func (c *Client) onOwnHost(v Visitor, address string) (string, error) {
	u, err := parseRef(address)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "", fmt.Errorf("fetching a picture: %w", ErrOtherHost)
	}
	home, err := url.Parse(c.root(v))
	if err != nil {
		return "", fmt.Errorf("fetching a picture: %w", errHost)
	}
	u = home.ResolveReference(u)
	own := strings.EqualFold(u.Host, home.Host) || strings.EqualFold(u.Host, c.public.Host)
	path := trimRoot(home, u)
	if u.Scheme != home.Scheme || !own || path == "/" {
		return "", fmt.Errorf("fetching a picture: %w", ErrOtherHost)
	}
	return path, nil
}
