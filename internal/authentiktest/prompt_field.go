package authentiktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

// read is the value of the field in an answer. ok is false if the field is
// absent and has no initial value, or if it is wrong. The error is an
// exception.
func (f *field) read(answer *fields) (value any, ok bool, err error) {
	if f.Type == FieldHidden {
		return f.initial, true, nil
	}
	if f.chosen() && !answer.visit.srv.dialect.choiceLabels &&
		slices.ContainsFunc(f.choices, func(c Choice) bool { return c.Label != "" }) {
		return nil, false, errors.New("unhashable type: 'dict'")
	}
	if _, sent := answer.body[f.Key]; !sent && answer.body != nil && f.initial != "" {
		return f.initial, true, nil
	}
	switch f.Type {
	case FieldNumber:
		value, ok = f.number(answer)
	case FieldCheckbox:
		value, ok = answer.boolean(f.Key, rule{optional: true})
	case FieldRadio, FieldDropdown:
		value, ok = f.choice(answer)
	case FieldDate, FieldDateTime:
		value, ok = f.time(answer)
	case FieldFile:
		return f.file(answer)
	default:
		value, ok = f.text(answer)
	}
	return value, ok, nil
}

// text reads the types of field that are strings.
func (f *field) text(answer *fields) (any, bool) {
	r := rule{optional: f.optional()}
	switch f.Type {
	case FieldText, FieldTextArea:
		r.untrimmed, r.blank = true, f.Optional
	case FieldEmail:
		r.blank = f.Optional
	case FieldLocale:
		r.blank = true
	}
	s, ok := answer.text(f.Key, r)
	if !ok || s == "" {
		return s, ok
	}
	switch {
	case f.Type == FieldEmail && !mailAddress.MatchString(s):
		answer.wrong(f.Key, "Enter a valid email address.", "invalid")
		return nil, false
	case f.Type == FieldUsername && answer.visit.taken(s):
		answer.wrong(f.Key, "Username is already taken.", "invalid")
		return nil, false
	}
	return s, true
}

// optional reports whether the field may be absent.
func (f *field) optional() bool {
	return f.Optional || f.fixed() || f.Type == FieldSeparator
}

var mailAddress = regexp.MustCompile(`(?i)^[-!#$%&'*+/=?^_{}|~0-9a-z\x60]+(\.[-!#$%&'*+/=?^_{}|~0-9a-z\x60]+)*` +
	`@(localhost|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9])$`)

// taken reports whether a username belongs to a user other than the visitor and
// the pending user.
func (v *visit) taken(username string) bool {
	u, found := v.srv.User(username)
	return found && u.PK != pending(v.plan.context).PK && u.PK != v.user.PK
}

// number is an integer of any size; a fraction of zeros is dropped.
func (f *field) number(answer *fields) (any, bool) {
	value, ok := answer.value(f.Key, rule{optional: f.optional()})
	if !ok {
		return nil, false
	}
	digits := zeros.ReplaceAllString(strings.TrimSpace(fmt.Sprint(value)), "")
	if _, isNumber := new(big.Int).SetString(digits, 10); !isNumber {
		answer.wrong(f.Key, "A valid integer is required.", "invalid")
		return nil, false
	}
	return json.Number(strings.TrimPrefix(digits, "+")), true
}

var zeros = regexp.MustCompile(`\.0*$`)

func (f *field) choice(answer *fields) (any, bool) {
	value, ok := answer.value(f.Key, rule{optional: f.optional()})
	if !ok {
		return nil, false
	}
	wanted := pythonString(value)
	if !slices.ContainsFunc(f.choices, func(c Choice) bool { return c.Value == wanted }) {
		answer.wrong(f.Key, fmt.Sprintf(answer.visit.text(`"%s" is not a valid choice.`), wanted), "invalid_choice")
		return nil, false
	}
	return wanted, true
}

// Formats of dates, as far as browsers send them.
var (
	dateLayouts = []string{time.DateOnly}
	timeLayouts = []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00", time.DateTime, "2006-01-02 15:04", time.DateOnly,
	}
)

func (f *field) time(answer *fields) (any, bool) {
	value, ok := answer.value(f.Key, rule{optional: f.optional()})
	if !ok {
		return nil, false
	}
	layouts, wrong := dateLayouts, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
	if f.Type == FieldDateTime {
		layouts = timeLayouts
		wrong = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
	}
	s, _ := value.(string)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && f.Type == FieldDate {
			return t.Format(time.DateOnly), true
		} else if err == nil {
			return t.UTC().Format("2006-01-02 15:04:05+00:00"), true
		}
	}
	answer.wrong(f.Key, wrong, "invalid")
	return nil, false
}

// file is a data URI in base64. One without a comma is an exception.
func (f *field) file(answer *fields) (any, bool, error) {
	s, ok := answer.text(f.Key, rule{optional: f.optional()})
	if !ok {
		return nil, false, nil
	}
	scheme, rest, _ := strings.Cut(s, ":")
	if scheme != "data" {
		answer.wrong(f.Key, "Invalid scheme", "invalid")
		return nil, false, nil
	}
	header, _, found := strings.Cut(rest, ",")
	if !found {
		return nil, false, errors.New("not enough values to unpack (expected 2, got 1)")
	}
	if _, encoding, _ := strings.Cut(header, ";"); encoding != "base64" {
		answer.wrong(f.Key, "Invalid encoding", "invalid")
		return nil, false, nil
	}
	return s, true, nil
}

// pythonString is a value as Python prints it.
func pythonString(value any) string {
	switch t := value.(type) {
	case nil:
		return "None"
	case bool:
		if t {
			return "True"
		}
		return "False"
	}
	return fmt.Sprint(value)
}

// pythonRepr is a string as Python quotes it.
func pythonRepr(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}
