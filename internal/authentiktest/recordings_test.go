package authentiktest

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
)

// archive is where the recordings are, relative to this package. It is a
// module of its own and so missing from the module cache, where these tests
// cannot run.
const archive = "recordings/recordings.tar.bz2"

// A recording is one scenario, recorded at a real authentik.
type recording struct {
	Release   Release
	Name      string
	What      string
	Setup     string
	Exchanges []exchange
	Mails     []recordedMail
}

// A recordedMail is what was kept of an e-mail.
type recordedMail struct{ To, Subject, Text string }

type exchange struct {
	Note     string
	Browser  int
	By       string // who sent the request, unless a visitor did
	Request  recordedRequest
	Response recordedResponse
}

type recordedRequest struct {
	Method, Path string
	Headers      map[string]string
	Body         any // an object is JSON or a form, a string is taken as it is
}

type recordedResponse struct {
	Status  int
	Headers [][2]string
	JSON    any
	Text    *string
	HTML    *recordedPage
}

// A recordedPage is what was kept of an HTML answer, beside its length.
type recordedPage struct {
	Title, Words string
	Forms        []any
}

// recordings returns all scenarios by "<release>/<name>". The test fails if no
// scenario is found: a test that reads files must not pass without them.
var recordings = sync.OnceValues(func() (map[string]recording, error) {
	packed, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	all := map[string]recording{}
	for files := tar.NewReader(bzip2.NewReader(bytes.NewReader(packed))); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := readRecording(files)
		if err == nil {
			err = one.reducePages()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		all[strings.TrimSuffix(path.Clean(file.Name), ".json")] = one
	}
})

func readRecording(r io.Reader) (one recording, err error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return one, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return one, d.Decode(&one)
}

// reducePages turns whole pages into what is kept of pages elsewhere: the
// recordings of 2026.8 have them as they came.
func (one *recording) reducePages() error {
	for i := range one.Exchanges {
		r := &one.Exchanges[i].Response
		if r.Text == nil || !strings.HasPrefix(r.header("content-type"), "text/html") || !strings.Contains(*r.Text, "<html") {
			continue
		}
		page, err := reduced(*r.Text)
		if err != nil {
			return err
		}
		r.HTML, r.Text = &page, nil
	}
	return nil
}

// header is the first header of that name.
func (r recordedResponse) header(name string) string {
	for _, h := range r.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

func recorded(t testing.TB) map[string]recording {
	t.Helper()
	all, err := recordings()
	if err != nil {
		t.Fatalf("got error %v, want the recordings", err)
	}
	if len(all) == 0 {
		t.Fatalf("got no recordings in %s, want some", archive)
	}
	return all
}

func TestRecordings_EveryReleaseIsComplete(t *testing.T) {
	t.Parallel()
	exchanges := map[Release]int{}
	for name, one := range recorded(t) {
		if name != string(one.Release)+"/"+one.Name {
			t.Errorf("recording %s: got the name %s/%s inside it, want the same", name, one.Release, one.Name)
		}
		exchanges[one.Release] += len(one.Exchanges)
	}
	for _, release := range Releases() {
		if exchanges[release] < 1000 {
			t.Errorf("%s: got %d exchanges, want far more: the archive is incomplete", release, exchanges[release])
		}
	}
}

// decoded is JSON as recordings hold it.
func decoded(t testing.TB, raw string) any {
	t.Helper()
	value, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func decode(raw string) (value any, err error) {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	return value, d.Decode(&value)
}
