package flowclient

// AccessDenied says no. The flow is over; asking again begins a new one.
type AccessDenied struct {
	Base
	// Message is authentik's reason, in words for the visitor; it may have several
	// lines.
	Message string
}

// Component returns ComponentAccessDenied.
func (AccessDenied) Component() Component { return ComponentAccessDenied }

func decodeAccessDenied(o object, b Base) Challenge {
	return AccessDenied{Base: b, Message: o.text("error_message")}
}

// FlowError says that something broke inside authentik, or that it did not
// understand the request. The flow is still there: asking again shows the
// question again.
type FlowError struct {
	Base
	// RequestID is for the administrator to look up.
	RequestID string
	// Error and Traceback are only told to administrators and are not for others.
	Error, Traceback string
}

// Component returns ComponentFlowError.
func (FlowError) Component() Component { return ComponentFlowError }

func decodeFlowError(o object, b Base) Challenge {
	return FlowError{
		Base: b, RequestID: o.text("request_id"),
		Error: o.text("error"), Traceback: o.text("traceback"),
	}
}

// SessionEnd ends the sign-out from one application while the visitor is still
// signed in to authentik.
type SessionEnd struct {
	Base
	BrandName            string
	ApplicationName      string
	ApplicationLaunchURL string
	// InvalidationFlowURL leads to the flow that signs out of everything; see
	// Step.FlowAt.
	InvalidationFlowURL string
	// OverviewURL is the address of the user's applications, since authentik
	// 2026.8. It has the host that this request named; if that is an internal host,
	// browsers cannot open it.
	OverviewURL string
}

// Component returns ComponentSessionEnd.
func (SessionEnd) Component() Component { return ComponentSessionEnd }

func decodeSessionEnd(o object, b Base) Challenge {
	return SessionEnd{
		Base:                 b,
		BrandName:            o.text("brand_name"),
		ApplicationName:      o.text("application_name"),
		ApplicationLaunchURL: o.text("application_launch_url"),
		InvalidationFlowURL:  o.text("invalidation_flow_url"),
		OverviewURL:          o.text("overview_url"),
	}
}

// Shell is a whole HTML page, mostly of an error.
type Shell struct {
	Base
	// Body has authentik's own scripts in it and must not be put into another page.
	Body string
}

// Component returns ComponentShell.
func (Shell) Component() Component { return ComponentShell }

func decodeShell(o object, b Base) Challenge { return Shell{Base: b, Body: o.text("body")} }

// Autosubmit is a form that the visitor's browser has to send to somebody else.
// It is never answered.
type Autosubmit struct {
	Base
	URL string
	// Attrs are the hidden fields.
	Attrs map[string]string
	Title string
}

// Component returns ComponentAutosubmit.
func (Autosubmit) Component() Component { return ComponentAutosubmit }

func decodeAutosubmit(o object, b Base) Challenge {
	in := o.object("attrs")
	attrs := make(map[string]string, len(in))
	for key := range in {
		attrs[key] = in.text(key)
	}
	return Autosubmit{Base: b, URL: o.text("url"), Attrs: attrs, Title: o.text("title")}
}

// DeviceCodeFinish says that the other device is signed in. It is never answered.
type DeviceCodeFinish struct{ Base }

// Component returns ComponentDeviceCodeFinish.
func (DeviceCodeFinish) Component() Component { return ComponentDeviceCodeFinish }

func decodeDeviceCodeFinish(_ object, b Base) Challenge { return DeviceCodeFinish{Base: b} }
