// Package scaffold writes the files of a new deployment directory: Pulumi.yaml with what all environments share, and a file for each environment.
package scaffold

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// Deployment is what the files are made of. What is left empty is not written, so that the defaults of the configuration hold.
type Deployment struct {
	// Schema is the address of the configuration's JSON schema for editors; "" leaves the line out.
	Schema string
	// Name, Account and Owner are the deployment's.
	Name, Account, Owner string
	// CredsMode is creds.mode; TrustedPrincipals are who may assume the role that mode create makes.
	CredsMode         string
	TrustedPrincipals []string
	// Images and Hubs are those of all environments.
	Images []Image
	Hubs   []Hub
	// Zone is the hosted zone of the hubs' domains.
	Zone string
}

// Image is an image that is built.
type Image struct {
	Name, Context string
	ValuesPaths   []string
}

// Hub is a hub as all environments have it.
type Hub struct {
	Name string
	// ChartVersion is that of a chart from the repository; ChartPath and ValuesKey are those of a wrapper chart in a folder.
	ChartVersion, ChartPath, ValuesKey string
	Values, SecretFiles, Manifests     []File
	ValuesFromFiles                    map[string]string
	Templates, Image                   string
	HTTPS, Auth                        string
	AdminUsers                         []string
	// AuthSettings are further settings of auth, by their keys.
	AuthSettings map[string]any
}

// File is a file of the deployment directory that may be absent.
type File struct {
	File     string
	Optional bool
}

// Environment is what one environment has of its own.
type Environment struct {
	Schema string
	Region string
	// SecretsProvider encrypts the stack's secrets; "" leaves it to a person.
	SecretsProvider string
	// Domains are the hubs' domains by their names.
	Domains map[string]string
}

// CommonValues are the values of a new hub.
//
//go:embed common.yaml
var CommonValues []byte

//go:embed project.yaml.tmpl
var projectText string

//go:embed stack.yaml.tmpl
var stackText string

var functions = template.FuncMap{"yaml": inline, "join": strings.Join}

var (
	projectTemplate = template.Must(template.New("Pulumi.yaml").Funcs(functions).Parse(projectText))
	stackTemplate   = template.Must(template.New("Pulumi.<env>.yaml").Funcs(functions).Parse(stackText))
)

// inline is a value on one line of YAML, quoted where it has to be.
func inline(v any) (string, error) {
	var n yaml.Node
	if err := n.Encode(v); err != nil {
		return "", err
	}
	n.Style = yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		n.Style &^= yaml.FlowStyle
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	if err := e.Encode(&n); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// Project is the text of Pulumi.yaml.
func (d *Deployment) Project() ([]byte, error) { return execute(projectTemplate, d) }

// Stack is the text of Pulumi.<env>.yaml.
func (e *Environment) Stack() ([]byte, error) { return execute(stackTemplate, e) }

func execute(t *template.Template, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name(), err)
	}
	return b.Bytes(), nil
}

// MarshalYAML writes a file as its path alone when it has to be there.
func (f File) MarshalYAML() (any, error) {
	if !f.Optional {
		return f.File, nil
	}
	return struct {
		File     string `yaml:"file"`
		Optional bool   `yaml:"optional"`
	}{f.File, true}, nil
}
