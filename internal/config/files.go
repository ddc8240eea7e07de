package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// UnknownEnvironmentError says that a deployment has no environment of that name.
type UnknownEnvironmentError struct {
	Name string
	// Known are the environments that there are.
	Known []string
}

// Error names the environments that there are.
func (e *UnknownEnvironmentError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("there is no environment %q, nor any other: an environment is a file Pulumi.<env>.yaml", e.Name)
	}
	message := fmt.Sprintf("there is no environment %q: there are %s", e.Name, strings.Join(e.Known, ", "))
	if near := problem.Nearest(e.Name, e.Known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return message
}

// extensions are those that Pulumi looks for, in its order: sdk/go/common/encoding of github.com/pulumi/pulumi.
var extensions = []string{".json", ".yaml", ".yml"}

// files are the two files of an environment, parsed. Their names are relative to the deployment directory.
type files struct {
	projectName, stackName string
	projectTree, stackTree *tree
	problems               Problems
}

// projectFile finds a deployment's project file.
func projectFile(dir string) (string, error) {
	for _, ext := range extensions {
		if info, err := os.Stat(filepath.Join(dir, "Pulumi"+ext)); err == nil && info.Mode().IsRegular() {
			return "Pulumi" + ext, nil
		}
	}
	return "", fmt.Errorf("%s holds no Pulumi.yaml, so it is no deployment", dir)
}

// readTree reads a file of the deployment.
func readTree(dir, name string) (*tree, Problems, error) {
	data, err := deploydir.Read(filepath.Join(dir, name), 0)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	t, problems := parseYAML(name, data)
	if t != nil && t.kind != object {
		return nil, append(problems, Problem{File: name, Line: t.line, Message: "is " + kindNames[t.kind] + ", but an object is wanted"}), nil
	}
	return t, problems, nil
}

// stackDir is the folder of the stacks' files, relative to the deployment directory.
func stackDir(project *tree) string {
	if dir := project.field("stackConfigDir"); dir != nil && dir.kind == text {
		return filepath.FromSlash(dir.scalar)
	}
	return ""
}

// Environments are the names of a deployment's environments, sorted: there is one for each Pulumi.<env>.yaml.
func Environments(dir string) ([]string, error) {
	name, err := projectFile(dir)
	if err != nil {
		return nil, err
	}
	project, problems, err := readTree(dir, name)
	if err != nil {
		return nil, err
	}
	if project == nil {
		return nil, problems
	}
	return environments(dir, stackDir(project), filepath.Ext(name))
}

func environments(dir, sub, ext string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, sub))
	if err != nil {
		return nil, fmt.Errorf("listing the environments: %w", err)
	}
	var envs []string
	for _, e := range entries {
		env, ok := strings.CutPrefix(e.Name(), "Pulumi.")
		if !ok || e.IsDir() {
			continue
		}
		if env, ok = strings.CutSuffix(env, ext); ok && env != "" {
			envs = append(envs, env)
		}
	}
	slices.Sort(envs)
	return envs, nil
}

