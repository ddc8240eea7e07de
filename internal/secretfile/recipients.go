package secretfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/kms"
	goyaml "go.yaml.in/yaml/v3"
)

// RulesFile is the file that says who may open new files: https://getsops.io/docs/#using-sopsyaml-conf-to-select-kms-pgp-and-age-for-new-files
const RulesFile = ".sops.yaml"

// keyARN is the form of a KMS key's ARN, or of an alias'.
var keyARN = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:\d{12}:(key|alias)/.+$`)

// Group is a group of recipients: any of them can open a file. Of several groups each has to be there in part (sops' Shamir groups).
type Group = sops.KeyGroup

// Recipients are who can open a file: age recipients and ARNs of KMS keys.
func Recipients(age, kms []string) ([]Group, error) {
	group, err := group(age, kms)
	if err != nil {
		return nil, err
	}
	return []Group{group}, nil
}

func group(ages, arns []string) (Group, error) {
	var out Group
	for _, text := range ages {
		key, err := age.MasterKeyFromRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no age recipient: it begins with age1, as age-keygen prints it", text)
		}
		out = append(out, key)
	}
	for _, arn := range arns {
		if !keyARN.MatchString(arn) {
			return nil, fmt.Errorf("%q is no ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:alias/roman-sit-secrets", arn)
		}
		out = append(out, kms.NewMasterKeyFromArn(arn, nil, ""))
	}
	return out, nil
}

// ErrNoRule says that no rule names who may open a file.
var ErrNoRule = errors.New("no rule of " + RulesFile + " says who may open it")

// Rule finds who may open a file of the deployment, by the rules of dir's .sops.yaml. Without that file or a rule in it that fits, the error is ErrNoRule.
func Rule(dir, file string) ([]Group, error) {
	rules := filepath.Join(dir, RulesFile)
	if _, err := os.Stat(rules); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", file, ErrNoRule)
	}
	found, err := config.LoadCreationRuleForFile(rules, filepath.Join(dir, filepath.FromSlash(file)), nil)
	if err != nil {
		if strings.Contains(err.Error(), "no matching creation rules found") {
			return nil, fmt.Errorf("%s: %w", file, ErrNoRule)
		}
		return nil, fmt.Errorf("%s: %w", RulesFile, err)
	}
	if found == nil || len(found.KeyGroups) == 0 {
		return nil, fmt.Errorf("%s: %w", file, ErrNoRule)
	}
	return found.KeyGroups, nil
}

// RuleFor is the text of a .sops.yaml with one more rule, before those that are there: who may open the files that a pattern fits. What else is in
// the text stays.
func RuleFor(text []byte, pattern string, ages, arns []string) ([]byte, error) {
	var doc goyaml.Node
	if err := goyaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", RulesFile, err)
	}
	if len(doc.Content) == 0 {
		doc = goyaml.Node{Kind: goyaml.DocumentNode, Content: []*goyaml.Node{{Kind: goyaml.MappingNode}}}
	}
	root := doc.Content[0]
	if root.Kind != goyaml.MappingNode {
		return nil, fmt.Errorf("%s: is no object with creation_rules", RulesFile)
	}
	rule := &goyaml.Node{Kind: goyaml.MappingNode}
	add := func(key, value string) {
		rule.Content = append(rule.Content, &goyaml.Node{Kind: goyaml.ScalarNode, Value: key}, &goyaml.Node{Kind: goyaml.ScalarNode, Value: value})
	}
	add("path_regex", pattern)
	if len(ages) > 0 {
		add("age", strings.Join(ages, ","))
	}
	if len(arns) > 0 {
		add("kms", strings.Join(arns, ","))
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "creation_rules" && root.Content[i+1].Kind == goyaml.SequenceNode {
			rules := root.Content[i+1]
			rules.Content = append([]*goyaml.Node{rule}, rules.Content...)
			return encode(&doc)
		}
	}
	root.Content = append(root.Content, &goyaml.Node{Kind: goyaml.ScalarNode, Value: "creation_rules"}, &goyaml.Node{Kind: goyaml.SequenceNode, Content: []*goyaml.Node{rule}})
	return encode(&doc)
}

func encode(doc *goyaml.Node) ([]byte, error) {
	var b strings.Builder
	e := goyaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// RecipientsOf are who can open a file, by name, sorted. The file is not opened.
func RecipientsOf(name string, data []byte) ([]string, error) {
	f, err := Keys{}.closed(name, data)
	if err != nil {
		return nil, err
	}
	return Names(f.tree.Metadata.KeyGroups), nil
}

// Names are the recipients of groups by name, sorted.
func Names(groups []Group) []string {
	var out []string
	for _, g := range groups {
		for _, key := range g {
			out = append(out, key.ToString())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Recipients are who can open the file once it is sealed, by name, sorted.
func (f *File) Recipients() []string { return Names(f.tree.Metadata.KeyGroups) }

// Write seals a file and puts it in the place of the one at path, whole or not at all.
func (f *File) Write(_ context.Context, path string) error {
	text, err := f.Seal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, text)
}

// replace writes a file beside the one at path and renames it over that.
func replace(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
