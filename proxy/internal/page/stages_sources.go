package page

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// A sourceButton signs in with an external account.
type sourceButton struct {
	// Place is the index of the source in the challenge, and the value of the
	// button, whose name is source.
	Place int
	// Name is the source's.
	Name string
	// Icon is empty if the gate cannot show it; Initial is shown instead.
	Icon    template.URL
	Initial string
	// Main is set if the page asks nothing else. Focus is set on the one element
	// that has the focus at first.
	Main, Focus bool
}

// sourceButtons returns the sources that have a name, promoted ones first.
func sourceButtons(c flowclient.Identification, d *draft) []sourceButton {
	var promoted, others []sourceButton
	for i, s := range c.Sources {
		switch button := newSourceButton(i, s, d); {
		case button.Name == "":
		case s.Promoted:
			promoted = append(promoted, button)
		default:
			others = append(others, button)
		}
	}
	return slices.Concat(promoted, others)
}

// newSourceButton shows only icons that authentik serves. Those of icon fonts
// (fa://) and of other hosts would be loaded from a third party.
func newSourceButton(place int, s flowclient.Source, d *draft) sourceButton {
	name := strings.TrimSpace(s.Name)
	button := sourceButton{Place: place, Name: name, Icon: template.URL(d.pages.pictureURL(s.IconURL))} //nolint:gosec // Checked by pictureURL.
	for _, letter := range name {
		button.Initial = string(unicode.ToUpper(letter))
		break
	}
	return button
}

// A ChosenSource is a source that the visitor has chosen. authentik does not
// know of the choice yet.
type ChosenSource struct {
	// Name is the source's. Challenge is authentik's, and leads to the source.
	Name      string
	Challenge flowclient.Challenge
	// Plex is the address at Plex where the visitor signs in, if there is one.
	Plex string
	// Barred reports that this site does not accept sign-ins with sources.
	Barred bool
}

// A sourceView leads to an external sign-in, or waits until it is finished.
type sourceView struct {
	// Words are paragraphs.
	Words []string
	// Address is that of the link, Text its label. NewTab opens it in a new tab.
	Address, Text string
	NewTab        bool
	// Turns are the buttons of the form. If Waits is set, the page presses the
	// first one when the external sign-in is finished.
	Turns []formButton
	Waits bool
}

// drawChosenSource draws the page for a chosen source, instead of the question
// on which it was chosen.
func drawChosenSource(s ChosenSource, d *draft) any {
	d.Template = "source.html"
	d.Heading = d.text("source_title", "Name", s.Name)
	back := formButton{"ways", "1", d.text("source_back")}
	switch {
	case s.Barred:
		return sourceView{Words: []string{d.text("source_barred", "Name", s.Name)}, Turns: []formButton{back}}
	case s.Plex != "":
		return drawPlexPIN(s, back, d)
	default:
		return d.sourceElsewhere(s.Name, back)
	}
}

// sourceElsewhere says that the sign-in continues at authentik.
func (d *draft) sourceElsewhere(name string, turns ...formButton) sourceView {
	page := sourceView{
		Words: []string{d.text("source_runs", "Name", name, "Host", d.ElsewhereHost)},
		Turns: turns,
	}
	if d.Elsewhere != "" {
		page.Words = append(page.Words, d.Afterwards)
		page.Address, page.Text = d.Elsewhere, d.text("continue_at", "Host", d.ElsewhereHost)
	}
	return page
}

func drawPlexPIN(s ChosenSource, back formButton, d *draft) sourceView {
	return sourceView{
		Words:   []string{d.text("plex_open"), d.text("plex_then")},
		Address: s.Plex, Text: d.text("plex_link"), NewTab: true, Waits: true,
		Turns: []formButton{{"on", "1", d.text("continue")}, back},
	}
}

// drawSourcePlex draws a flow's stage that asks for Plex. It waits for a click,
// because the gate has to send a request to Plex.
func drawSourcePlex(_ flowclient.SourcePlex, d *draft) any {
	d.defaultHeading(d.text("source_title", "Name", "Plex"))
	return sourceView{Words: []string{d.text("plex_lead")}, Turns: []formButton{{"source", "0", d.text("continue")}}}
}

func drawSourceApple(_ flowclient.SourceApple, d *draft) any {
	d.defaultHeading(d.text("source_title", "Name", "Apple"))
	return d.sourceElsewhere("Apple")
}

// drawSourceRedirect draws a flow's stage that leads to a source. Only Telegram's
// returns to this page.
func drawSourceRedirect(c flowclient.Redirect, d *draft) any {
	d.Template = "source.html"
	if strings.HasPrefix(c.Path, "/source/telegram/") {
		return sourceView{Words: []string{d.text("telegram_lead")}, Turns: []formButton{{"source", "0", d.text("continue")}}}
	}
	return d.sourceElsewhere(d.text("source_unnamed"))
}

// A telegramView has Telegram's button, which our script adds.
type telegramView struct {
	// Bot is the bot to sign in to. Writes asks whether it may send messages.
	Bot    string
	Writes bool
}

// telegramFrame is the origin of Telegram's button, telegramPrefix the prefix of
// the fields with its answer.
const (
	telegramFrame  = "https://oauth.telegram.org"
	telegramPrefix = "telegram."
)

// drawSourceTelegram allows a frame of Telegram. Telegram's script is not used,
// since it needs eval. The button opens a window that reports to the frame, which
// browsers allow only if the page's opener policy does.
func drawSourceTelegram(c flowclient.SourceTelegram, d *draft) any {
	d.Heading = d.text("source_title", "Name", "Telegram") // the flow's title is not meant for visitors
	d.addScript("telegram.js")
	d.allow(csp.Policy{Frames: []string{telegramFrame}, Popups: true})
	return telegramView{Bot: c.BotUsername, Writes: c.RequestMessageAccess}
}

// readSourceTelegram reads exactly the keys that Telegram sent, since its
// signature covers all of them. Numbers stay numbers.
func readSourceTelegram(_ flowclient.SourceTelegram, form Form) (flowclient.Answer, *Mistake) {
	values := map[string]any{}
	for name := range form.Values {
		key, ok := strings.CutPrefix(name, telegramPrefix)
		if !ok || len(values) > 20 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" || key == "component" {
			continue
		}
		values[key] = form.Get(name)
		if key == "id" || key == "auth_date" {
			n, err := strconv.ParseInt(form.Get(name), 10, 64)
			if err != nil {
				return nil, mistake("", "telegram_unread")
			}
			values[key] = n
		}
	}
	for _, needed := range []string{"id", "auth_date", "hash"} {
		if _, ok := values[needed]; !ok {
			return nil, mistake("", "telegram_unread")
		}
	}
	return flowclient.SourceTelegramAnswer{Values: values}, nil
}
