package authentiktest

func promptAllTypes(r *replay) Config {
	stage := &PromptStage{Fields: append(writtenFields(), chosenFields(r.release)...)}
	f := flowOf("st-prompt", stage)
	f.Title, f.Designation = "All prompt types", DesignationStageConfiguration
	f.Bindings = append(f.Bindings, telling(dumped))
	return Config{Users: people("st-taken"), Flows: []Flow{f}}
}

// optional is a field that may be left out.
func optional(f Field) Field {
	f.Optional = true
	return f
}

// writtenFields are the recorded fields that are typed, or only shown.
func writtenFields() []Field {
	return []Field{
		{Key: "t_text", Label: "Text", Placeholder: "a text", SubText: "Help with <b>HTML</b>"},
		optional(Field{
			Key: "t_text_area", Label: "Text area", Type: FieldTextArea, Initial: "line one\nline two", Order: 10,
		}),
		optional(Field{Key: "t_text_ro", Label: "Text read-only", Type: FieldTextReadOnly, Initial: "fixed text", Order: 20}),
		optional(Field{
			Key: "t_text_area_ro", Label: "Text area read-only", Type: FieldTextAreaReadOnly, Initial: "fixed\narea", Order: 30,
		}),
		{Key: "username", Label: "Username", Type: FieldUsername, Placeholder: "username", Order: 40},
		{Key: "email", Label: "E-mail", Type: FieldEmail, Order: 50},
		{Key: "password", Label: "Password", Type: FieldPassword, Order: 60},
		{Key: "password_repeat", Label: "Password (repeat)", Type: FieldPassword, Order: 70},
		optional(Field{Key: "t_number", Label: "Number", Type: FieldNumber, Order: 80}),
		optional(Field{Key: "t_date", Label: "Date", Type: FieldDate, Order: 140}),
		optional(Field{Key: "t_datetime", Label: "Date and time", Type: FieldDateTime, Order: 150}),
		optional(Field{Key: "t_separator", Label: "Separator", Type: FieldSeparator, Placeholder: "More about you", Order: 160}),
		optional(Field{
			Key: "t_hidden", Label: "Hidden", Type: FieldHidden, Placeholder: "hidden placeholder", Initial: "hidden value", Order: 170,
		}),
		optional(Field{
			Key: "t_static", Label: "Static", Type: FieldStatic,
			Placeholder: "static placeholder", Initial: "<p>static <i>HTML</i></p>", Order: 180,
		}),
		optional(Field{Key: "attributes.avatar", Label: "File", Type: FieldFile, Order: 190}),
		optional(Field{Key: "attributes.settings.locale", Label: "Locale", Type: FieldLocale, Order: 200}),
		optional(Field{
			Key: "t_expr", Label: "Expressions", Order: 210,
			PlaceholderFunc: func(*PolicyRequest) string { return "for nobody" },
			InitialFunc:     func(*PolicyRequest) string { return "2" },
		}),
		optional(Field{ // an expression that raises is shown as it is written
			Key: "t_broken", Label: "Broken expression", Placeholder: "return 1/0", Initial: "return nope.nope", Order: 220,
		}),
	}
}

// chosenFields are the recorded fields that offer something.
func chosenFields(release Release) []Field {
	dropdown := optional(Field{
		Key: "t_dropdown", Label: "Dropdown (objects)", Type: FieldDropdown, Initial: "b", Order: 120,
		Choices: []Choice{{"a", "Choice A"}, {"b", "Choice B"}},
	})
	if release == Release202510 {
		dropdown.Label, dropdown.Choices = "Dropdown", choices("a", "b")
	}
	return []Field{
		{Key: "t_checkbox", Label: "Checkbox", Type: FieldCheckbox, Order: 90},
		optional(Field{
			Key: "t_checkbox_on", Label: "Checkbox, initially on", Type: FieldCheckbox, Initial: "True", Order: 100,
		}),
		{Key: "t_radio", Label: "Radio", Type: FieldRadio, Initial: "red", Order: 110, Choices: choices("red", "green", "blue")},
		dropdown,
		optional(Field{
			Key: "t_dropdown_static", Label: "Dropdown (no expression)", Type: FieldDropdown, Placeholder: "the only choice", Order: 130,
		}),
	}
}
