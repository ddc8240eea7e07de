package stacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
)

// nothing registers nothing.
type nothing struct{}

func (nothing) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return args.Name, args.Inputs, nil
}
func (nothing) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func TestBuildSecrets(t *testing.T) {
	t.Setenv("HUBWRIGHT_TEST_TOKEN", "from-a-variable")
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for name, text := range map[string]string{"netrc": "from-a-file", "binary": "\xff", "empty": "", "large": strings.Repeat("x", maxBuildSecret+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := []config.BuildSecret{{ID: "env", Env: "HUBWRIGHT_TEST_TOKEN"}, {ID: "file", File: "~/netrc"}, {ID: "own"}}
	for name, tt := range map[string]struct {
		secrets               []config.BuildSecret
		preview, built, trial bool
		want                  map[string]pulumi.StringInput
		wrong                 []string
	}{
		"all there": {secrets: all, want: map[string]pulumi.StringInput{
			"env": pulumi.String("from-a-variable"), "file": pulumi.String("from-a-file"), "own": pulumi.String("from-the-stack"),
		}},
		"missing": {secrets: []config.BuildSecret{{ID: "a", Env: "HUBWRIGHT_TEST_NONE"}, {ID: "b", File: "~/none"}, {ID: "c"}}, wrong: []string{
			"image i has to be built", "secret a: the environment variable HUBWRIGHT_TEST_NONE is not set", "secret b: open " + dir + "/none",
			"secret c: hubwright:buildSecrets has none of that id: pulumi config set --secret --path 'hubwright:buildSecrets.c'",
		}},
		"of no use": {secrets: []config.BuildSecret{{ID: "a", File: "~/binary"}, {ID: "b", File: "~/empty"}, {ID: "c", File: "~/large"}}, wrong: []string{
			"secret a: it is not UTF-8 text", "secret b: " + dir + "/empty is empty", "secret c: it is 512001 bytes long",
		}},
		"missing in a preview":     {secrets: []config.BuildSecret{{ID: "c"}}, preview: true, want: map[string]pulumi.StringInput{"c": pulumi.String("")}},
		"missing of what is built": {secrets: []config.BuildSecret{{ID: "c"}}, built: true, want: map[string]pulumi.StringInput{"c": pulumi.String("")}},
		"missing in the sandbox":   {secrets: []config.BuildSecret{{ID: "c"}}, trial: true, want: map[string]pulumi.StringInput{"c": pulumi.String("sandbox")}},
	} {
		t.Run(name, func(t *testing.T) {
			var got map[string]pulumi.StringInput
			err := pulumi.RunErr(func(ctx *pulumi.Context) (err error) {
				d := &deployment{ctx: ctx, opts: Options{Sandbox: tt.trial}}
				got, err = d.buildSecrets(&images.Image{Image: config.Image{Name: "i", Secrets: tt.secrets}}, tt.built)
				return err
			}, pulumi.WithMocks("hubwright", "staging", nothing{}), func(info *pulumi.RunInfo) {
				info.DryRun, info.Config = tt.preview, map[string]string{"hubwright:buildSecrets": `{"own": "from-the-stack"}`}
			})
			if (err != nil) != (len(tt.wrong) > 0) {
				t.Fatalf("error %v", err)
			}
			for _, wrong := range tt.wrong {
				if !strings.Contains(err.Error(), wrong) {
					t.Errorf("error %v\nlacks %s", err, wrong)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCache(t *testing.T) {
	outputs := map[string]any{
		"builds": map[string]any{"i": "h1-a", "old": "h1-a"}, "buildCaches": map[string]any{"i": []any{"repo@sha256:0"}},
		"images": map[string]any{"i": "repo@sha256:1", "old": "elsewhere@sha256:1"}, "repositoryUrls": map[string]any{"i": "repo", "old": "repo"},
	}
	for name, tt := range map[string]struct {
		image images.Image
		want  *image.Cache
	}{
		"the same tag keeps what it had":           {images.Image{Image: config.Image{Name: "i", CacheFrom: []string{"x"}}, Tag: "h1-a"}, &image.Cache{From: []string{"repo@sha256:0"}}},
		"the same tag of before there were caches": {images.Image{Image: config.Image{Name: "old"}, Tag: "h1-a"}, nil},
		"another tag":                     {images.Image{Image: config.Image{Name: "i"}, Tag: "h1-b"}, &image.Cache{From: []string{"repo@sha256:1"}}},
		"another tag, pinned before":      {images.Image{Image: config.Image{Name: "old"}, Tag: "h1-b"}, &image.Cache{}},
		"another tag with a cache named":  {images.Image{Image: config.Image{Name: "i", CacheFrom: []string{"x"}}, Tag: "h1-b"}, &image.Cache{From: []string{"x"}}},
		"another tag with no cache named": {images.Image{Image: config.Image{Name: "i", CacheFrom: []string{}}, Tag: "h1-b"}, &image.Cache{From: []string{}}},
		"the first build":                 {images.Image{Image: config.Image{Name: "new"}, Tag: "h1-b"}, &image.Cache{}},
	} {
		d := &deployment{outputs: outputs}
		if diff := cmp.Diff(tt.want, d.cache(&tt.image)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
