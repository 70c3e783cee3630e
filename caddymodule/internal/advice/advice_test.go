package advice

import (
	"strings"
	"testing"
)

func TestOtherTool_HasAdviceForEverySpelling(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"copy_headers", "copy-headers", "CopyHeaders", "trusted_proxies", "skip_tls_verify", "cookie_name", "auth_url"} {
		if err := OtherTool(option); err == nil || !strings.Contains(err.Error(), "no option "+option+"; ") {
			t.Errorf("%s: got %v, want what to write instead", option, err)
		}
	}
	for _, option := range []string{"flwo", "lifetme", "xyz", ""} {
		if err := OtherTool(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
}

func TestOtherTool_SaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for name, advice := range instead {
		if !strings.Contains(advice, "write ") && !strings.Contains(advice, "leave it out") && !strings.Contains(advice, "register it") {
			t.Errorf("%s: got %q, want what to write instead", name, advice)
		}
	}
}