// openFiles finds and parses the files of an environment.
func openFiles(dir, env string) (*files, error) {
	f := &files{}
	var err error
	if f.projectName, err = projectFile(dir); err != nil {
		return nil, err
	}
	var problems Problems
	if f.projectTree, f.problems, err = readTree(dir, f.projectName); err != nil {
		return nil, err
	}
	if f.projectTree == nil {
		return nil, f.problems.Err()
	}
	sub, ext := stackDir(f.projectTree), filepath.Ext(f.projectName)
	f.stackName = filepath.Join(sub, "Pulumi."+env+ext)
	if env == "" || strings.ContainsAny(env, `/\`) {
		return nil, unknown(dir, sub, ext, env)
	}
	f.stackTree, problems, err = readTree(dir, f.stackName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknown(dir, sub, ext, env)
	}
	if err != nil {
		return nil, err
	}
	f.problems = append(f.problems, problems...)
	if f.stackTree == nil {
		return nil, f.problems.Err()
	}
	return f, nil
}

func unknown(dir, sub, ext, env string) error {
	envs, err := environments(dir, sub, ext)
	if err != nil {
		return err
	}
	return &UnknownEnvironmentError{Name: env, Known: envs}
}

// layer is what one file says.
type layer struct {
	name            string // the project's
	values          *tree  // the project's keys, without their namespace
	awsRegion       string
	secretsProvider string
	passphrase      bool   // the stack's file has the salt of one
	backend         string // where states are kept
	config          place  // of the key that holds the values
}

// project reads Pulumi.yaml.
func (f *files) project(d *decoder) *layer {
	l := &layer{name: "hubwright", values: &tree{place: place{f.projectName, 0}, kind: object}}
	name := f.projectTree.field("name")
	if name == nil || name.kind != text || name.scalar == "" {
		d.add(place{f.projectName, 0}, "name", "is missing", "name: hubwright")
	} else {
		l.name = name.scalar
	}
	// https://www.pulumi.com/docs/iac/concepts/projects/project-file/#backend-options
	if backend := f.projectTree.field("backend"); backend != nil && backend.kind == object {
		if url := backend.field("url"); url != nil {
			l.backend = url.scalar
		}
	}
	for _, p := range f.problems {
		p.Path = valuePath(p.Path, l.name)
		d.problems = append(d.problems, p)
	}
	f.keys(d, f.projectTree, l, func(t *tree, path string) *tree {
		// A key of a project has either a type and a default or, in short, a plain value:
		// https://www.pulumi.com/docs/iac/concepts/projects/project-file/#config-options
		if t.kind != object {
			return t
		}
		for _, part := range []string{"default", "value"} {
			if v := t.field(part); v != nil {
				return v
			}
		}
		for _, field := range t.fields {
			if !slices.Contains([]string{"type", "items", "description", "secret"}, field.key) {
				d.add(field.place, join(path, field.key), "is not understood by the engine in a project's file", "write the value under default:, beside type: object")
				return nil
			}
		}
		return nil
	})
	return l
}

// valuePath turns a path in a file into that of a value of the project.
func valuePath(path, project string) string {
	rest, ok := strings.CutPrefix(path, "config.")
	if !ok {
		return path
	}
	key, inside, _ := strings.Cut(strings.TrimPrefix(rest, project+":"), ".")
	if inside = strings.TrimPrefix(inside, "default."); inside == "" {
		return key
	}
	return join(key, inside)
}

// stackKeys are what a stack's file may hold: https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/
var stackKeys = []string{"config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"}

// stack reads Pulumi.<env>.yaml.
func (f *files) stack(d *decoder, project *layer) *layer {
	l := &layer{name: project.name, values: &tree{place: place{f.stackName, 0}, kind: object}}
	for _, field := range f.stackTree.fields {
		if !slices.Contains(stackKeys, field.key) {
			d.add(field.place, field.key, "is not a key of a stack's file", suggest(field.key, stackKeys))
		}
	}
	if provider := f.stackTree.field("secretsprovider"); provider != nil {
		l.secretsProvider = provider.scalar
	}
	l.passphrase = f.stackTree.field("encryptionsalt") != nil
	f.keys(d, f.stackTree, l, func(t *tree, _ string) *tree { return t })
	return l
}

// keys takes the project's keys, and the region, out of a file's config.
func (f *files) keys(d *decoder, file *tree, l *layer, value func(t *tree, path string) *tree) {
	l.config = file.keyPlace("config")
	config := file.field("config")
	if config == nil || config.kind == null {
		return
	}
	if config.kind != object {
		d.wrong(config, "config", "an object")
		return
	}
	known := append(Keys(), secretsKey, buildSecretsKey)
	for _, field := range config.fields {
		namespace, key, namespaced := strings.Cut(field.key, ":")
		if !namespaced {
			namespace, key = l.name, field.key
		}
		switch {
		case field.key == "aws:region":
			if v := value(field.value, field.key); v != nil && v.kind == text {
				l.awsRegion = v.scalar
				d.places[field.key] = v.place
			} else if v != nil {
				d.wrong(v, field.key, "text")
			}
		case namespace != l.name:
			// Another package's, such as aws: profile. A mistyped namespace would be ignored, so one like ours is a problem.
			if near := problem.Nearest(namespace, []string{l.name}); near != "" && slices.Contains(known, key) {
				d.add(field.place, field.key, fmt.Sprintf("belongs to %q, which nothing here reads", namespace), fmt.Sprintf("did you mean %q?", near+":"+key))
			}
		case !slices.Contains(known, key):
			hint := suggest(key, known)
			if near := problem.Nearest(key, known); near != "" {
				hint = fmt.Sprintf("did you mean %q?", l.name+":"+near)
			}
			d.add(field.place, field.key, "is not a known key", hint)
		default:
			if v := value(field.value, key); v != nil {
				field.key, field.value = key, v
				l.values.set(field)
			}
		}
	}
}

// overlay puts the engine's values where they differ from what the files say.
func (l *layer) overlay(project *layer, engine map[string]string) {
	for _, key := range Keys() {
		value, ok := engine[l.name+":"+key]
		if !ok {
			continue
		}
		file := l.values.field(key)
		if file == nil {
			file = project.values.field(key)
		}
		at := place{file: "the engine's value of " + l.name + ":" + key}
		given := parseEngine(at, value)
		if file == nil || !reflect.DeepEqual(file.plain(), given.plain()) {
			l.values.set(field{at, key, given})
		}
	}
}
