package hubploy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/values"
)

// Image is an image that hubploy.yaml names, and that the script gives to Helm on its command line, above all files.
type Image struct {
	// Name is the image's name here: that of its folder, without registry and deployment.
	Name string
	// Repository is the name that hubploy.yaml gives it, with the registry, and Tag its tag there; "" when it has none.
	Repository, Tag string
	// Folder is the folder of the checkout that it is built of; "" when there is none with a Dockerfile.
	Folder string
	// Path is where the values take its name and tag, as --set-string has it.
	Path string
	// File and Line are where hubploy.yaml names it.
	File string
	Line int
}

// at is where hubploy.yaml names the image.
func (i *Image) at() string { return fmt.Sprintf("%s:%d", i.File, i.Line) }

// tag is the tag that the script gives to Helm: tools/deploy-jupyterhub of https://github.com/spacetelescope/jupyterhub-deploy
func (i *Image) tag(env string) string { return cmp.Or(i.Tag, movingTag+env) }

// moves says that the tag is one that each push takes along.
func (i *Image) moves() bool { return i.Tag == "" }

// inList says whether the image goes into a list of the values.
func (i *Image) inList() bool { return strings.Contains(i.Path, "[") }

// movingTag begins the tag that the script gives to Helm; the environment's name ends it.
const movingTag = "latest-"

// sets are what the script gives to Helm on its command line.
func (s *Source) sets(env string) (out []values.Set) {
	for i := range s.Images {
		img := &s.Images[i]
		for _, part := range []struct{ key, value string }{{"name", img.Repository}, {"tag", img.tag(env)}} {
			out = append(out, values.Set{Kind: values.SetString, Text: img.Path + "." + part.key + "=" + part.value, File: img.File, Line: img.Line})
		}
	}
	return out
}

// defaultPath is where hubploy puts an image into the values, and imageFolder where it builds it, unless told otherwise.
const (
	defaultPath = "jupyterhub.singleuser.image"
	imageFolder = "image"
)

