package hubploy

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/problem"
)

// hubployYAML is hubploy.yaml in both of its forms, as far as it is used: the old one has one image, by name, the new one a list.
// https://hubploy.readthedocs.io/en/latest/topics/hubploy-yaml-file.html
type hubployYAML struct {
	Images struct {
		Name     string `yaml:"image_name"`
		Images   []hubployImage
		Registry provider
	}
	Cluster provider
}

type hubployImage struct {
	Name string
	Path string
	Sub  string `yaml:"helm_substitution_path"`
}

type provider struct {
	Provider string
	AWS      struct {
		Account string `yaml:"account_id"`
		Project string
		Region  string
		Zone    string
		Cluster string
		Role    string `yaml:"role_arn"`
	} `yaml:"aws"`
}

// defaultPath is where hubploy puts an image into the values, and imageFolder where it builds it, unless told otherwise.
const (
	defaultPath = "jupyterhub.singleuser.image"
	imageFolder = "image"
)

// hubployFile reads hubploy.yaml.
func (s *Source) hubployFile(file string) problem.Problems {
	if !s.has(file) {
		s.note(Left, file, "is not there: account, region and images are not known")
		return nil
	}
	data, err := s.read(file)
	if err != nil {
		return problem.Problems{{File: file, Message: err.Error()}}
	}
	h, found := parseHubploy(file, data)
	if len(found) > 0 {
		return found
	}
	for _, p := range []provider{h.Images.Registry, h.Cluster} {
		if p.Provider != "" && p.Provider != "aws" {
			return problem.Problems{{File: file, Path: "provider", Message: fmt.Sprintf("is %q, but hubwright deploys on AWS only", p.Provider)}}
		}
		s.Settings.Account = cmp.Or(s.Settings.Account, p.AWS.Account, p.AWS.Project)
		s.Settings.Region = cmp.Or(s.Settings.Region, p.AWS.Region, region(p.AWS.Zone))
		s.Settings.Cluster = cmp.Or(s.Settings.Cluster, p.AWS.Cluster)
		if p.AWS.Role != "" {
			s.Settings.Roles = append(s.Settings.Roles, p.AWS.Role)
		}
	}
	images := h.Images.Images
	if len(images) == 0 && h.Images.Name != "" {
		images = []hubployImage{{Name: h.Images.Name}}
	}
	base := path.Dir(file)
	for _, i := range images {
		folder := path.Join(base, cmp.Or(i.Path, imageFolder))
		if !s.has(path.Join(folder, "Dockerfile")) {
			s.note(Left, i.Name, "is not built here: there is no %s/Dockerfile; the values say which image is run", folder)
			continue
		}
		s.Images = append(s.Images, Image{Name: s.imageName(i.Name), Folder: folder, Paths: []string{cmp.Or(i.Sub, defaultPath)}})
	}
	return nil
}

// parseHubploy reads the text of hubploy.yaml.
func parseHubploy(file string, data []byte) (h hubployYAML, found problem.Problems) {
	if err := yaml.Unmarshal(data, &h); err != nil {
		var typed *yaml.TypeError
		if errors.As(err, &typed) {
			for _, e := range typed.Errors {
				found = append(found, problem.Problem{File: file, Message: e})
			}
			return h, found
		}
		return h, problem.Problems{{File: file, Message: strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	return h, nil
}

var (
	regionForm = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-\d`)
	imageForm  = lazyregexp.New(`[^a-z0-9-]+`)
)

// region is the region of what hubploy calls a zone, which is one or the other.
func region(zone string) string { return regionForm.FindString(zone) }

// imageName is an image's name without its registry and the deployment's prefix.
func (s *Source) imageName(name string) string {
	name = path.Base(name)
	for _, prefix := range []string{s.Settings.Cluster, s.Name} {
		if rest, ok := strings.CutPrefix(name, prefix+"-"); ok && prefix != "" {
			name = rest
			break
		}
	}
	return cmp.Or(strings.Trim(imageForm.ReplaceAllString(strings.ToLower(name), "-"), "-"), "user-image")
}

// tfvars reads the variables of terraform-deploy that stand beside the deployment.
func (s *Source) tfvars(base string) (problem.Problems, error) {
	files, err := s.list(base)
	if err != nil {
		return nil, err
	}
	var problems problem.Problems
	for _, file := range files {
		if !strings.HasSuffix(file, ".tfvars") {
			continue
		}
		data, err := s.read(file)
		if err != nil {
			return nil, err
		}
		vars, found := parseTfvars(file, data)
		problems = append(problems, found...)
		for name, value := range vars {
			switch name {
			case "region":
				s.Settings.Region = cmp.Or(s.Settings.Region, value)
				s.note(Carried, file+": region", "aws:region: %s", value)
			case "cluster_name":
				s.Settings.Cluster = cmp.Or(s.Settings.Cluster, value)
			default:
				s.note(Left, file+": "+name, "has no counterpart that is known here; see hubwright:network, hubwright:cluster and hubwright:storage")
			}
		}
	}
	return problems, nil
}

// parseTfvars reads variables of Terraform: https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
// Of those that are no text only the name is kept.
func parseTfvars(file string, data []byte) (map[string]string, problem.Problems) {
	parsed, diags := hclsyntax.ParseConfig(data, file, hcl.InitialPos)
	var problems problem.Problems
	for _, d := range diags {
		p := problem.Problem{File: file, Message: d.Summary, Hint: d.Detail}
		if d.Subject != nil {
			p.Line = d.Subject.Start.Line
		}
		problems = append(problems, p)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	attributes, _ := parsed.Body.JustAttributes()
	out := map[string]string{}
	for name, a := range attributes {
		out[name] = ""
		if v, d := a.Expr.Value(nil); !d.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			out[name] = v.AsString()
		}
	}
	return out, nil
}
