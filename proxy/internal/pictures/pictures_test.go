package pictures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// paintingsOf is a gallery made of a function, which counts how often it is asked.
type paintingsOf struct {
	asked   atomic.Int32
	picture func(address string) (flowclient.Picture, error)
}

func (p *paintingsOf) Picture(_ context.Context, v flowclient.Visitor, address string) (flowclient.Picture, error) {
	p.asked.Add(1)
	if len(v.Cookies) > 0 {
		return flowclient.Picture{}, errors.New("a picture is the same for every visitor: got cookies, want none")
	}
	return p.picture(address)
}

func always(kind, body string) *paintingsOf {
	return &paintingsOf{picture: func(string) (flowclient.Picture, error) {
		return flowclient.Picture{Type: kind, Bytes: []byte(body)}, nil
	}}
}

func newPictures(from Source) *Pictures { return New(Options{Source: from, Key: []byte("key")}) }

// look asks for the picture at one of authentik's addresses.
func look(p *Pictures, address string) *httptest.ResponseRecorder {
	return open(p, p.seal(address))
}

func open(p *Pictures, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.authentik/brand/"+name, nil))
	return w
}

func TestPicture_IsServedAsWhatItIs(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"image/png": "image/png", "image/svg+xml": "image/svg+xml", "IMAGE/JPEG": "image/jpeg",
		"image/svg+xml; charset=utf-8": "image/svg+xml", "image/vnd.microsoft.icon": "image/vnd.microsoft.icon",
	} {
		w := look(newPictures(always(kind, "body")), "/media/logo")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want || w.Body.String() != "body" {
			t.Errorf("%s: got %d %v, want the picture as %s", kind, w.Code, w.Header(), want)
		}
		for header, value := range map[string]string{
			"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
			"X-Content-Type-Options":  "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control": "private, max-age=86400",
		} {
			if got := w.Header().Get(header); got != value {
				t.Errorf("%s: got %s %q, want %q", kind, header, got, value)
			}
		}
	}
}

func TestPicture_AnythingElseIsNotServed(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]*paintingsOf{
		"a page":    always("text/html", "<script>"),
		"no type":   always("", "x"),
		"a script":  always("application/javascript", "x"),
		"odd image": always("image/x-nothing", "x"),
		"empty":     always("image/png", ""),
		"too large": always("image/png", strings.Repeat("x", maxPicture+1)),
		"a failure": {picture: func(string) (flowclient.Picture, error) { return flowclient.Picture{}, flowclient.ErrUnreachable }},
		"both given": {picture: func(string) (flowclient.Picture, error) {
			return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, flowclient.ErrOtherHost
		}},
	} {
		p := newPictures(from)
		for range 2 {
			w := look(p, "/media/logo")
			if w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") == "private, max-age=86400" {
				t.Errorf("%s: got %d %v, want 404", name, w.Code, w.Header())
			}
		}
		if n := from.asked.Load(); n != 1 {
			t.Errorf("%s: got %d requests, want 1", name, n)
		}
	}
}

func TestPicture_OnlyNamedAddressesAreFetched(t *testing.T) {
	t.Parallel()
	from := always("image/png", "x")
	p := newPictures(from)
	for _, name := range []string{"", "logo", "..%2Fsealed", "http:%2F%2F169.254.169.254", "forged.aHR0cHM6Ly9ldmls"} {
		if w := open(p, name); w.Code != http.StatusNotFound {
			t.Errorf("%q: got status %d, want 404", name, w.Code)
		}
	}
	if n := from.asked.Load(); n != 0 {
		t.Errorf("got %d requests to authentik, want none", n)
	}
}

func TestPicture_IsKeptWhateverItsToken(t *testing.T) {
	t.Parallel()
	from := always("image/png", "x")
	p := newPictures(from)
	for _, name := range []string{"/media/a.png?token=1", "/media/a.png?token=2", "/media/a.png"} {
		if w := look(p, name); w.Code != http.StatusOK {
			t.Errorf("%q: got status %d, want 200", name, w.Code)
		}
	}
	if n := from.asked.Load(); n != 1 {
		t.Errorf("got %d requests to authentik for one picture, want 1", n)
	}
	look(p, "/media/b.png")
	if n := from.asked.Load(); n != 2 {
		t.Errorf("got %d requests to authentik for two pictures, want 2", n)
	}
}

// TestPicture_ExpiredTokenDoesNotAffectOthers: a page may stand open for longer than its
// tokens are good.
func TestPicture_ExpiredTokenDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	from := &paintingsOf{picture: func(address string) (flowclient.Picture, error) {
		if strings.Contains(address, "old") {
			return flowclient.Picture{}, errors.New("the token has expired")
		}
		return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, nil
	}}
	p := newPictures(from)
	for i, row := range []struct {
		name   string
		status int
	}{{"/media/a.png?token=old", 404}, {"/media/a.png?token=old", 404}, {"/media/a.png?token=new", 200}, {"/media/a.png?token=old", 200}} {
		if w := look(p, row.name); w.Code != row.status {
			t.Errorf("%d: %s: got status %d, want %d", i, row.name, w.Code, row.status)
		}
	}
	if got := from.asked.Load(); got != 2 {
		t.Errorf("got %d requests to authentik, want 2", got)
	}
}

func TestPictures_AreBounded(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("x"), 3<<20)
	from := &paintingsOf{picture: func(string) (flowclient.Picture, error) {
		return flowclient.Picture{Type: "image/png", Bytes: body}, nil
	}}
	p := newPictures(from)
	for i := range 40 {
		look(p, fmt.Sprint("/media/", i))
		held := 0
		for n := range i + 1 {
			got, _ := p.kept.Get(fmt.Sprint("/media/", n))
			held += len(got.Bytes)
		}
		if want := min(i+1, maxBytes/(len(body)+overhead)) * len(body); held != want {
			t.Fatalf("after %d pictures: got %d bytes kept, want %d", i+1, held, want)
		}
	}
}

func TestPicture_ManyRequestsFetchItOnce(t *testing.T) {
	t.Parallel()
	from := &paintingsOf{}
	synctest.Test(t, func(t *testing.T) {
		p := newPictures(from)
		begun := make(chan struct{})
		from.picture = func(string) (flowclient.Picture, error) {
			<-begun
			return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, nil
		}
		for range 20 {
			go func() {
				if w := look(p, "/media/a"); w.Code != http.StatusOK {
					t.Errorf("got status %d, want 200", w.Code)
				}
			}()
		}
		synctest.Wait() // all of them wait for the picture
		close(begun)
	})
	if n := from.asked.Load(); n != 1 {
		t.Errorf("got %d requests to authentik, want 1", n)
	}
}

// TestPicture_VisitorWhoDisconnectsDoesNotAffectOthers has the first who asks go away.
func TestPicture_VisitorWhoDisconnectsDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	from := galleryFunc(func(ctx context.Context) (flowclient.Picture, error) {
		cancel()
		return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, ctx.Err()
	})
	p := newPictures(from)
	p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/.authentik/brand/"+p.seal("/media/a"), nil))
	if w := look(p, "/media/a"); w.Code != http.StatusOK {
		t.Errorf("got status %d for the next visitor, want 200", w.Code)
	}
}

type galleryFunc func(context.Context) (flowclient.Picture, error)

func (f galleryFunc) Picture(ctx context.Context, _ flowclient.Visitor, _ string) (flowclient.Picture, error) {
	return f(ctx)
}
