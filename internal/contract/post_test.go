package contract

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	post "net/smtp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// mailTimeout is for how long a message of a real authentik is waited for. Its
// worker sends mails when it gets to them: on a busy machine, or while it
// discovers blueprints, that takes minutes. The stand-in sends them at once.
const mailTimeout = 5 * time.Minute

// answerTimeout is for how long the gate may take to notice what has changed at
// authentik.
const answerTimeout = 90 * time.Second

// A message is what somebody can read of a mail or of a text message.
type message string

// A postbox is where all arrives that authentik sends to people.
type postbox interface {
	// received are the messages so far to a mail address or a telephone number,
	// the latest last.
	received(to string) []message
}

var (
	links = regexp.MustCompile(`https?://[^\s"'<>]+/if/flow/[^\s"'<>]+`)
	codes = regexp.MustCompile(`(?:^|\s)(\d{6})(?:[\s.]|$)`)
)

// link is the address that the message asks to open.
func (m message) link() string { return html.UnescapeString(links.FindString(string(m))) }

// code is the code that the message is sent for.
func (m message) code() string {
	found := codes.FindStringSubmatch(string(m))
	if found == nil {
		return ""
	}
	return found[1]
}

// A standInPost is the stand-in's: it sends nothing, and tells.
type standInPost struct{ *authentiktest.Server }

func (p standInPost) received(to string) (all []message) {
	for _, m := range p.Mail() {
		if m.To == to {
			all = append(all, message(m.Body))
		}
	}
	for _, t := range p.Texts() {
		if t.To == to {
			all = append(all, message(t.Body))
		}
	}
	return all
}

// An outbox says where a real authentik hands in what it sends.
type outbox struct {
	host    string // of the mail server
	port    int
	gateway string // address of the service that sends text messages
}

// An office is a mail server and a gateway for text messages that deliver
// nothing.
type office struct {
	outbox
	mu   sync.Mutex
	kept map[string][]message
}

// openOffice listens on this machine alone: authentik has to run on it too.
func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{kept: map[string][]message{}}
	texts := httptest.NewServer(http.HandlerFunc(o.text))
	t.Cleanup(texts.Close)
	var listen net.ListenConfig
	at, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mails := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &handIn{office: o}, nil }))
	mails.Domain, mails.MaxMessageBytes = "localhost", 4<<20
	go func() {
		if err := mails.Serve(at); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("the mail server has ended: %v", err)
		}
	}()
	t.Cleanup(func() { _ = mails.Close() })
	address, _ := at.Addr().(*net.TCPAddr)
	o.outbox = outbox{host: "127.0.0.1", port: address.Port, gateway: texts.URL}
	return o
}

func (o *office) keep(to string, m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[to] = append(o.kept[to], m)
}

func (o *office) received(to string) []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.kept[to])
}

// text takes a text message as authentik's generic provider sends it.
func (o *office) text(w http.ResponseWriter, r *http.Request) {
	var sent struct{ To, Body string }
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || sent.To == "" {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	o.keep(sent.To, message(sent.Body))
}

// A handIn is one mail on its way.
type handIn struct {
	office *office
	to     []string
}

func (h *handIn) Mail(string, *smtp.MailOptions) error { h.to = nil; return nil }

func (h *handIn) Rcpt(to string, _ *smtp.RcptOptions) error { h.to = append(h.to, to); return nil }

func (h *handIn) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := textOf(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	if err != nil {
		return err
	}
	for _, to := range h.to {
		h.office.keep(to, message(text))
	}
	return nil
}

func (*handIn) Reset() {}

func (*handIn) Logout() error { return nil }

// textOf is what can be read of a mail, or of a part of one.
func textOf(kind, encoding string, body io.Reader) (string, error) {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		media = "text/plain" // RFC 2045, section 5.2
	}
	if strings.HasPrefix(media, "multipart/") {
		return firstText(multipart.NewReader(body, params["boundary"]))
	}
	if !strings.HasPrefix(media, "text/") {
		return "", nil
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if media == "text/html" {
		return readable(body)
	}
	text, err := io.ReadAll(body)
	return strings.TrimSpace(string(text)), err
}

// readable is what a reader sees of HTML, and where its links lead.
func readable(body io.Reader) (string, error) {
	doc, err := html.Parse(body)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "style":
			text.WriteString(n.Data + " ")
		case n.Data == "a":
			for _, a := range n.Attr {
				if a.Key == "href" {
					text.WriteString(a.Val + " ")
				}
			}
		}
	}
	return strings.TrimSpace(text.String()), nil
}

// firstText is the first part that can be read: the plainest one stands first
// (RFC 2046, section 5.1.4).
func firstText(parts *multipart.Reader) (string, error) {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("a part of a mail: %w", err)
		}
		text, err := textOf(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		if err != nil || text != "" {
			return text, err
		}
	}
}

// reads waits for the next message to somebody that they have not yet read.
func (s *site) reads(t testing.TB, to string) message {
	t.Helper()
	within := mailTimeout
	if s.release != "" {
		within = 0
	}
	if !eventually(within, func() bool { return len(s.post.received(to)) > s.read[to] }) {
		t.Fatalf("got %d messages to %s within %v, want another one", s.read[to], to, within)
	}
	s.read[to]++
	return s.post.received(to)[s.read[to]-1]
}

func TestTheOfficeReadsWhatAuthentikSends(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	const link = "http://127.0.0.1:4711/if/flow/recover/?next=%2F&flow_token=abc"
	escaped := html.EscapeString(link) // as authentik does, in plain text too
	page := `<style>p { color: 123456 }</style><p style="color: #123456"><a href="` + escaped + `">Open</a> 654321</p>`
	for name, body := range map[string]string{
		"plain": "\r\nOpen this:\r\n" + escaped + "\r\nIt counts 654321 times.\r\n",
		"both": "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"out\"\r\n\r\n--out\r\n" +
			"Content-Type: multipart/alternative; boundary=\"in\"\r\n\r\n--in\r\n" +
			"Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
			"Open this:\r\n" + strings.ReplaceAll(link, "=", "=3D") + "\r\n654321\r\n--in\r\n" +
			"Content-Type: text/html\r\n\r\n<a href=\"http://wrong/if/flow/x/\">\r\n--in--\r\n--out--\r\n",
		"HTML": "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b\r\n" +
			"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(page)) + "\r\n--b--\r\n",
	} {
		to := strings.ToLower(name) + "@example.com"
		msg := []byte("Subject: x\r\nTo: " + to + "\r\n" + body)
		if err := post.SendMail(fmt.Sprintf("%s:%d", o.host, o.port), nil, "authentik@localhost", []string{to}, msg); err != nil {
			t.Fatal(err)
		}
		got := o.received(to)
		if len(got) != 1 || got[0].link() != link || got[0].code() != "654321" {
			t.Errorf("%s: received %q", name, got)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.gateway, strings.NewReader(`{"From": "1", "To": "+15550142", "Body": "012345", "Message": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := o.received("+15550142"); res.StatusCode != http.StatusOK || len(got) != 1 || got[0].code() != "012345" {
		t.Errorf("status %d, received %q", res.StatusCode, got)
	}
}
