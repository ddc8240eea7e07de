package dockersim

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	host       = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	repository = host + "/user-image"
	password   = "planted-registry-password"
)

type m = simtest.Map

func newDocker(t *testing.T) (*simtest.Conn, *world.World, string) {
	t.Helper()
	w, root := simtest.World(t), t.TempDir()
	write(t, root, "images/user/Dockerfile", "FROM scratch\n")
	write(t, root, "images/user/.dockerignore", "*.log\n")
	if err := w.Update(func(tx *world.Tx) error {
		return tx.Put(&world.Object{Kind: "aws:ecr/repository:Repository", ID: "user-image", Props: m{"repositoryUrl": repository, "imageTagMutability": "IMMUTABLE"}})
	}); err != nil {
		t.Fatal(err)
	}
	c := simtest.Client(t, New(w, Options{Root: root}))
	if err := c.Configure(m{}); err != nil {
		t.Fatal(err)
	}
	return c, w, root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func image(name string, build m) m {
	b := m{"context": "images/user"}
	for k, v := range build {
		b[k] = v
	}
	return m{"imageName": name, "build": b, "registry": m{"server": host, "username": "AWS", "password": password}}
}

func TestImage(t *testing.T) {
	c, w, _ := newDocker(t)
	r := c.Must(imageToken, "user", image(repository+":abc", nil))
	if r.ID != repository+":abc" || r.Out["imageName"] != repository+":abc" || r.Out["registryServer"] != host || r.Out["sandboxBuild"] != note {
		t.Errorf("id %q, outputs %v", r.ID, r.Out)
	}
	digest, _ := r.Out["repoDigest"].(string)
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(repository) + `@sha256:[0-9a-f]{64}$`).MatchString(digest) {
		t.Errorf("digest %q", digest)
	}
	if err := w.View(func(tx *world.Tx) error {
		if o := tx.Get("aws:ecr:image", repository+":abc"); o == nil || repository+"@"+o.String("digest") != digest {
			t.Errorf("in the registry: %+v", o)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	again := c.Must(imageToken, "again", image(repository+":abc", nil)) // the same content under the same tag is no other image
	if again.Out["repoDigest"] != digest {
		t.Errorf("the same content has the digest %v, then %v", digest, again.Out["repoDigest"])
	}
	if ok, err := r.Read(); !ok || err != nil || r.Out["repoDigest"] != digest {
		t.Errorf("read: %v %v %v", ok, err, r.Out)
	}
}

func TestDiff(t *testing.T) {
	c, _, root := newDocker(t)
	r := c.Must(imageToken, "user", image(repository+":abc", nil))
	other := image(repository+":abc", nil)
	other["registry"] = m{"server": host, "username": "AWS", "password": "the next token"}
	if d := r.Diff(other); len(d.Changed) > 0 {
		t.Errorf("another password is no change: %v", d.Changed)
	}
	write(t, root, "images/user/build.log", "ignored")
	if d := r.Diff(other); len(d.Changed) > 0 {
		t.Errorf("what .dockerignore leaves out is no change: %v", d.Changed)
	}
	write(t, root, "images/user/environment.yml", "new")
	if d := r.Diff(other); d.Changed["build.contextDigest"] != "update" || len(d.Replaces) > 0 {
		t.Errorf("a new file: %+v", d)
	}
}

func TestImmutableTag(t *testing.T) {
	c, _, root := newDocker(t)
	c.Must(imageToken, "user", image(repository+":abc", nil))
	changes := map[string]func() m{
		"argument": func() m { return image(repository+":abc", m{"args": m{"A": "1"}}) },
		"platform": func() m { return image(repository+":abc", m{"platform": "linux/arm64"}) },
		"file":     func() m { write(t, root, "images/user/a.txt", "a"); return image(repository+":abc", nil) },
	}
	for name, change := range changes {
		_, err := c.Create(imageToken, name, change())
		if err == nil || !strings.Contains(err.Error(), "ImageTagAlreadyExistsException: The image tag 'abc' already exists in the 'user-image' repository") {
			t.Errorf("another %s under the same tag: %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	c, _, root := newDocker(t)
	if err := os.MkdirAll(filepath.Join(root, "images/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	anonymous := image(repository+":a", nil)
	anonymous["registry"] = m{"server": host}
	tests := []struct {
		name string
		in   m
		want string
	}{
		{"no context", image(repository+":a", m{"context": "images/nosuch"}), `build: the build context "images/nosuch" is no folder`},
		{"no Dockerfile", image(repository+":a", m{"context": "images/empty"}), `the Dockerfile "images/empty/Dockerfile" cannot be read`},
		{"Dockerfile elsewhere", image(repository+":a", m{"dockerfile": "Dockerfile"}), `the Dockerfile "Dockerfile" cannot be read`},
		{"capital letters", image("example.org/Team/Image:a", nil), "repository name (Team/Image) must be lowercase"},
		{"no reference", image("user image", nil), "invalid reference format"},
		{"bad tag", image(repository+":-a", nil), "invalid reference format"},
		{"digest", image(repository+"@sha256:"+strings.Repeat("0", 64), nil), "names a digest"},
		{"no repository", image(host+"/other:a", nil), "name unknown: The repository with name 'other' does not exist in the registry with id '111122223333'"},
		{"no credentials", anonymous, "no basic auth credentials"},
		{"no name", m{"build": m{"context": "images/user"}}, "imageName: missing required property"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Create(imageToken, "x", tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestForeignRegistryAndNoPush(t *testing.T) {
	c, w, _ := newDocker(t)
	r := c.Must(imageToken, "user", image("quay.io/team/image:v1", nil))
	if !strings.HasPrefix(r.Out["repoDigest"].(string), "quay.io/team/image@sha256:") {
		t.Errorf("digest %v", r.Out["repoDigest"])
	}
	in := image("local:v1", nil)
	in["skipPush"] = true
	if l := c.Must(imageToken, "local", in); !strings.HasPrefix(l.Out["repoDigest"].(string), "sha256:") {
		t.Errorf("an image that is not pushed: %v", l.Out["repoDigest"])
	}
	if err := w.View(func(tx *world.Tx) error {
		if n := len(tx.List(foreignKind)); n != 1 {
			t.Errorf("%d foreign images, want 1", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
}

func TestPasswordIsKeptNowhere(t *testing.T) {
	c, w, _ := newDocker(t)
	c.Must(imageToken, "user", image(repository+":abc", nil))
	data, err := os.ReadFile(filepath.Join(w.Dir(), "world.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(password)) {
		t.Error("the world's journal holds the registry's password")
	}
	checked, err := c.Preview(imageToken, "user", image(repository+":abc", nil))
	if err != nil {
		t.Fatal(err)
	}
	if !checked["registry"].ObjectValue()["password"].IsSecret() || !checked["repoDigest"].IsComputed() {
		t.Errorf("preview %v: the password is a secret, the digest is not known yet", checked)
	}
}
