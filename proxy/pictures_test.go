package proxy

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	gocache "github.com/patrickmn/go-cache"
)

// paintingsOf is a gallery made of a function, which counts how often it is asked.
type paintingsOf struct {
	asked   atomic.Int32
	picture func(address string) (flowclient.Picture, error)
}

func (p *paintingsOf) Picture(_ context.Context, v flowclient.Visitor, address string) (flowclient.Picture, error) {
	p.asked.Add(1)
	if len(v.Cookies) > 0 {
		return flowclient.Picture{}, errors.New("a picture is everybody's: no cookies")
	}
	return p.picture(address)
}

func always(kind, body string) *paintingsOf {
	return &paintingsOf{picture: func(string) (flowclient.Picture, error) {
		return flowclient.Picture{Type: kind, Bytes: []byte(body)}, nil
	}}
}

// sealedOnly opens the names that begin with "sealed-".
func sealedOnly(name string) (string, bool) {
	address, ok := strings.CutPrefix(name, "sealed-")
	return "/media/" + strings.ReplaceAll(address, "~", "?"), ok
}

func look(p *pictures, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.authentik/brand/"+name, nil))
	return w
}

func TestAPictureIsServedAsWhatItIs(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"image/png": "image/png", "image/svg+xml": "image/svg+xml", "IMAGE/JPEG": "image/jpeg",
		"image/svg+xml; charset=utf-8": "image/svg+xml", "image/vnd.microsoft.icon": "image/vnd.microsoft.icon",
	} {
		w := look(newPictures(always(kind, "body"), sealedOnly), "sealed-logo")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want || w.Body.String() != "body" {
			t.Errorf("%s: %d %v", kind, w.Code, w.Header())
		}
		for header, value := range map[string]string{
			"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
			"X-Content-Type-Options":  "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control": "private, max-age=86400",
		} {
			if got := w.Header().Get(header); got != value {
				t.Errorf("%s: %s is %q", kind, header, got)
			}
		}
	}
}

func TestWhatIsNoPictureIsNotServed(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]*paintingsOf{
		"a page":    always("text/html", "<script>"),
		"no type":   always("", "x"),
		"a script":  always("application/javascript", "x"),
		"odd image": always("image/x-nothing", "x"),
		"empty":     always("image/png", ""),
		"too large": always("image/png", strings.Repeat("x", pictureBytes+1)),
		"a failure": {picture: func(string) (flowclient.Picture, error) { return flowclient.Picture{}, flowclient.ErrUnreachable }},
		"both given": {picture: func(string) (flowclient.Picture, error) {
			return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, flowclient.ErrOtherHost
		}},
	} {
		p := newPictures(from, sealedOnly)
		for range 2 {
			w := look(p, "sealed-logo")
			if w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") == "private, max-age=86400" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
		}
		if n := from.asked.Load(); n != 1 {
			t.Errorf("%s: asked for %d times", name, n)
		}
	}
}

func TestOnlySealedAddressesAreFetched(t *testing.T) {
	t.Parallel()
	from := always("image/png", "x")
	p := newPictures(from, sealedOnly)
	for _, name := range []string{"", "logo", "..%2Fsealed", "http:%2F%2F169.254.169.254", "Sealed-logo"} {
		if w := look(p, name); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", name, w.Code)
		}
	}
	if n := from.asked.Load(); n != 0 {
		t.Errorf("authentik was asked %d times", n)
	}
}

func TestAPictureIsKeptWhateverItsTokenIs(t *testing.T) {
	t.Parallel()
	from := always("image/png", "x")
	p := newPictures(from, sealedOnly)
	for _, name := range []string{"sealed-a.png~token=1", "sealed-a.png~token=2", "sealed-a.png"} {
		if w := look(p, name); w.Code != http.StatusOK {
			t.Errorf("%q: %d", name, w.Code)
		}
	}
	if n := from.asked.Load(); n != 1 {
		t.Errorf("authentik was asked %d times for one picture", n)
	}
	look(p, "sealed-b.png")
	if n := from.asked.Load(); n != 2 {
		t.Errorf("authentik was asked %d times for two pictures", n)
	}
}

// TestATokenThatHasExpiredSpoilsNoOther: a page may stand open for longer than its
// tokens are good.
func TestATokenThatHasExpiredSpoilsNoOther(t *testing.T) {
	t.Parallel()
	from := &paintingsOf{picture: func(address string) (flowclient.Picture, error) {
		if strings.Contains(address, "old") {
			return flowclient.Picture{}, errors.New("the token has expired")
		}
		return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, nil
	}}
	p := newPictures(from, sealedOnly)
	for i, row := range []struct {
		name   string
		status int
	}{{"sealed-a.png~token=old", 404}, {"sealed-a.png~token=old", 404}, {"sealed-a.png~token=new", 200}, {"sealed-a.png~token=old", 200}} {
		if w := look(p, row.name); w.Code != row.status {
			t.Errorf("%d: %s is answered with %d", i, row.name, w.Code)
		}
	}
	if got := from.asked.Load(); got != 2 {
		t.Errorf("authentik was asked %d times", got)
	}
}

