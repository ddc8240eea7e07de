package oci_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// person makes a Docker configuration as a person has one, and gives a function that fails when anything of it changed since.
func person(t *testing.T, config string) (unchanged func()) {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, ".docker")
	for file, text := range map[string]string{
		"config.json": config, "contexts/meta/abc/meta.json": `{"Name":"rootless"}`, "cli-plugins/docker-buildx": "#!/bin/sh\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("TMPDIR", t.TempDir())
	before := everything(t, home)
	return func() {
		t.Helper()
		if after := everything(t, home); after != before {
			t.Errorf("the person's configuration changed:\nbefore:\n%s\nafter:\n%s", before, after)
		}
	}
}

// everything is the names, modes, times and content of all files of a folder.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		var data []byte
		if info.Mode().IsRegular() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(&b, "%s %s %s %q\n", path, info.Mode(), info.ModTime(), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPersonsConfiguration signs in with what a person's `docker login` left, a password and a credential helper, and changes nothing of it.
func TestPersonsConfiguration(t *testing.T) {
	plain := registrytest.New(t, registrytest.Options{Users: map[string]string{"ann": "pass"}})
	helped := registrytest.New(t, registrytest.Options{Users: map[string]string{"bob": "word"}})
	unchanged := person(t, fmt.Sprintf(`{"auths": {%q: {"auth": "YW5uOnBhc3M="}}, "credHelpers": {%q: "of-test"}}`, plain.Host, helped.Host))
	bin := t.TempDir()
	helper := "#!/bin/sh\nread host\n" + `echo "{\"ServerURL\":\"$host\",\"Username\":\"bob\",\"Secret\":\"word\"}"` + "\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-of-test"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	way := registrytest.Client(plain, helped)
	ref := push(t, plain.Host+"/hub/a:v1", image(t, 1000, 1), basic("ann", "pass"), remote.WithTransport(way))
	c := oci.New(oci.Options{Retry: quick, Transport: way})
	if _, err := c.Copy(context.Background(), ref, helped.Host+"/hub/a:v1", oci.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	unchanged()
	// What is given goes before it.
	c = oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{Given: map[string]oci.Login{plain.Host: {Username: "ann", Password: "wrong"}}}})
	_, err := c.Resolve(context.Background(), ref)
	wantKind(t, err, oci.NotSignedIn, "401", plain.Host)
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the error shows the password: %v", err)
	}
	unchanged()
}

func TestDockerConfig(t *testing.T) {
	bin := t.TempDir()
	// As helpers say that they have nothing: https://github.com/docker/docker-credential-helpers
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-desktop"), []byte("#!/bin/sh\nread host\necho credentials not found in native keychain\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	unchanged := person(t, `{"auths": {"other.example": {"auth": "YTpi"}}, "credsStore": "desktop", "currentContext": "rootless", "HttpHeaders": {"X": "secret"}}`)
	a := newECRAPI(t)
	c := oci.New(oci.Options{Credentials: oci.Credentials{ECR: a.config, Given: map[string]oci.Login{"registry.example:5000": {Username: "ann", Password: "pass"}, "docker.io": {Username: "bob", Password: "word"}}}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d, err := c.DockerConfig(ctx, ecrStaging, "registry.example:5000", "docker.io", "anonymous.example")
	if err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{d.Dir: fs.ModeDir | 0o700, filepath.Join(d.Dir, "config.json"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want %s", path, info.Mode(), err, mode)
		}
	}
	read := func() string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(d.Dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		data, _ = json.Marshal(v)
		return string(data)
	}
	want := `{"auths":{"` + ecrStaging + `":{"auth":"QVdTOnRva2VuOjE="},"https://index.docker.io/v1/":{"auth":"Ym9iOndvcmQ="},"registry.example:5000":{"auth":"YW5uOnBhc3M="}},"currentContext":"rootless"}`
	if got := read(); got != want {
		t.Errorf("the configuration is\n%s\nwant\n%s", got, want)
	}
	if data, err := os.ReadFile(filepath.Join(d.Dir, "contexts", "meta", "abc", "meta.json")); err != nil || !strings.Contains(string(data), "rootless") {
		t.Errorf("the person's contexts are not found: %s, %v", data, err)
	}
	if err := d.Refresh(ctx); err != nil || read() != want {
		t.Errorf("refreshed: %v", err)
	}
	cancel() // as an interrupt does
	for range 100 {
		if _, err = os.Stat(d.Dir); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !os.IsNotExist(err) {
		t.Errorf("%s outlived the context: %v", d.Dir, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	unchanged()
	if _, err := c.DockerConfig(context.Background(), "no registry/at all"); !oci.Is(err, oci.BadName) {
		t.Errorf("a bad name: %v", err)
	}
	leftovers(t, 0)
}

func leftovers(t *testing.T, want int) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "hubwright-docker-*")); len(left) != want {
		t.Errorf("there are %d folders of credentials, want %d: %v", len(left), want, left)
	}
}

// TestCrash kills a process that holds a folder of credentials. The next one to make one removes it, and leaves alone that of one that lives.
func TestCrash(t *testing.T) {
	if os.Getenv("OCI_TEST_HOLD") != "" {
		if _, err := oci.New(oci.Options{}).DockerConfig(context.Background()); err != nil {
			t.Fatal(err)
		}
		fmt.Println("held")
		select {}
	}
	person(t, `{}`)
	hold := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), "OCI_TEST_HOLD=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	end := func(cmd *exec.Cmd) {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
	killed, living := hold(), hold()
	end(killed)
	defer end(living)
	leftovers(t, 2)
	d, err := oci.New(oci.Options{}).DockerConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	leftovers(t, 2)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	leftovers(t, 1)
}

// TestDocker has Docker itself push and pull with such a folder, to a registry with TLS and tokens.
func TestDocker(t *testing.T) {
	docker := needs.Command(t, "docker", "docker.io")
	if out, err := exec.Command(docker, "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		needs.Skip(t, "no Docker daemon answers: %s", out)
	}
	r := registrytest.New(t, registrytest.Options{Users: map[string]string{"ann": "pass"}})
	unchanged := person(t, `{"auths": {}}`)
	way := registrytest.Client(r)
	c := oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{Given: map[string]oci.Login{r.Host: {Username: "ann", Password: "pass"}}}})
	d, err := c.DockerConfig(context.Background(), r.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	run := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command(docker, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+d.Dir, "DOCKER_BUILDKIT=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	tag := r.Host + "/hub/a:v1"
	run("FROM scratch\nLABEL test=oci\n", "build", "--tag", tag, "-")
	t.Cleanup(func() { _ = exec.Command(docker, "image", "rm", "--force", tag).Run() })
	pushed := run("", "push", tag)
	found, err := c.Resolve(context.Background(), tag)
	if err != nil || !strings.Contains(pushed, found.Digest) {
		t.Fatalf("%+v, %v, after\n%s", found, err, pushed)
	}
	copied, err := c.Copy(context.Background(), tag, r.Host+"/science/a:v1", oci.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pulled := r.Host + "/science/a@" + copied.Digest
	t.Cleanup(func() { _ = exec.Command(docker, "image", "rm", "--force", pulled).Run() })
	if out := run("", "pull", pulled); !strings.Contains(out, found.Digest) {
		t.Errorf("what was pulled is not what was pushed:\n%s", out)
	}
	unchanged()
}
