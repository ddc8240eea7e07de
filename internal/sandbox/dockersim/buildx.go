package dockersim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// BuildxVersion is the version of the docker-build plugin that NewBuildx stands in for.
const BuildxVersion = "0.0.22"

const buildxToken = "docker-build:index:Image"

// NewBuildx returns a stand-in for the Pulumi docker-build provider's image resource over a world. Inputs, outputs, what is a difference and what deleting
// and reading do follow its version 0.0.22: https://github.com/pulumi/pulumi-docker-build/blob/v0.0.22/provider/internal/image.go
func NewBuildx(w *world.World, opts Options) *provider.Provider {
	b := &buildx{docker{world: w, root: opts.Root}}
	return &provider.Provider{
		Package: "docker-build", Version: BuildxVersion, World: w, Functions: map[string]provider.Function{},
		Kinds: map[string]*provider.Kind{buildxToken: {Steps: &provider.Steps{
			Check: b.check, Diff: b.diff, Create: b.create, Read: b.read, Update: b.update, Delete: b.remove, Preview: b.preview,
		}}},
	}
}

type buildx struct{ docker }

// buildxInputs are the inputs of the real one.
var buildxInputs = []string{
	"addHosts", "buildArgs", "buildOnPreview", "builder", "cacheFrom", "cacheTo", "context", "dockerfile", "exports", "labels", "load", "network", "noCache",
	"platforms", "pull", "push", "registries", "secrets", "ignoreSecretsInDiffCalculation", "ssh", "tags", "target", "exec",
}

