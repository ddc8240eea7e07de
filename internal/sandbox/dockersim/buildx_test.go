package dockersim

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const planted = "planted-build-secret"

func newBuildx(t *testing.T) (*simtest.Conn, *world.World, string) {
	t.Helper()
	_, w, root := newDocker(t)
	c := simtest.Client(t, NewBuildx(w, Options{Root: root}))
	if err := c.Configure(m{}); err != nil {
		t.Fatal(err)
	}
	return c, w, root
}

// built are the inputs of an image with a secret for two platforms, with some changed; a nil one is left out.
func built(change m) m {
	in := m{
		"context": m{"location": "images/user"}, "dockerfile": m{"location": "images/user/Dockerfile"}, "push": true, "buildOnPreview": false,
		"tags": []any{repository + ":abc"}, "platforms": []any{"linux/amd64", "linux/arm64"},
		"secrets": m{"pip": planted}, "ignoreSecretsInDiffCalculation": []any{"pip"},
		"registries": []any{m{"address": "https://" + host, "username": "AWS", "password": password}},
		"cacheTo":    []any{m{"inline": m{}}},
	}
	maps.Copy(in, change)
	maps.DeleteFunc(in, func(_ string, v any) bool { return v == nil })
	return in
}

func TestBuildx(t *testing.T) {
	c, w, _ := newBuildx(t)
	promised, err := c.Preview(buildxToken, "user", built(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !promised["digest"].IsComputed() || !promised["ref"].IsComputed() || !promised["secrets"].IsSecret() {
		t.Errorf("preview %v: the digest is not known yet, secrets are secret", promised)
	}
	r := c.Must(buildxToken, "user", built(nil))
	digest, _ := r.Out["digest"].(string)
	if !strings.HasPrefix(digest, "sha256:") || r.ID != digest || r.Out["ref"] != repository+":abc@"+digest || r.Out["contextHash"] == "" {
		t.Errorf("id %q, outputs %v", r.ID, r.Out)
	}
	if !r.Props["secrets"].IsSecret() {
		t.Error("the secrets are put out in the clear")
	}
	if ok, err := r.Read(); !ok || err != nil || r.Out["digest"] != digest {
		t.Errorf("read: %v %v %v", ok, err, r.Out)
	}
	data, err := os.ReadFile(filepath.Join(w.Dir(), "world.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(planted)) || bytes.Contains(data, []byte(password)) {
		t.Error("the world's journal holds a secret")
	}
	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
	if err := w.View(func(tx *world.Tx) error {
		if o := tx.Get("aws:ecr:image", repository+":abc"); o != nil {
			t.Errorf("deleting leaves %v in the registry, as the real provider does not", o)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestBuildxDiff(t *testing.T) {
	c, w, root := newBuildx(t)
	r := c.Must(buildxToken, "user", built(nil))
	for name, tt := range map[string]struct {
		change m
		want   string
	}{
		"nothing":         {nil, ""},
		"a token":         {m{"registries": []any{m{"address": "https://" + host, "username": "AWS", "password": "next"}}}, ""},
		"another value":   {m{"secrets": m{"pip": "other"}}, ""},
		"another secret":  {m{"secrets": m{"pip": planted, "npm": "x"}}, "secrets.npm"},
		"a secret less":   {m{"secrets": nil, "ignoreSecretsInDiffCalculation": nil}, "secrets"},
		"another tag":     {m{"tags": []any{repository + ":abd"}}, "tags[0]"},
		"another cache":   {m{"cacheFrom": []any{m{"registry": m{"ref": repository + ":old"}}}}, "cacheFrom"},
		"a platform less": {m{"platforms": []any{"linux/amd64"}}, "platforms"},
	} {
		d := r.Diff(built(tt.change))
		if _, is := d.Changed[tt.want]; tt.want == "" && len(d.Changed) > 0 || tt.want != "" && !is || len(d.Replaces) > 0 {
			t.Errorf("%s: %+v, want %q", name, d, tt.want)
		}
	}
	write(t, root, "images/user/environment.yml", "new")
	if d := r.Diff(built(nil)); d.Changed["contextHash"] == "" {
		t.Errorf("a new file: %+v", d)
	}
	if err := w.Update(func(tx *world.Tx) error { return tx.Delete("aws:ecr:image", repository+":abc") }); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Read(); ok || err != nil {
		t.Errorf("an image that is gone from the registry is read: %v, %v", ok, err)
	}
}

func TestBuildxRefusals(t *testing.T) {
	c, _, _ := newBuildx(t)
	for name, tt := range map[string]struct {
		change m
		want   string
	}{
		"an unknown property": {m{"platform": "linux/amd64"}, "platform: is not a known property"},
		"no push":             {m{"push": nil}, "push: missing required property"},
		"no tag":              {m{"tags": nil}, "at least one tag"},
		"a bad tag":           {m{"tags": []any{repository + ":-a"}}, "tags[0]:"},
		"a bad platform":      {m{"platforms": []any{"linux amd64"}}, "platforms[0]:"},
		"no context":          {m{"context": m{"location": "images/nosuch"}}, `the build context "images/nosuch" is no folder`},
		"no Dockerfile":       {m{"dockerfile": m{"location": "images/user/Other"}}, `the Dockerfile "images/user/Other" cannot be read`},
		"no credentials":      {m{"registries": nil}, "no basic auth credentials"},
	} {
		if _, err := c.Create(buildxToken, "x", built(tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		}
	}
	first := built(nil)
	c.Must(buildxToken, "first", first)
	if _, err := c.Create(buildxToken, "second", built(m{"buildArgs": m{"A": "1"}})); err == nil || !strings.Contains(err.Error(), "ImageTagAlreadyExistsException") {
		t.Errorf("another image under the same tag: %v", err)
	}
}
