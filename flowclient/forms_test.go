package flowclient

import (
	"maps"
	"slices"
	"testing"
)

// fieldTypes are the types of all fields in the samples of one release.
func fieldTypes(t testing.TB, release string) map[FieldType]bool {
	t.Helper()
	out := map[FieldType]bool{}
	for _, raw := range samples(t, release) {
		if p, ok := decoded(t, raw).(Prompt); ok {
			for _, f := range p.Fields {
				out[f.Type] = true
			}
		}
	}
	return out
}

func TestField_EveryTypeHasAName(t *testing.T) {
	t.Parallel()
	want := []FieldType{
		FieldText, FieldTextArea, FieldTextReadOnly, FieldTextAreaReadOnly, FieldUsername, FieldEmail,
		FieldPassword, FieldNumber, FieldCheckbox, FieldRadioButtonGroup, FieldDropdown, FieldDate,
		FieldDateTime, FieldFile, FieldSeparator, FieldHidden, FieldStatic, FieldLocale,
		FieldAlertInfo, FieldAlertWarning, FieldAlertDanger,
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(fieldTypes(t, "2026.8"))); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestField_AlertsAreFixedTextWithTheirHTML(t *testing.T) {
	t.Parallel()
	p := as[Prompt](t, decoded(t, samples(t, "2026.8")["ak-stage-prompt-alerts"]))
	for i, want := range []struct {
		kind    FieldType
		initial string
		fixed   bool
	}{
		{FieldAlertInfo, "Maintenance on <b>Friday</b>.", true},
		{FieldAlertWarning, "Your account <em>expires</em> soon.", true},
		{FieldAlertDanger, "This <strong>cannot be undone</strong>.", true},
		{FieldText, "", false},
	} {
		got := p.Fields[i]
		if got.Type != want.kind || got.Initial != want.initial || got.Type.Fixed() != want.fixed {
			t.Errorf("field %d: got %s %q fixed %v, want %s %q fixed %v",
				i, got.Type, got.Initial, got.Type.Fixed(), want.kind, want.initial, want.fixed)
		}
	}
	for _, kind := range []FieldType{FieldHidden, FieldTextReadOnly, FieldCheckbox, "of_tomorrow", ""} {
		if kind.Fixed() {
			t.Errorf("got %q fixed, want it to take a value", kind)
		}
	}
}
