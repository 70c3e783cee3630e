package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// lookEvery is how often the demonstration looks for new messages.
const lookEvery = 200 * time.Millisecond

// tellMessages prints what authentik would have sent by mail or to a phone.
func (d *demo) tellMessages(ctx context.Context, server *authentiktest.Server) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var mails, texts int
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ; mails < len(server.Mail()); mails++ {
			mail := server.Mail()[mails]
			_, _ = fmt.Fprintf(d.out, "  Mail to %s: %s\n%s\n", mail.To, mail.Subject, indent(mail.Body))
		}
		for ; texts < len(server.Texts()); texts++ {
			text := server.Texts()[texts]
			_, _ = fmt.Fprintf(d.out, "  Text message to %s: %s\n\n", text.To, text.Body)
		}
	}
}

func (d *demo) tellCodes(context.Context, *authentiktest.Server) {}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}