// A platform as containerd reads it: https://github.com/containerd/platforms/blob/main/platforms.go
var platformForm = lazyregexp.New(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){1,2}$`)

// check looks for the build's files, and makes the secrets ones.
func (b *buildx) check(c *provider.Call, _, news resource.PropertyMap) (resource.PropertyMap, []string) {
	news = news.Copy()
	var problems []string
	for key := range news {
		if name := string(key); !strings.HasPrefix(name, "__") && !slices.Contains(buildxInputs, name) {
			problems = append(problems, name+": is not a known property")
		}
	}
	if _, given := news["push"]; !given {
		problems = append(problems, "push: missing required property")
	}
	if _, given := news["network"]; !given {
		news["network"] = resource.NewProperty("default")
	}
	if v, given := news["secrets"]; given && !v.IsSecret() {
		news["secrets"] = resource.MakeSecret(v)
	}
	tags := texts(c.In["tags"])
	for i, tag := range tags {
		if _, err := parseReference(tag); err != nil {
			problems = append(problems, fmt.Sprintf("tags[%d]: %v", i, err))
		}
	}
	if push, _ := c.In["push"].(bool); push && len(tags) == 0 && !news["tags"].ContainsUnknowns() {
		problems = append(problems, "push: at least one tag or export name is needed when pushing to a registry")
	}
	for i, platform := range texts(c.In["platforms"]) {
		if !platformForm.MatchString(platform) {
			problems = append(problems, fmt.Sprintf("platforms[%d]: %q: unknown operating system or architecture: invalid argument", i, platform))
		}
	}
	if !news["context"].ContainsUnknowns() && !news["dockerfile"].ContainsUnknowns() {
		if _, err := buildxOf(c.In).digest(b.root); err != nil {
			problems = append(problems, "context: "+err.Error())
		}
	}
	return news, problems
}

// buildxOf is what decides an image's content: no secret is part of it, nor where layers are taken from.
func buildxOf(in map[string]any) build {
	return buildOf(map[string]any{
		"context": kubeapi.Text(in, "context", "location"), "dockerfile": kubeapi.Text(in, "dockerfile", "location"), "target": kubeapi.Text(in, "target"),
		"platform": strings.Join(texts(in["platforms"]), ","), "args": kubeapi.Map(in, "buildArgs"),
	})
}

// texts are the texts of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, is := e.(string); is {
			out = append(out, s)
		}
	}
	return out
}

// diff is the base's, but for the secrets that are not to be compared, the registries' passwords, and the files of the build, which count.
func (b *buildx) diff(c *provider.Call, olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse {
	k := &provider.Kind{}
	before, now := provider.Plain(olds), c.In
	secretsBefore, secretsNow := kubeapi.Map(before, "secrets"), kubeapi.Map(now, "secrets")
	for _, id := range texts(now["ignoreSecretsInDiffCalculation"]) {
		if secretsBefore[id] != nil && secretsNow[id] != nil {
			k.Ignore = append(k.Ignore, "secrets."+id)
		}
	}
	k.Ignore = append(k.Ignore, "ignoreSecretsInDiffCalculation")
	registries, _ := now["registries"].([]any)
	for i := range registries {
		k.Ignore = append(k.Ignore, fmt.Sprintf("registries[%d].password", i))
	}
	res := k.Differences(olds, news, ignore)
	hash, err := buildxOf(now).digest(b.root)
	_ = b.world.View(func(tx *world.Tx) error {
		if o := tx.Get(buildxToken, c.URN); err == nil && o != nil && o.String("contextHash") != hash {
			res.Changes, res.Diffs = rpc.DiffResponse_DIFF_SOME, append(res.Diffs, "contextHash")
			res.DetailedDiff["contextHash"] = &rpc.PropertyDiff{Kind: rpc.PropertyDiff_UPDATE}
		}
		return nil
	})
	return res
}

// preview: what a build gives is not known before.
func (*buildx) preview(promised resource.PropertyMap) resource.PropertyMap {
	out := promised.Copy()
	for _, key := range []resource.PropertyKey{"digest", "ref", "contextHash"} {
		out[key] = resource.MakeComputed(resource.NewProperty(""))
	}
	return out
}

func (b *buildx) create(ctx context.Context, c *provider.Call, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	out, err := b.update(ctx, c, in)
	if err != nil {
		return "", nil, err
	}
	id := c.Name // of an image that is not pushed
	if out["digest"].StringValue() != "" {
		id = out["digest"].StringValue()
	}
	return id, out, nil
}

// update pretends to build and push. What came of it is kept under the resource's URN, since the id is the digest, which other images may have too.
func (b *buildx) update(ctx context.Context, c *provider.Call, in resource.PropertyMap) (resource.PropertyMap, error) {
	content, err := buildxOf(c.In).digest(b.root)
	if err != nil {
		return nil, err
	}
	if err := b.world.Clock.Sleep(ctx, buildTakes); err != nil {
		return nil, err
	}
	made := map[string]any{"contextHash": content, "digest": "", "ref": ""}
	err = b.world.Update(func(tx *world.Tx) error {
		tags, pushes := texts(c.In["tags"]), c.In["push"] == true
		for i, tag := range tags {
			ref, err := parseReference(tag)
			if err != nil {
				return err
			}
			if i == 0 {
				made["ref"] = tag
			}
			if !pushes {
				continue
			}
			digest := imageDigest(ref.tag, content)
			if err := push(tx, ref, digest, credentials(c.In, ref.host)); err != nil {
				return err
			}
			if i == 0 {
				made["digest"], made["ref"] = digest, ref.String()+"@"+digest
			}
		}
		return tx.Put(&world.Object{Kind: buildxToken, ID: c.URN, Props: maps.Clone(made), Created: tx.Now(), Ready: tx.Now()})
	})
	return outputs(in, made), err
}

// outputs are all properties: the inputs, and what came of the build.
func outputs(in resource.PropertyMap, made map[string]any) resource.PropertyMap {
	out := in.Copy()
	maps.Copy(out, resource.NewPropertyMapFromMap(made))
	return out
}

// credentials are those for a registry's host, as push takes them.
func credentials(in map[string]any, host string) map[string]any {
	registries, _ := in["registries"].([]any)
	for _, r := range registries {
		registry, _ := r.(map[string]any)
		if strings.TrimSuffix(strings.TrimPrefix(kubeapi.Text(registry, "address"), "https://"), "/") == host {
			return registry
		}
	}
	return nil
}

// read asks the registry, as the real provider does: a pushed image that is gone from there is gone.
func (b *buildx) read(_ context.Context, c *provider.Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error) {
	err = b.world.View(func(tx *world.Tx) error {
		o := tx.Get(buildxToken, c.URN)
		if o == nil || o.String("digest") != "" && pushed(tx, o) == nil {
			return nil
		}
		out = outputs(in, o.Props)
		return nil
	})
	return out, in, err
}

// pushed is an image as its registry has it; nil when it is gone.
func pushed(tx *world.Tx, o *world.Object) *world.Object {
	tag, digest, _ := strings.Cut(o.String("ref"), "@")
	for _, kind := range []string{awssim.ImageKind, foreignKind} {
		if found := tx.Get(kind, tag); found != nil && found.String("digest") == digest {
			return found
		}
	}
	return nil
}

// remove takes the image out of its registry, too.
func (b *buildx) remove(_ context.Context, c *provider.Call) error {
	return b.world.Update(func(tx *world.Tx) error {
		o := tx.Get(buildxToken, c.URN)
		if o == nil {
			return nil
		}
		if image := pushed(tx, o); image != nil {
			if err := tx.Delete(image.Kind, image.ID); err != nil {
				return err
			}
		}
		return tx.Delete(buildxToken, c.URN)
	})
}
