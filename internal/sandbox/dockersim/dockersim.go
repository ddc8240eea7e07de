// Package dockersim stands in for the Pulumi Docker provider's image resource: nothing is built, but the build's files are read, the
// registry is asked, and the image gets a digest that is decided by its content. It follows pulumi-docker 4.10.0
// (https://www.pulumi.com/registry/packages/docker/api-docs/image/).
package dockersim

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Version is the plugin version that it stands in for.
const Version = "4.10.0"

const imageToken = "docker:index/image:Image"

// foreignKind are images pushed to registries other than the simulated ones, by reference.
const foreignKind = "docker:image"

// buildTakes is how long building and pushing a user image of some gigabytes takes: an estimate.
const buildTakes = 4 * time.Minute

// note is an output that says what did not happen.
const note = "simulated: nothing was built or pushed"

// Options say where the build's files are.
type Options struct {
	// Root is the program's folder, which contexts and Dockerfiles are relative to.
	Root string
}

// New returns the provider over a world.
func New(w *world.World, opts Options) *provider.Provider {
	d := &docker{world: w, root: opts.Root}
	return &provider.Provider{
		Package: "docker", Version: Version, World: w, Functions: map[string]provider.Function{},
		Kinds: map[string]*provider.Kind{imageToken: {
			Name: "imageName",
			// A token for the registry is a new one each time.
			Ignore: []string{"registry.password", "registry.username"},
			Steps:  &provider.Steps{Check: d.check, Create: d.create, Read: d.read, Update: d.update, Delete: d.remove, Preview: preview},
		}},
	}
}

type docker struct {
	world *world.World
	root  string
}

// check looks for the build's files and adds their digest, which is how the provider sees that a context has changed.
func (d *docker) check(c *provider.Call, _, news resource.PropertyMap) (resource.PropertyMap, []string) {
	news = news.Copy()
	var problems []string
	if image, ok := c.In["imageName"].(string); ok {
		if _, err := parseReference(image); err != nil {
			problems = append(problems, "imageName: "+err.Error())
		}
	} else if !news["imageName"].IsComputed() && !news["imageName"].IsOutput() {
		problems = append(problems, "imageName: missing required property")
	}
	if registry := news["registry"]; registry.IsObject() {
		r := registry.ObjectValue().Copy()
		if p, ok := r["password"]; ok && !p.IsSecret() && !p.IsOutput() {
			r["password"] = resource.MakeSecret(p)
		}
		news["registry"] = resource.NewProperty(r)
	}
	build, ok := c.In["build"].(map[string]any)
	if !ok || news["build"].ContainsUnknowns() {
		return news, problems
	}
	digest, err := buildOf(build).digest(d.root)
	if err != nil {
		return news, append(problems, "build: "+err.Error())
	}
	if b := news["build"]; b.IsObject() {
		shown := b.ObjectValue().Copy()
		shown["contextDigest"] = resource.NewProperty(digest)
		news["build"] = resource.NewProperty(shown)
	}
	return news, problems
}

// preview: the digest in the registry is not known before the push.
func preview(promised resource.PropertyMap) resource.PropertyMap {
	out := promised.Copy()
	out["repoDigest"] = resource.MakeComputed(resource.NewProperty(""))
	return out
}

func (d *docker) create(ctx context.Context, c *provider.Call, _ resource.PropertyMap) (string, resource.PropertyMap, error) {
	out, err := d.build(ctx, c)
	return kubeapi.Text(c.In, "imageName"), out, err
}

func (d *docker) update(ctx context.Context, c *provider.Call, _ resource.PropertyMap) (resource.PropertyMap, error) {
	return d.build(ctx, c)
}

// build pretends to build and push, and keeps what came of it.
func (d *docker) build(ctx context.Context, c *provider.Call) (resource.PropertyMap, error) {
	ref, err := parseReference(kubeapi.Text(c.In, "imageName"))
	if err != nil {
		return nil, err
	}
	build := buildOf(kubeapi.Map(c.In, "build"))
	content, err := build.digest(d.root)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if err := d.world.Clock.Sleep(ctx, buildTakes); err != nil {
		return nil, err
	}
	digest := imageDigest(ref.tag, content)
	server := kubeapi.Text(c.In, "registry", "server")
	if server == "" {
		server = ref.host
	}
	out := map[string]any{
		"baseImageName": ref.String(), "imageName": ref.String(), "registryServer": server,
		"context": build.context, "dockerfile": build.dockerfile, "sandboxBuild": note,
	}
	if build.platform != "" {
		out["platform"] = build.platform
	}
	skip, _ := c.In["skipPush"].(bool)
	err = d.world.Update(func(tx *world.Tx) error {
		out["repoDigest"] = digest // of an image that is not pushed, its id
		if !skip {
			if err := push(tx, ref, digest, kubeapi.Map(c.In, "registry")); err != nil {
				return err
			}
			out["repoDigest"] = ref.name + "@" + digest
		}
		return tx.Put(&world.Object{Kind: imageToken, ID: ref.String(), Props: out, Created: tx.Now(), Ready: tx.Now()})
	})
	return resource.NewPropertyMapFromMap(out), err
}

// read returns what was kept. The real provider asks nobody either.
func (d *docker) read(_ context.Context, c *provider.Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error) {
	err = d.world.View(func(tx *world.Tx) error {
		if o := tx.Get(imageToken, c.ID); o != nil {
			out = resource.NewPropertyMapFromMap(o.Props)
		}
		return nil
	})
	return out, in, err
}

// remove forgets the resource. What was pushed stays in the registry, as with the real provider.
func (d *docker) remove(_ context.Context, c *provider.Call) error {
	return d.world.Update(func(tx *world.Tx) error { return tx.Delete(imageToken, c.ID) })
}
