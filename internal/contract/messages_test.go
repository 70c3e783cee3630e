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

// mailTimeout bounds the wait for a message of a real authentik. On a busy
// machine, or while it discovers blueprints, its worker takes minutes to send a
// mail. The stand-in sends them at once.
const mailTimeout = 5 * time.Minute

// answerTimeout bounds the wait for the gate to notice a change at authentik.
const answerTimeout = 90 * time.Second

// A message is the readable text of a mail or of a text message.
type message string

// An inbox has the messages that authentik sends to users.
type inbox interface {
	// received returns the messages so far to a mail address or a telephone
	// number, the latest last.
	received(to string) []message
}

var (
	links = regexp.MustCompile(`https?://[^\s"'<>]+/if/flow/[^\s"'<>]+`)
	codes = regexp.MustCompile(`(?:^|\s)(\d{6})(?:[\s.]|$)`)
)

// link returns the link to a flow in the message, or "".
func (m message) link() string { return html.UnescapeString(links.FindString(string(m))) }

// code returns the six-digit code in the message, or "".
func (m message) code() string {
	found := codes.FindStringSubmatch(string(m))
	if found == nil {
		return ""
	}
	return found[1]
}

// A standInInbox has the messages of the stand-in, which keeps them instead of
// sending them.
type standInInbox struct{ *authentiktest.Server }

func (p standInInbox) received(to string) (all []message) {
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

// An outbox has the addresses of the servers that a real authentik sends its mails
// and text messages to.
type outbox struct {
	host    string // of the mail server
	port    int
	gateway string // address of the service that sends text messages
}

// A messageServer is a mail server and a gateway for text messages. It keeps the
// messages instead of delivering them.
type messageServer struct {
	outbox
	mu   sync.Mutex
	kept map[string][]message
}

// startMessageServer listens on the loopback interface only: authentik has to run
// on this machine too.
func startMessageServer(t *testing.T) *messageServer {
	t.Helper()
	o := &messageServer{kept: map[string][]message{}}
	texts := httptest.NewServer(http.HandlerFunc(o.text))
	t.Cleanup(texts.Close)
	var listen net.ListenConfig
	at, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mails := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &smtpSession{messageServer: o}, nil }))
	mails.Domain, mails.MaxMessageBytes = "localhost", 4<<20
	go func() {
		if err := mails.Serve(at); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("got error %v, want mails served", err)
		}
	}()
	t.Cleanup(func() { _ = mails.Close() })
	address, _ := at.Addr().(*net.TCPAddr)
	o.outbox = outbox{host: "127.0.0.1", port: address.Port, gateway: texts.URL}
	return o
}

func (o *messageServer) keep(to string, m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[to] = append(o.kept[to], m)
}

func (o *messageServer) received(to string) []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.kept[to])
}

// text receives a text message from authentik's generic SMS provider.
func (o *messageServer) text(w http.ResponseWriter, r *http.Request) {
	var sent struct{ To, Body string }
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || sent.To == "" {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	o.keep(sent.To, message(sent.Body))
}

// An smtpSession receives one mail.
type smtpSession struct {
	messageServer *messageServer
	to            []string
}

func (h *smtpSession) Mail(string, *smtp.MailOptions) error { h.to = nil; return nil }

func (h *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error { h.to = append(h.to, to); return nil }

func (h *smtpSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := textOf(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	if err != nil {
		return err
	}
	for _, to := range h.to {
		h.messageServer.keep(to, message(text))
	}
	return nil
}

func (*smtpSession) Reset() {}

func (*smtpSession) Logout() error { return nil }

// textOf returns the readable text of a mail or of a part of one.
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

// readable returns the text of an HTML document, with the addresses of its links.
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

// firstText returns the text of the first part that has any: the plainest one is
// first (RFC 2046, section 5.1.4).
func firstText(parts *multipart.Reader) (string, error) {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("reading a part of a mail: %w", err)
		}
		text, err := textOf(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		if err != nil || text != "" {
			return text, err
		}
	}
}

// nextMessage waits for the next message to an address that the walk has not read
// yet.
func (s *site) nextMessage(t testing.TB, to string) message {
	t.Helper()
	within := mailTimeout
	if s.release != "" {
		within = 0
	}
	if !eventually(within, func() bool { return len(s.inbox.received(to)) > s.read[to] }) {
		t.Fatalf("got %d messages to %s within %v, want another one", s.read[to], to, within)
	}
	s.read[to]++
	return s.inbox.received(to)[s.read[to]-1]
}

func TestMessageServer_ReadsMailsAndTextMessages(t *testing.T) {
	t.Parallel()
	o := startMessageServer(t)
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
			t.Errorf("%s: got messages %q, want one with the link and the code 654321", name, got)
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
		t.Errorf("got status %d and messages %q, want 200 and one with the code 012345", res.StatusCode, got)
	}
}
