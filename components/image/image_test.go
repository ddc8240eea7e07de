package image_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/internal/imagehash"
)

const (
	imageType = "docker:index/image:Image"
	repo      = "162808325377.dkr.ecr.us-east-1.amazonaws.com/roman-sit-user-image"
)

var digest = "sha256:" + strings.Repeat("ab", 32)

// write makes files under a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func newRecorder(repoDigest string) *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		imageType: func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"repoDigest": resource.NewStringProperty(repoDigest)}
		},
	}}
}

func outputs(img *image.UserImage) ([]any, error) {
	return recorder.Values(img.Ref, img.Digest, img.Tag, img.RepositoryURL)
}

func TestBuild(t *testing.T) {
	root := write(t, map[string]string{"images/user-image/Dockerfile": "FROM scratch\n", "images/user-image/x": "x"})
	rec := newRecorder(repo + "@" + digest)
	var img *image.UserImage
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		img, err = image.New(ctx, "user-image", &image.Args{
			Name: "user-image", Root: root, Context: "images/user-image/", Target: "final", BuildArgs: map[string]string{"PYTHON": "3.13"},
			RepositoryURL: pulumi.String(repo),
			Credentials: &image.Credentials{
				Server: pulumi.String("162808325377.dkr.ecr.us-east-1.amazonaws.com"), Username: pulumi.String("AWS"), Password: pulumi.String("token"),
			},
		})
		return err
	})
	address, err := imagehash.Compute(t.Context(), imagehash.Input{
		Root: root, Context: "images/user-image", Target: "final", Platforms: []string{"linux/amd64"}, Args: map[string]string{"PYTHON": "3.13"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantTag := address.Tag()
	res := rec.One(t, imageType, "user-image-image")
	want := map[string]any{
		"imageName": repo + ":" + wantTag, "buildOnPreview": false,
		"build": map[string]any{
			"context": "images/user-image", "dockerfile": "images/user-image/Dockerfile", "platform": "linux/amd64", "target": "final",
			"args": map[string]any{"PYTHON": "3.13"}, "builderVersion": "BuilderBuildKit",
		},
		"registry": map[string]any{"server": "162808325377.dkr.ecr.us-east-1.amazonaws.com", "username": "AWS", "password": "token"},
		"skipPush": false,
	}
	got := map[string]any{}
	for key := range want {
		got[key] = res.Input(key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if !res.IsSecret("registry") {
		t.Error("the registry's password is recorded in the clear")
	}
	if strings.Contains(resource.NewObjectProperty(res.Inputs).String(), root) {
		t.Error("the inputs hold a path of this machine")
	}
	if !strings.HasSuffix(res.Parent, image.Type+"::user-image") {
		t.Errorf("parent %q", res.Parent)
	}
	values, err := outputs(img)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{repo + "@" + digest, digest, wantTag, repo}, values); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestPin(t *testing.T) {
	tests := []struct{ name, pin, tag string }{
		{"digest", digest, ""},
		{"tag and digest", "h1-0123456789abcdef@" + digest, "h1-0123456789abcdef"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder("")
			var img *image.UserImage
			rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
				img, err = image.New(ctx, "user-image", &image.Args{Name: "user-image", Context: "is/not/read", RepositoryURL: pulumi.String(repo), Pin: tt.pin})
				return err
			})
			if n := len(rec.OfType(imageType)); n != 0 {
				t.Errorf("%d builds of a pinned image", n)
			}
			values, err := outputs(img)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{repo + "@" + digest, digest, tt.tag, repo}, values); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreviewBuildsNothing(t *testing.T) {
	root := write(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	rec := newRecorder("")
	rec.Outputs, rec.Preview = nil, true
	var img *image.UserImage
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		img, err = image.New(ctx, "user-image", &image.Args{Name: "user-image", Root: root, Context: ".", RepositoryURL: pulumi.String(repo)})
		return err
	})
	got, err := recorder.Await(img.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if got.Known {
		t.Errorf("a digest of %v before anything is built", got.Value)
	}
	if res := rec.One(t, imageType, "user-image-image"); res.Input("build.dockerfile") != "Dockerfile" || res.Input("registry") != nil {
		t.Errorf("inputs %v", res.Inputs)
	}
}

func TestWrongInput(t *testing.T) {
	root := write(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	url := pulumi.String(repo)
	tests := []struct {
		name       string
		args       *image.Args
		repoDigest string
		want       []string
	}{
		{name: "nothing", args: nil, want: []string{"no arguments are given"}},
		{
			name: "all at once", args: &image.Args{Platforms: []string{"linux/arm64", "amd64"}, Dockerfile: "/etc/Dockerfile", Credentials: &image.Credentials{}, Secrets: map[string]pulumi.StringInput{"token": nil}},
			want: []string{
				"name is empty", "no repository is given", "context is empty", `dockerfile "/etc/Dockerfile" is an absolute path`,
				`platform "amd64" is not one platform`, "credentials need a server", `the secret "token" needs an id and a value`,
			},
		},
		{name: "pin", args: &image.Args{Name: "i", RepositoryURL: url, Pin: "latest"}, want: []string{`pin "latest" is not a digest`}},
		{name: "pin without a tag", args: &image.Args{Name: "i", RepositoryURL: url, Pin: "@" + digest}, want: []string{"is not a digest"}},
		{name: "no such context", args: &image.Args{Name: "i", RepositoryURL: url, Root: root, Context: "images/x"}, want: []string{`image "i": images/x: the build context is not there`}},
		{
			name: "not pushed", args: &image.Args{Name: "i", RepositoryURL: url, Root: root, Context: "."}, repoDigest: digest,
			want: []string{"which has no digest"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder(tt.repoDigest)
			err := rec.Run("staging", func(ctx *pulumi.Context) error {
				_, err := image.New(ctx, "user-image", tt.args)
				return err
			})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}
