package page

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A SourceWay is a button that chooses another place to sign in.
type sourceButton struct {
	// Place is the source's among the challenge's.
	Place int
	Name  string
	// Icon is empty where the gate cannot show it; Initial then stands for it.
	Icon    template.URL
	Initial string
	// Main is what the page is for where it asks nothing else.
	Main, Focus bool
}

// sourceWays lists the sources that have a name, promoted ones first.
func sourceButtons(c flowclient.Identification, d *draft) []sourceButton {
	var promoted, others []sourceButton
	for i, s := range c.Sources {
		switch way := newSourceButton(i, s, d); {
		case way.Name == "":
		case s.Promoted:
			promoted = append(promoted, way)
		default:
			others = append(others, way)
		}
	}
	return slices.Concat(promoted, others)
}

// sourceWay shows a source's icon where it is authentik's. Those of icon fonts
// (fa://) and of other hosts would have to be fetched from a third party.
func newSourceButton(place int, s flowclient.Source, d *draft) sourceButton {
	name := strings.TrimSpace(s.Name)
	way := sourceButton{Place: place, Name: name, Icon: template.URL(d.pages.pictureURL(s.IconURL))} //nolint:gosec // Checked by source.
	for _, letter := range name {
		way.Initial = string(unicode.ToUpper(letter))
		break
	}
	return way
}

// A Chosen is a source that the visitor has chosen. authentik has not been told.
type ChosenSource struct {
	// Name is the source's, and Challenge what authentik says of how to get there.
	Name      string
	Challenge flowclient.Challenge
	// Plex is the address at Plex where the visitor signs in, once there is one.
	Plex string
	// Barred says that a sign-in by way of a source does not count at this site.
	Barred bool
}

// A Source leads to another place to sign in, or waits for what happens there.
type sourceView struct {
	Words []string
	// Address leads there, with Text on it; NewTab keeps this page open.
	Address, Text string
	NewTab        bool
	// Turns are the buttons of the form. Where Waits is set, the page sends the first
	// of them by itself once it is time.
	Turns []formButton
	Waits bool
}

// showChosen draws what comes of a source, in the place of the question that it was chosen on.
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

// sourceElsewhere says that a sign-in runs at authentik, and what that means.
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

// showSourcePlex draws a flow's own stage that asks for Plex. The way there begins with a
// click: it costs a request to Plex.
func drawSourcePlex(_ flowclient.SourcePlex, d *draft) any {
	d.defaultHeading(d.text("source_title", "Name", "Plex"))
	return sourceView{Words: []string{d.text("plex_lead")}, Turns: []formButton{{"source", "0", d.text("continue")}}}
}

func drawSourceApple(_ flowclient.SourceApple, d *draft) any {
	d.defaultHeading(d.text("source_title", "Name", "Apple"))
	return d.sourceElsewhere("Apple")
}

// showSourceRedirect draws a flow's own stage that leads to a source. Only
// Telegram's comes back to this page.
func drawSourceRedirect(c flowclient.Redirect, d *draft) any {
	d.Template = "source.html"
	if strings.HasPrefix(c.Path, "/source/telegram/") {
		return sourceView{Words: []string{d.text("telegram_lead")}, Turns: []formButton{{"source", "0", d.text("continue")}}}
	}
	return d.sourceElsewhere(d.text("source_unnamed"))
}

// A Telegram has Telegram's own button, which a script of ours puts there.
type telegramView struct {
	// Bot is the one that the visitor signs in to; Writes has it ask whether it may write.
	Bot    string
	Writes bool
}

// telegramFrame is where Telegram's button comes from, and telegramName what a
// bot may be called.
const (
	telegramFrame  = "https://oauth.telegram.org"
	telegramPrefix = "telegram."
)

// showSourceTelegram lets the page frame Telegram, and nothing else. No script of
// Telegram's runs here: its own would need eval. The button opens a window that reports to the
// frame, which browsers allow only where the page's own opener policy does.
func drawSourceTelegram(c flowclient.SourceTelegram, d *draft) any {
	d.Heading = d.text("source_title", "Name", "Telegram") // the flow is called after what it does inside authentik
	d.addScript("telegram.js")
	d.allow(policy{frames: []string{telegramFrame}, popups: true})
	return telegramView{Bot: c.BotUsername, Writes: c.RequestMessageAccess}
}

// readSourceTelegram takes exactly the keys that Telegram has sent: all of them go
// into its signature. Numbers stay numbers.
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
