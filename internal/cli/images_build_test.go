package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/imagebuild"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

// What is wrong is told before anything is built.
func TestImagesBuildWithout(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	dir := withImages(t)
	for _, test := range []struct {
		line string
		code int
		want string
	}{
		{"images build", exitUsage, "build: of which environment? (--env, of prod, staging)"},
		{"images build --env staging usr-image", exitUsage, `staging has no image "usr-image"; did you mean "user-image"?`},
		{"images build --env staging --platform amd64", exitUsage, `--platform is "amd64"; linux/amd64 and linux/arm64 are known`},
		{"images build --env prod user-image", exitUsage, "image user-image is not built in prod: it is pinned to registry.example.org/team/user-image@"},
		{"images build --env staging --sandbox", exitUsage, "the sandbox builds nothing"},
		{"images build --env staging", exitFailed, "there is none: no answer at unix:///"},
	} {
		code, out, errs := do(t, dir, test.line)
		if code != test.code || out != "" || !strings.Contains(errs, test.want) || !strings.Contains(errs, "hint:") {
			t.Errorf("%s: exit %d, %s, %s", test.line, code, out, errs)
		}
	}
}

// everythingIn is the files in a folder with their contents and modes.
func everythingIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, infoErr := d.Info()
		data, err := os.ReadFile(path)
		if err == nil && infoErr == nil {
			out[path] = info.Mode().String() + " " + info.ModTime().String() + " " + string(data)
		}
		return errors.Join(err, infoErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A daemon builds, a registry takes it, and a person's Docker configuration stays as it is.
func TestImagesBuild(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	engine, err := dockerd.Connect(t.Context())
	if err != nil {
		needs.Skip(t, "no Docker daemon: %v", err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", "")
	file := filepath.Join(home, ".docker", "config.json")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(`{"auths": {"registry.example.org": {"auth": "bWU6c2VjcmV0"}}}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := everythingIn(t, filepath.Dir(file))
	dir, r := withImages(t), registrytest.New(t, registrytest.Options{})
	build := func(flags string) (list map[string]imagebuild.Image, errs string) {
		t.Helper()
		code, out, errs := do(t, dir, "images build --env staging -o json --registry "+r.Host+" "+flags)
		if code != exitDone {
			t.Fatalf("exit %d, %s", code, errs)
		}
		reference.Fits(t, []byte(out))
		var builds result.ImageBuilds
		if err := json.Unmarshal([]byte(out), &builds); err != nil {
			t.Fatal(err)
		}
		list = map[string]imagebuild.Image{}
		for _, i := range builds.Images {
			list[i.Name] = i
		}
		return list, errs
	}
	list, errs := build("")
	if list["base"].State != imagebuild.Built || list["user-image"].State != imagebuild.Built || !strings.Contains(errs, "COPY Dockerfile /user") {
		t.Errorf("%+v, %s", list, errs)
	}
	list, _ = build("--push")
	if list["base"].State != imagebuild.Pushed || list["user-image"].State != imagebuild.Pushed || !strings.HasPrefix(list["user-image"].Digest, "sha256:") {
		t.Errorf("%+v", list)
	}
	if _, out, _ := do(t, dir, "images list staging --registry "+r.Host); strings.Count(out, "  yes ") != 2 || !strings.Contains(out, list["user-image"].Digest[:19]) {
		t.Errorf("the registry has\n%s", out)
	}
	again, errs := build("--push")
	if again["base"].State != imagebuild.Present || again["user-image"].Digest != list["user-image"].Digest || strings.Contains(errs, "COPY") {
		t.Errorf("%+v, %s", again, errs)
	}
	if code, _, errs := do(t, dir, "images build --env staging --push --no-cache --registry "+r.Host+" base"); code != exitFailed || !strings.Contains(errs, "a tag never moves") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if diff := cmp.Diff(before, everythingIn(t, filepath.Dir(file))); diff != "" {
		t.Errorf("the Docker configuration was changed:\n%s", diff)
	}

	// A Ctrl-C ends it.
	a, _, said := testApp(t)
	if err := os.WriteFile(filepath.Join(dir, "images/base/Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Err = writer(func(p []byte) (int, error) {
		if strings.Contains(string(p), "load remote build context") {
			a.signals.deliver(os.Interrupt)
		}
		return said.Write(p)
	})
	if code := a.run(context.Background(), []string{"hubwright", "-C", dir, "images", "build", "--env", "staging", "--registry", r.Host, "base"}); code != exitInterrupted || !strings.Contains(said.String(), "interrupted; no tag was moved") {
		t.Errorf("exit %d, %s", code, said)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
