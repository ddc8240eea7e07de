// Package images says what the images of an environment are made of: which are built of which others, in which order, and the tag that names each one's
// content. It asks neither Docker nor a registry.
package images

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerfile"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/problem"
)

// Image is an image of the configuration.
type Image struct {
	config.Image
	// Pin is the reference that the image is pinned to, <repository>:<tag>@<digest>; empty when it is built here. Of a pinned one nothing else is said.
	Pin string
	// Parents are the images of the configuration that it is built of, by the build argument that takes their references.
	Parents map[string]string
	// Tag is the tag that names its content.
	Tag string
	// Address is the content address that Tag is of.
	Address *imagehash.Address
	// From are the images from elsewhere that it is built of, as its Dockerfile has them, in that order.
	From []string
}

// Dockerfile is the path of an image's Dockerfile in the deployment directory.
func Dockerfile(i *config.Image) string { return path.Join(i.Context, i.Dockerfile) }

// Plan are the images of an environment, each after those that it is built of. What is wrong with them is problem.Problems, all of it at once. cache may
// be nil.
func Plan(ctx context.Context, stack *config.Stack, cache *imagehash.Cache) ([]*Image, error) {
	p := &planner{stack: stack, images: map[string]*Image{}, files: map[string][]*dockerfile.File{}}
	for i := range stack.Images {
		p.read(&stack.Images[i])
	}
	if len(p.problems) > 0 {
		return nil, p.problems.Err()
	}
	links, err := dockerfile.Link(p.nodes, dockerfile.ByName(p.nodes))
	if err != nil {
		return nil, err
	}
	var out []*Image
	for _, name := range links.Order {
		img := p.images[name]
		if img.Pin == "" {
			p.address(ctx, img, cache)
		}
		out = append(out, img)
	}
	return out, p.problems.Err()
}

type planner struct {
	stack    *config.Stack
	images   map[string]*Image
	files    map[string][]*dockerfile.File // once for each platform, since FROM may go by that
	nodes    []dockerfile.Image
	problems problem.Problems
}

// read reads an image's Dockerfile, unless it is pinned.
func (p *planner) read(c *config.Image) {
	img := &Image{Image: *c, Pin: p.stack.Pins.Images[c.Name], Parents: map[string]string{}}
	p.images[c.Name] = img
	node := dockerfile.Image{Name: c.Name, Dockerfile: Dockerfile(c)}
	if img.Pin == "" {
		text, err := p.stack.Files().ReadFile(node.Dockerfile, 0)
		if err != nil {
			p.add(img, err)
			return
		}
		for _, platform := range c.BuildPlatforms() {
			file, err := dockerfile.Parse(node.Dockerfile, text, dockerfile.Options{Target: c.Target, Platform: platform, Args: c.Args})
			if err != nil {
				p.add(img, err)
				return
			}
			p.files[c.Name] = append(p.files[c.Name], file)
			for _, ref := range file.References() {
				if !slices.Contains(node.References, ref) {
					node.References = append(node.References, ref)
				}
			}
		}
	}
	p.nodes = append(p.nodes, node)
}

// address finds the arguments that take the references of the images that one is built of, and its content address, in which those count by theirs.
func (p *planner) address(ctx context.Context, img *Image, cache *imagehash.Cache) {
	ours := dockerfile.ByName(p.nodes)
	args, bases := maps.Clone(img.Args), map[string]string{}
	for _, file := range p.files[img.Name] {
		for _, ref := range file.References() {
			name, is := ours(ref.Image)
			if !is {
				if !slices.Contains(img.From, ref.Image) { // of another platform
					img.From = append(img.From, ref.Image)
				}
				continue
			}
			arg := file.Argument(ref.Image)
			if arg == "" {
				wrong := problem.Problem{
					File: file.Name, Line: ref.Line, Message: fmt.Sprintf("%s %s names an image of this deployment, whose place in the registry is known only when it is deployed", ref.Instruction, ref.Image),
					Hint: fmt.Sprintf("take it as an argument: ARG BASE_IMAGE=%s before the first FROM, then FROM ${BASE_IMAGE}", name),
				}
				if !slices.Contains(p.problems, wrong) { // of another platform
					p.problems = append(p.problems, wrong)
				}
				continue
			}
			img.Parents[arg], bases[ref.Image] = name, p.images[name].identity()
			delete(args, arg) // what it says, the base does
		}
	}
	address, err := imagehash.Compute(ctx, imagehash.Input{
		Root: p.stack.Dir, Context: img.Context, Dockerfile: Dockerfile(&img.Image), Target: img.Target, Platforms: img.BuildPlatforms(), Args: args, Bases: bases,
		Secrets: img.SecretIDs(),
	}, cache)
	if err != nil {
		p.add(img, err)
		return
	}
	img.Address, img.Tag = address, address.Tag()
}

// identity is what an image is to those that are built of it.
func (i *Image) identity() string {
	if i.Pin != "" {
		_, digest, _ := strings.Cut(i.Pin, "@")
		return digest
	}
	return i.Tag
}

// add adds what is wrong with an image.
func (p *planner) add(img *Image, err error) {
	var found problem.Problems
	if !errors.As(err, &found) {
		found = problem.Problems{{File: Dockerfile(&img.Image), Message: err.Error()}}
	}
	p.problems = append(p.problems, found...)
}
