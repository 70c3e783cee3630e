package rules

import "testing"

func TestAuthority_HasOneSpelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scheme, host, want string }{
		{"https", "app.example.com", "app.example.com"},
		{"https", "APP.example.com", "app.example.com"},
		{"https", "app.example.com:443", "app.example.com"},
		{"https", "app.example.com.", "app.example.com"},
		{"https", "App.Example.Com.:443", "app.example.com"},
		{"https", "app.example.com:", "app.example.com"},
		{"https", "app.example.com:80", "app.example.com:80"},
		{"http", "app.example.com:80", "app.example.com"},
		{"http", "app.example.com:443", "app.example.com:443"},
		{"http", "app.example.com.:8080", "app.example.com:8080"},
		{"https", "[2001:DB8::1]:443", "[2001:db8::1]"},
		{"https", "[2001:db8::1]:8443", "[2001:db8::1]:8443"},
		{"https", "[2001:DB8::1]", "[2001:db8::1]"},
		{"https", "", ""},
	} {
		if got := Authority(tt.scheme, tt.host); got != tt.want {
			t.Errorf("Authority(%q, %q) = %q, want %q", tt.scheme, tt.host, got, tt.want)
		}
	}
}

func TestAuthority_CopiesNothingOfMostRequests(t *testing.T) {
	host := "app.example.com"
	if got := testing.AllocsPerRun(100, func() { Authority("https", host) }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func TestInnerHost_IsWhatBrowsersOutsideDoNotKnow(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"authentik": true, "localhost": true, "10.0.0.5": true, "127.0.0.1": true, "fd00::1": true, "169.254.1.1": true, "fe80::1": true,
		"authentik.local": true, "AUTHENTIK.Local.": true, "host.docker.internal": true, "authentik.default.svc": true,
		"authentik.default.svc.cluster.local": true, "authentik.docker": true, "box.localdomain": true,
		"auth.example.com": false, "auth.home.arpa": false, "203.0.113.7": false, "2001:db8::1": false, "svc.example.com": false,
	} {
		if got := InnerHost(name); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}
