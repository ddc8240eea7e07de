package image_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/internal/imagehash"
)

const buildxType = "docker-build:index:Image"

// planted is a secret that may be found nowhere in the clear.
const planted = "hunter2-planted"

func buildxRecorder(digest string) *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		buildxType: func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"digest": resource.NewProperty(digest)}
		},
	}}
}

// An image with secrets and for several platforms is built by the provider that knows both.
func TestBuildWithSecretsForSeveralPlatforms(t *testing.T) {
	root := write(t, map[string]string{"images/user-image/Dockerfile": "FROM scratch\n"})
	rec := buildxRecorder(digest)
	var img *image.UserImage
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		img, err = image.New(ctx, "user-image", &image.Args{
			Name: "user-image", Root: root, Context: "images/user-image/", Target: "final", BuildArgs: map[string]string{"PYTHON": "3.13"},
			Platforms: []string{"linux/arm64", "linux/amd64"}, Secrets: map[string]pulumi.StringInput{"pip": pulumi.String(planted), "netrc": pulumi.String(planted + "2")},
			Cache: &image.Cache{From: []string{repo + "@" + digest}}, RepositoryURL: pulumi.String(repo),
			Credentials: &image.Credentials{
				Server: pulumi.String("162808325377.dkr.ecr.us-east-1.amazonaws.com"), Username: pulumi.String("AWS"), Password: pulumi.String("token"),
			},
		})
		return err
	})
	address, err := imagehash.Compute(t.Context(), imagehash.Input{
		Root: root, Context: "images/user-image", Target: "final", Platforms: []string{"linux/amd64", "linux/arm64"}, Args: map[string]string{"PYTHON": "3.13"},
		Secrets: []string{"netrc", "pip"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	res := rec.One(t, buildxType, "user-image-image")
	want := map[string]any{
		"context": map[string]any{"location": "images/user-image"}, "dockerfile": map[string]any{"location": "images/user-image/Dockerfile"},
		"target": "final", "buildArgs": map[string]any{"PYTHON": "3.13"}, "platforms": []any{"linux/amd64", "linux/arm64"},
		"secrets": map[string]any{"pip": planted, "netrc": planted + "2"}, "ignoreSecretsInDiffCalculation": []any{"netrc", "pip"},
		"tags": []any{repo + ":" + address.Tag()}, "push": true, "buildOnPreview": false,
		"cacheFrom":  []any{map[string]any{"registry": map[string]any{"ref": repo + "@" + digest}}},
		"registries": []any{map[string]any{"address": "162808325377.dkr.ecr.us-east-1.amazonaws.com", "username": "AWS", "password": "token"}},
	}
	got := map[string]any{}
	for key := range want {
		got[key] = res.Input(key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if inline, is := res.Input("cacheTo").([]any); !is || len(inline) != 1 {
		t.Errorf("cacheTo %v", res.Input("cacheTo"))
	}
	for _, key := range []resource.PropertyKey{"secrets", "registries"} {
		if !res.IsSecret(key) {
			t.Errorf("%s is recorded in the clear", key)
		}
	}
	for key, value := range res.Inputs {
		if text := value.String(); key != "secrets" && (strings.Contains(text, planted) || strings.Contains(text, root)) {
			t.Errorf("%s holds a secret or a path of this machine: %s", key, text)
		}
	}
	values, err := outputs(img)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{repo + "@" + digest, digest, address.Tag(), repo}, values); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

// One platform and no secrets stay with the Docker provider, whose builds are in people's stacks.
func TestWhichBuilder(t *testing.T) {
	root := write(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	for name, tt := range map[string]struct {
		args image.Args
		want string
	}{
		"nothing":           {image.Args{}, imageType},
		"one platform":      {image.Args{Platforms: []string{"linux/arm64"}}, imageType},
		"cache":             {image.Args{Cache: &image.Cache{From: []string{repo + ":old"}}}, imageType},
		"several platforms": {image.Args{Platforms: []string{"linux/arm64", "linux/amd64"}}, buildxType},
		"secrets":           {image.Args{Secrets: map[string]pulumi.StringInput{"pip": pulumi.String(planted)}}, buildxType},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(repo + "@" + digest)
			rec.Preview = true
			rec.MustRun(t, func(ctx *pulumi.Context) error {
				args := tt.args
				args.Name, args.Root, args.Context, args.RepositoryURL = "i", root, ".", pulumi.String(repo)
				_, err := image.New(ctx, "i", &args)
				return err
			})
			rec.One(t, tt.want, "i-image")
			if other := map[string]string{imageType: buildxType, buildxType: imageType}[tt.want]; len(rec.OfType(other)) > 0 {
				t.Errorf("built by %s too", other)
			}
		})
	}
}

// The secrets' values are no part of the tag, their ids are.
func TestSecretsInTheTag(t *testing.T) {
	root := write(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	tag := func(secrets map[string]pulumi.StringInput) string {
		args := image.Args{Name: "i", Root: root, Context: ".", Secrets: secrets}
		tag, err := args.ContentTag(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tag
	}
	one := tag(map[string]pulumi.StringInput{"pip": pulumi.String("a")})
	if other := tag(map[string]pulumi.StringInput{"pip": pulumi.String("b")}); one != other {
		t.Errorf("another value makes another tag: %s, %s", one, other)
	}
	if other := tag(map[string]pulumi.StringInput{"netrc": pulumi.String("a")}); one == other {
		t.Errorf("another id makes no other tag: %s", one)
	}
}

func TestCacheOfTheDockerProvider(t *testing.T) {
	root := write(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	for name, tt := range map[string]struct {
		cache      *image.Cache
		args, from any
	}{
		"as it was": {nil, nil, nil},
		"empty":     {&image.Cache{}, map[string]any{"BUILDKIT_INLINE_CACHE": "1"}, nil},
		"an image":  {&image.Cache{From: []string{repo + "@" + digest}}, map[string]any{"BUILDKIT_INLINE_CACHE": "1"}, map[string]any{"images": []any{repo + "@" + digest}}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(repo + "@" + digest)
			rec.MustRun(t, func(ctx *pulumi.Context) error {
				_, err := image.New(ctx, "i", &image.Args{Name: "i", Root: root, Context: ".", RepositoryURL: pulumi.String(repo), Cache: tt.cache})
				return err
			})
			res := rec.One(t, imageType, "i-image")
			if diff := cmp.Diff([]any{tt.args, tt.from}, []any{res.Input("build.args"), res.Input("build.cacheFrom")}); diff != "" {
				t.Errorf("arguments and cache (-want +got):\n%s", diff)
			}
		})
	}
}