// TestAPictureKeepsItsNameFromStepToStep: under another the browser would load it again.
func TestAPictureKeepsItsNameFromStepToStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := steadyNames{func(address string) string { return "<" + address + ">" }, gocache.New(steadyFor, 0)}
		first := names.name("/media/a.jpg?token=1")
		if again := names.name("/media/a.jpg?token=2"); again != first || first != "</media/a.jpg?token=1>" {
			t.Errorf("%s, and then %s", first, again)
		}
		for _, other := range []string{"/media/b.jpg?token=1", "https://auth.example.com/media/a.jpg?token=1", "/media/a.jpg"} {
			if got := names.name(other); got != "<"+other+">" {
				t.Errorf("%s is named %s", other, got)
			}
		}
		time.Sleep(steadyFor + time.Second)
		if late := names.name("/media/a.jpg?token=3"); late != "</media/a.jpg?token=3>" {
			t.Errorf("a token that is about to expire stays in %s", late)
		}
	})
}

func TestKeptPicturesAreBounded(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("x"), 3<<20)
	from := &paintingsOf{picture: func(string) (flowclient.Picture, error) {
		return flowclient.Picture{Type: "image/png", Bytes: body}, nil
	}}
	p := newPictures(from, sealedOnly)
	for i := range 40 {
		look(p, "sealed-"+string(rune('A'+i)))
		held := 0
		for _, item := range p.kept.Items() {
			held += weight(item.Object.(flowclient.Picture)) //nolint:forcetypeassert // A test may panic.
		}
		if held > picturesBytes || held != p.held {
			t.Fatalf("%d bytes kept, %d counted, after %d pictures", held, p.held, i+1)
		}
	}
}

func TestManyWhoLookAtOnceAskOnce(t *testing.T) {
	t.Parallel()
	from := &paintingsOf{}
	p := newPictures(from, sealedOnly) // outside: its cache sweeps for ever
	synctest.Test(t, func(t *testing.T) {
		begun := make(chan struct{})
		from.picture = func(string) (flowclient.Picture, error) {
			<-begun
			return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, nil
		}
		for range 20 {
			go func() {
				if w := look(p, "sealed-a"); w.Code != http.StatusOK {
					t.Errorf("status %d", w.Code)
				}
			}()
		}
		synctest.Wait() // all of them wait for the picture
		close(begun)
	})
	if n := from.asked.Load(); n != 1 {
		t.Errorf("authentik was asked %d times", n)
	}
}

// TestAVisitorWhoLeavesSpoilsNothing has the first who asks go away.
func TestAVisitorWhoLeavesSpoilsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	from := galleryFunc(func(ctx context.Context) (flowclient.Picture, error) {
		cancel()
		return flowclient.Picture{Type: "image/png", Bytes: []byte("x")}, ctx.Err()
	})
	p := newPictures(from, sealedOnly)
	p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/.authentik/brand/sealed-a", nil))
	if w := look(p, "sealed-a"); w.Code != http.StatusOK {
		t.Errorf("the next visitor gets %d", w.Code)
	}
}

type galleryFunc func(context.Context) (flowclient.Picture, error)

func (f galleryFunc) Picture(ctx context.Context, _ flowclient.Visitor, _ string) (flowclient.Picture, error) {
	return f(ctx)
}

func TestAMissingBackgroundIsNothingInsteadOfABrokenPicture(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Client = blindAuthentik{c.Client} })
	p := s.person(t)
	page := p.open("/")
	behind := regexp.MustCompile(`"(/\.authentik/brand/[^"]+\?behind)"`).FindStringSubmatch(page.body)
	if behind == nil {
		t.Fatalf("no background on the page:\n%s", page.body)
	}
	if got := p.open(behind[1]); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("status %d, %s", got.status, got.header.Get("Content-Type"))
	}
	if got := p.open(strings.TrimSuffix(behind[1], "?behind")); got.status != http.StatusNotFound {
		t.Errorf("without the mark: status %d", got.status)
	}
}

// blindAuthentik has no pictures.
type blindAuthentik struct{ Authentik }

func (blindAuthentik) Picture(context.Context, flowclient.Visitor, string) (flowclient.Picture, error) {
	return flowclient.Picture{}, errNoPicture
}
