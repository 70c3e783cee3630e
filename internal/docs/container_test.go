package docs

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.yaml.in/yaml/v3"
)

// adapts fails the test if Caddy cannot read a Caddyfile.
func adapts(t *testing.T, what, text string) {
	t.Helper()
	if _, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil); err != nil || len(warnings) > 0 {
		t.Errorf("%s: got %v %v, want no error or warning\n%s", what, err, warnings, text)
	}
}

// compose is what the tests read of a compose file.
type compose struct {
	Services map[string]struct {
		Image    string
		Build    map[string]string
		Networks []string
		Secrets  []string
		Volumes  []string
		Labels   map[string]string
	}
	Networks, Volumes map[string]any
	Secrets           map[string]any
}

func readCompose(t *testing.T, path string) (c compose) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), &c); err != nil {
		t.Fatalf("%s: got error %v, want none", path, err)
	}
	if len(c.Services) == 0 {
		t.Fatalf("%s: got no services", path)
	}
	return c
}

// TestContainer_ComposeFileIsWhole: what services name is there, and the Caddyfile
// names services that Caddy reaches.
func TestContainer_ComposeFileIsWhole(t *testing.T) {
	t.Parallel()
	c := readCompose(t, "examples/container/compose.yaml")
	for name, s := range c.Services {
		if s.Image == "" && s.Build == nil {
			t.Errorf("%s: got neither an image nor a build", name)
		}
		for _, n := range s.Networks {
			if _, ok := c.Networks[n]; !ok {
				t.Errorf("%s: got no network %s, want it", name, n)
			}
		}
		for _, n := range s.Secrets {
			if _, ok := c.Secrets[n]; !ok {
				t.Errorf("%s: got no secret %s, want it", name, n)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[source]; !ok && source != "./Caddyfile" {
				t.Errorf("%s: got no volume %s, want it", name, source)
			}
		}
	}
	caddy := c.Services["caddy"]
	for _, host := range found(t, `(?:reverse_proxy |authentik http://)([a-z-]+):`, read(t, "examples/container/Caddyfile")) {
		s, ok := c.Services[host]
		if !ok || !slices.ContainsFunc(s.Networks, func(n string) bool { return slices.Contains(caddy.Networks, n) }) {
			t.Errorf("got %s in the Caddyfile, want only hosts that Caddy reaches", host)
		}
	}
	for _, app := range []string{"wiki", "files"} {
		if got := c.Services[app].Networks; !slices.Equal(got, []string{"applications"}) {
			t.Errorf("got %s in the networks %v, want only that with Caddy", app, got)
		}
	}
	if caddy.Build["dockerfile"] != "examples/container/Dockerfile" {
		t.Errorf("got the build %v, want the Dockerfile beside the file", caddy.Build)
	}
}

func TestContainer_DockerfileBuildsAProgramWithoutRights(t *testing.T) {
	t.Parallel()
	text := read(t, "examples/container/Dockerfile")
	version := found(t, `(?m)^go (\d+\.\d+)`, read(t, "go.mod"))[0]
	for _, want := range []string{
		"FROM golang:" + version, "CGO_ENABLED=0", "./examples/container\n", "COPY --from=build", "\nUSER 10001", "\nHEALTHCHECK ", "\nENTRYPOINT ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q", want)
		}
	}
	if strings.Contains(text, "./cmd/caddy") {
		t.Error("got cmd/caddy built, which has the stand-in for authentik")
	}
	if last := text[strings.LastIndex(text, "\nFROM "):]; strings.Contains(last, "golang") {
		t.Error("got the compiler in the image")
	}
}

// TestContainer_ManifestIsWhole: each object has a kind and a name, what a pod mounts
// is there, and Caddy reads its Caddyfile.
func TestContainer_ManifestIsWhole(t *testing.T) {
	t.Parallel()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "examples/container/kubernetes.yaml")))
	kinds := map[string]bool{}
	for {
		var one struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
			Metadata   struct{ Name string }
			Data       map[string]string
			Spec       struct {
				Template struct {
					Spec struct {
						SecurityContext map[string]any `yaml:"securityContext"`
						Containers      []struct {
							VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
						}
						Volumes []struct{ Name string }
					}
				}
			}
		}
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if one.APIVersion == "" || one.Kind == "" || one.Metadata.Name == "" {
			t.Errorf("got %+v, want an object with a kind and a name", one)
		}
		kinds[one.Kind] = true
		if text := one.Data["Caddyfile"]; text != "" {
			adapts(t, "kubernetes.yaml", text)
		}
		if one.Kind != "Deployment" {
			continue
		}
		pod := one.Spec.Template.Spec
		if pod.SecurityContext["runAsNonRoot"] != true {
			t.Error("got a pod that may run as root")
		}
		for _, mount := range pod.Containers[0].VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v struct{ Name string }) bool { return v.Name == mount.Name }) {
				t.Errorf("got no volume %s, want it", mount.Name)
			}
		}
	}
	for _, kind := range []string{"ConfigMap", "Deployment", "Service", "Ingress", "NetworkPolicy"} {
		if !kinds[kind] {
			t.Errorf("got no %s", kind)
		}
	}
}

// TestContainer_LabelsAreADirective makes a Caddyfile of the labels as
// caddy-docker-proxy does: a dot begins a block.
func TestContainer_LabelsAreADirective(t *testing.T) {
	t.Parallel()
	labels := readCompose(t, "examples/container/labels.yaml").Services["wiki"].Labels
	var gate []string
	for name, value := range labels {
		if option, ok := strings.CutPrefix(name, "caddy.authentik."); ok {
			gate = append(gate, "\t\t"+option+" "+value)
		}
	}
	if len(gate) < 3 || labels["caddy.reverse_proxy"] != "{{upstreams 80}}" {
		t.Fatalf("got the labels %v, want options of the gate and an application", labels)
	}
	slices.Sort(gate)
	adapts(t, "labels.yaml", labels["caddy"]+" {\n\tauthentik "+labels["caddy.authentik"]+" {\n"+strings.Join(gate, "\n")+"\n\t}\n\treverse_proxy 10.0.0.6:80\n}\n")
}