var (
	imageForm = lazyregexp.New(`[^a-z0-9-]+`)
	pathForm  = lazyregexp.New(`^[A-Za-z0-9_-]+(\[\d{1,4}\])?(\.[A-Za-z0-9_-]+(\[\d{1,4}\])?)*$`)
	refForm   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
	ecrForm   = lazyregexp.New(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)$`)
)

// hubployImages takes the images of hubploy.yaml in both of its forms. The old one counts when both are there, as in hubploy.
func (s *Source) hubployImages(file string, h *hubployYAML) (found problem.Problems) {
	images := h.Images.Images
	if h.Images.Name.Text != "" {
		if len(images) > 0 {
			s.note(Left, file, "line %d: images.images is not read, because images.image_name (line %d) is there: hubploy takes that one, and no other", images[0].Name.Line, h.Images.Name.Line)
		}
		images = []hubployImage{{Name: h.Images.Name, Sub: h.Images.Sub}}
	}
	taken := map[string]bool{}
	for n, i := range images {
		if i.Name.Text == "" {
			found = append(found, problem.Problem{File: file, Line: i.Name.Line, Path: fmt.Sprintf("images.images[%d].name", n), Message: "is missing", Hint: "name the image, with its registry"})
			continue
		}
		sub := cmp.Or(i.Sub.Text, defaultPath)
		if !refForm.MatchString(i.Name.Text) {
			found = append(found, problem.Problem{File: file, Line: i.Name.Line, Path: "images", Message: fmt.Sprintf("%.80q is not the name of an image", i.Name.Text), Hint: "write it as REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG"})
			continue
		}
		if !pathForm.MatchString(sub) {
			found = append(found, problem.Problem{File: file, Line: i.Sub.Line, Path: "images", Message: fmt.Sprintf("%.80q is not a path into the values", sub), Hint: "such as " + defaultPath})
			continue
		}
		img := Image{Name: s.imageName(i.Name.Text, taken), Path: sub, File: file, Line: i.Name.Line}
		img.Repository, img.Tag = splitTag(i.Name.Text)
		folder := path.Join(path.Dir(file), cmp.Or(i.Path, imageFolder))
		if i.Path == "" && len(images) > 1 {
			folder = "" // hubploy wants a path for each in a list of images that it builds
		}
		switch {
		case folder == "":
		case s.has(path.Join(folder, "Dockerfile")):
			img.Folder = folder
		case s.isFolder(folder):
			s.unbuilt = append(s.unbuilt, folder)
			s.note(Left, folder, "has no Dockerfile: hubploy builds it with repo2docker, which hubwright does not; `repo2docker --no-build --debug` prints a Dockerfile to begin with")
		}
		s.Images = append(s.Images, img)
	}
	return found
}

// splitTag takes a name apart at its tag. A registry's port is none.
func splitTag(name string) (repository, tag string) {
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		return name[:at], name[at+1:]
	}
	return name, ""
}

// imageName is an image's name without its registry, its tag and the deployment's prefix; one that is taken gets a number.
func (s *Source) imageName(name string, taken map[string]bool) string {
	name, _ = splitTag(name)
	name = path.Base(name)
	for _, prefix := range []string{s.Settings.Cluster, s.Name} {
		if rest, ok := strings.CutPrefix(name, prefix+"-"); ok && prefix != "" {
			name = rest
			break
		}
	}
	name = cmp.Or(strings.Trim(imageForm.ReplaceAllString(strings.ToLower(name), "-"), "-"), "user-image")
	for base, n := name, 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	taken[name] = true
	return name
}

// imageLayer is the layer that names the images that are not built here, as the script's command line did.
const imageLayer = hubFolder + "/image-${env}.yaml"

// images carries the folders of images over. The hub takes one that is built here; the layer above all others names the rest.
func (p *planner) images() error {
	hub := p.hubImage()
	var named []*Image
	for i := range p.Images {
		img := &p.Images[i]
		to := "images/" + img.Name
		if img.Folder != "" {
			if err := p.copyFolder(img.Folder, to); err != nil {
				return err
			}
			p.note(Carried, img.Folder, "%s", to)
		}
		switch {
		case img == hub:
			p.hub.Image = img.Name
			p.built = append(p.built, scaffold.Image{Name: img.Name, Context: to, ValuesPaths: []string{img.Path}})
			p.builtNotes(img)
			continue
		case img.Folder != "" && hub != nil: // without one, a hub takes the first of images
			p.built = append(p.built, scaffold.Image{Name: img.Name, Context: to})
		}
		if img.inList() {
			p.note(Left, img.at()+": image", "%s with tag %s was put into a list, %s, and a layer can only replace a list as a whole: write it there, in the file that has the list", img.Repository, img.tagShown(), img.Path)
			continue
		}
		p.namedNotes(img, hub)
		named = append(named, img)
	}
	p.bases()
	if len(named) == 0 {
		return nil
	}
	for _, env := range p.Environments {
		text, err := namesOf(named, env)
		if err != nil {
			return err
		}
		p.plan.Texts[strings.ReplaceAll(imageLayer, "${env}", env)] = text
	}
	p.hub.Values = append(p.hub.Values, scaffold.File{File: imageLayer})
	return nil
}

// hubImage is the image that is built here and that hubwright puts into the hub's values, which takes one: that of the users' servers before others. nil
// when none is built, or its values are none of the JupyterHub chart's.
func (p *planner) hubImage() (hub *Image) {
	for i := range p.Images {
		img := &p.Images[i]
		if img.Folder == "" || !strings.HasPrefix(img.Path, chartKey+".") || img.inList() {
			continue
		}
		if hub == nil || hub.Path != defaultPath && img.Path == defaultPath {
			hub = img
		}
	}
	return hub
}

// builtNotes tell of an image that hubwright builds and puts into the hub.
func (p *planner) builtNotes(img *Image) {
	p.note(Changed, img.at()+": image", "the script put %s with tag %s at %s. hubwright builds the image of images/%s, pushes it to the environment's own repository, %s-<env>-%s, "+
		"and puts that name with its digest there, so that what was tested is what runs", img.Repository, img.tagShown(), img.Path, img.Name, p.Name, img.Name)
	pinned, env := img.Repository+"@sha256:…", p.Environments[0]
	p.note(Left, img.at()+": tag", "%s. To run what runs now, until an image is built here, write hubwright:pins: {images: {%s: %s}} into Pulumi.%s.yaml, and so for each environment; %s prints the digest",
		img.tagMeans(), img.Name, pinned, env, img.digestBy(env))
}

// namedNotes tell of an image that the values name. hub is the one that hubwright puts into the hub, if any.
func (p *planner) namedNotes(img, hub *Image) {
	why := "nothing is built here, because there is no folder with a Dockerfile for it"
	switch {
	case img.Folder != "" && hub != nil:
		why = fmt.Sprintf("images/%s is built, but a hub takes one image that is built here, which is %s", img.Name, hub.Name)
	case img.Folder != "":
		why = fmt.Sprintf("images/%s is no entry of images, because hubwright puts what it builds below %s only", img.Name, chartKey)
	}
	p.note(Carried, img.at()+": image", "%s with tag %s goes to %s in %s, the highest of the plain layers, as the script gave it to Helm above all files; %s", img.Repository, img.tagShown(), img.Path, imageLayer, why)
	if img.moves() {
		env := p.Environments[0]
		p.note(Left, img.at()+": tag", "%s. hubwright pins what it builds by digest; pin this one in %s as tag: %s@sha256:…; %s prints the digest",
			img.tagMeans(), strings.ReplaceAll(imageLayer, "${env}", env), img.tag(env), img.digestBy(env))
	}
}

// tagShown is the tag for all environments.
func (i *Image) tagShown() string { return i.tag("<env>") }

// tagMeans says in plain words what the image's tag is.
func (i *Image) tagMeans() string {
	if i.moves() {
		return fmt.Sprintf("tag %s is what the deploy script gives to Helm. It moves with every push: servers run what was pushed last when their node pulled, which may be another image than was tested", i.tagShown())
	}
	return fmt.Sprintf("tag %s is what hubploy.yaml says; whoever may push can move it", i.Tag)
}

// digestBy is the command that prints the digest of what a tag names.
func (i *Image) digestBy(env string) string {
	if m := ecrForm.FindStringSubmatch(i.Repository); m != nil {
		return fmt.Sprintf("`aws ecr describe-images --registry-id %s --region %s --repository-name %s --image-ids imageTag=%s --query 'imageDetails[0].imageDigest' --output text`", m[1], m[2], m[3], i.tag(env))
	}
	return fmt.Sprintf("`docker buildx imagetools inspect %s:%s`", i.Repository, i.tag(env))
}

// bases tells of a folder that images of several deployments are built of.
func (p *planner) bases() {
	folder := path.Join("deployments", common, imageFolder)
	if p.has(path.Join(folder, "Dockerfile")) {
		p.note(Left, folder, "is an image that others are built of, and is not carried over: where a Dockerfile names it, make it an entry of images of its own")
	}
}

// namesOf is the text of the layer that names images.
func namesOf(images []*Image, env string) ([]byte, error) {
	in := map[string]any{}
	var head strings.Builder
	head.WriteString("# What the deploy script gave to Helm on its command line, above all files.\n")
	for _, img := range images {
		for _, part := range []string{".name=" + img.Repository, ".tag=" + img.tag(env)} {
			if err := strvals.ParseIntoString(img.Path+part, in); err != nil {
				return nil, fmt.Errorf("%s: %w", img.at(), err)
			}
		}
		if img.moves() {
			fmt.Fprintf(&head, "# %s moves with every push; %s@sha256:… pins it.\n", img.tag(env), img.tag(env))
		}
	}
	lines := strings.Split(strings.TrimSuffix(head.String(), "\n"), "\n")
	slices.Sort(lines[1:])
	var out strings.Builder
	out.WriteString(strings.Join(slices.Compact(lines), "\n") + "\n")
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(in); err != nil {
		return nil, err
	}
	return []byte(out.String()), e.Close()
}
