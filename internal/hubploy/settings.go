package hubploy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/problem"
)

// hubployYAML is hubploy.yaml in both of its forms, as far as it is used: the old one has one image, by name, the new one a list.
// https://hubploy.readthedocs.io/en/latest/topics/hubploy-yaml-file.html and hubploy/config.py of https://github.com/yuvipanda/hubploy
type hubployYAML struct {
	Images struct {
		Name     located `yaml:"image_name"`
		Sub      located `yaml:"image_config_path"`
		Images   []hubployImage
		Registry provider
	}
	Cluster provider
}

type hubployImage struct {
	Name located
	Path string
	Sub  located `yaml:"helm_substitution_path"`
}

type provider struct {
	Provider string
	AWS      struct {
		Account located `yaml:"account_id"`
		Project located
		Region  located
		Zone    located
		Cluster located
		Role    string `yaml:"role_arn"`
	} `yaml:"aws"`
}

// located is a text and the line that it stands on.
type located struct {
	Text string
	Line int
}

// UnmarshalYAML reads a text, or a number as it is written.
func (l *located) UnmarshalYAML(n *yaml.Node) error {
	l.Line = n.Line
	return n.Decode(&l.Text)
}

// in is the place, file:line.
func (l located) in(file string) string { return fmt.Sprintf("%s:%d", file, l.Line) }

// first is the first that says anything.
func first(all ...located) located {
	for _, l := range all {
		if l.Text != "" {
			return l
		}
	}
	return located{}
}

// hubployFile reads hubploy.yaml. Where the hub runs counts before where its images are: these may be another account's.
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
	for _, p := range []provider{h.Cluster, h.Images.Registry} {
		if p.Provider != "" && p.Provider != "aws" {
			return problem.Problems{{File: file, Path: "provider", Message: fmt.Sprintf("is %q, but hubwright deploys on AWS only", p.Provider)}}
		}
		s.Settings.Account = cmp.Or(s.Settings.Account, p.AWS.Account.Text, p.AWS.Project.Text)
		s.Settings.Region = cmp.Or(s.Settings.Region, p.AWS.Region.Text, region(p.AWS.Zone.Text))
		if s.Settings.Cluster == "" && p.AWS.Cluster.Text != "" {
			s.Settings.Cluster, s.Settings.ClusterAt = p.AWS.Cluster.Text, p.AWS.Cluster.in(file)
		}
		if p.AWS.Role != "" {
			s.Settings.Roles = append(s.Settings.Roles, p.AWS.Role)
		}
	}
	if of := first(h.Images.Registry.AWS.Account, h.Images.Registry.AWS.Project); of.Text != "" && of.Text != s.Settings.Account {
		s.note(Left, of.in(file), "the images' registry is that of account %s, the cluster's account is %s: the nodes must be permitted to pull from there", of.Text, s.Settings.Account)
	}
	return s.hubployImages(file, &h)
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

var regionForm = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-\d`)

// region is the region of what hubploy calls a zone, which is one or the other.
func region(zone string) string { return regionForm.FindString(zone) }

// counterparts are the variables of terraform-deploy that hubwright has settings for: aws/variables.tf and vpc/variables.tf of
// https://github.com/spacetelescope/terraform-deploy
var counterparts = map[string]string{
	"unmanaged_vpc_id":                           "network.vpcId, which uses a VPC that is there",
	"unmanaged_public_subnet_names":              "network.publicSubnetIds, which takes ids",
	"unmanaged_private_subnet_names":             "network.privateSubnetIds, which takes ids",
	"create_vpc":                                 "network: with vpcId or vpcName no VPC is made, without either one is",
	"vpc_cidr":                                   "network.cidr",
	"use_private_subnets":                        "network.private",
	"public_subnets":                             "network.cidr, of which the subnets are cut",
	"private_subnets":                            "network.private; they are cut of network.cidr",
	"cluster_endpoint_public_access_extra_cidrs": "cluster.endpoint.publicCidrs",
	"map_roles":                                  "cluster.access and cluster.admins",
	"map_users":                                  "cluster.access and cluster.admins",
	"allowed_roles":                              "creds.trustedPrincipals",
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
		for _, v := range vars {
			s.variable(file, v)
		}
	}
	return problems, nil
}

// variable takes what a variable says, and reports it.
func (s *Source) variable(file string, v variable) {
	what, known := file+": "+v.name, &s.Settings
	switch {
	case v.name == "region" && known.Region != "" && known.Region != v.Text:
		s.note(Left, what, "%s names region %s, but hubploy.yaml names %s, which is taken: look which of them the cluster is in", v.in(file), v.Text, known.Region)
	case v.name == "region":
		known.Region = v.Text
		s.note(Carried, what, "aws:region: %s", v.Text)
	case v.name == "cluster_name" && known.Cluster != "" && known.Cluster != v.Text:
		s.note(Left, what, "%s names the cluster %s, but %s names %s: two clusters, or a name that is out of date. Look which of them runs the hubs before one is adopted or deleted",
			v.in(file), v.Text, known.ClusterAt, known.Cluster)
	case v.name == "cluster_name" && known.Cluster == "":
		known.Cluster, known.ClusterAt = v.Text, v.in(file)
	case v.name == "cluster_name": // told of with the cluster
	case counterparts[v.name] != "":
		s.note(Left, what, "its counterpart is hubwright:%s: write it there, if it is to be so", counterparts[v.name])
	default:
		s.note(Left, what, "has no counterpart that is known here; see hubwright:network, hubwright:cluster and hubwright:storage")
	}
}

// variable is one of Terraform.
type variable struct {
	name string
	located
}

// parseTfvars reads variables of Terraform, in the order of their lines: https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
// Of those that are no text only the name is kept.
func parseTfvars(file string, data []byte) ([]variable, problem.Problems) {
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
	var out []variable
	for name, a := range attributes {
		of := variable{name, located{Line: a.NameRange.Start.Line}}
		if v, d := a.Expr.Value(nil); !d.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			of.Text = v.AsString()
		}
		out = append(out, of)
	}
	slices.SortFunc(out, func(a, b variable) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.name, b.name)) })
	return out, nil
}
