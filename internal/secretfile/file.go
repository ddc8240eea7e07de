// Package secretfile reads and writes YAML files that are encrypted by sops, with sops' own code: https://getsops.io/docs/. What is in them is in
// plaintext in this process's memory only. Whoever has one of a file's keys, an age identity or the right to use a KMS key, can open it.
package secretfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/stores/yaml"
	"github.com/getsops/sops/v3/version"
	"github.com/sirupsen/logrus"
	goyaml "go.yaml.in/yaml/v3"
)

func init() { logging.SetLevel(logrus.PanicLevel) } // what fails is told by errors, where it can be told in words

// ErrPlaintext says that a file that should be encrypted is not.
var ErrPlaintext = errors.New("is not encrypted, but stands where an encrypted file belongs")

// File is an encrypted file that is open: its content is known, and it can be changed and sealed again.
type File struct {
	// Name is the file's path as messages have it.
	Name string

	keys   Keys
	tree   sops.Tree
	cipher sops.Cipher // remembers the ciphertext of what does not change, so that sealing changes few lines
}

// Encrypted reports whether a YAML text has sops' metadata.
func Encrypted(data []byte) bool {
	var doc struct {
		Sops any `yaml:"sops"`
	}
	return goyaml.Unmarshal(data, &doc) == nil && doc.Sops != nil
}

// Open decrypts a file's text. A plaintext gives ErrPlaintext; no usable key, a *KeyError; a text that was changed by hand, an error that says so.
func (k Keys) Open(ctx context.Context, name string, data []byte) (*File, error) {
	f, err := k.closed(name, data)
	if err != nil {
		return nil, err
	}
	key, err := k.dataKey(ctx, name, &f.tree.Metadata)
	if err != nil {
		return nil, err
	}
	if f.tree.Metadata.MessageAuthenticationCode == "" {
		return nil, fmt.Errorf("%s: has no checksum (sops.mac), so that nobody can say whether it was changed", name)
	}
	sum, err := f.tree.Decrypt(key, f.cipher)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be decrypted with its own key: it was changed by hand or damaged; take it from git as it was", name)
	}
	stamp := f.tree.Metadata.LastModified.Format(time.RFC3339)
	recorded, err := f.cipher.Decrypt(f.tree.Metadata.MessageAuthenticationCode, key, stamp)
	if err != nil || recorded != sum {
		return nil, fmt.Errorf("%s: is not what was encrypted: a line was changed, added or taken out by hand; take it from git as it was and use `hubwright secrets edit`", name)
	}
	return f, nil
}

// closed reads a file's text without opening it.
func (k Keys) closed(name string, data []byte) (*File, error) {
	if !Encrypted(data) {
		return nil, fmt.Errorf("%s: %w", name, ErrPlaintext)
	}
	tree, err := store().LoadEncryptedFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: the metadata of sops in it is damaged: %w", name, err)
	}
	tree.FilePath = name
	return &File{Name: name, keys: k, tree: tree, cipher: aes.NewCipher()}, nil
}

// New makes a file of a plaintext for recipients, with a data key of its own.
func (k Keys) New(ctx context.Context, name string, plain []byte, groups []Group) (*File, error) {
	f := &File{Name: name, keys: k, tree: sops.Tree{FilePath: name}, cipher: aes.NewCipher()}
	f.tree.Metadata.Version, f.tree.Metadata.UnencryptedSuffix = version.Version, sops.DefaultUnencryptedSuffix
	if err := f.Replace(plain); err != nil {
		return nil, err
	}
	return f, f.Rekey(ctx, groups)
}

// Plain is the file's content in plaintext.
func (f *File) Plain() ([]byte, error) {
	if len(f.tree.Branches) == 0 || len(f.tree.Branches[0]) == 0 {
		return []byte("{}\n"), nil
	}
	text, err := store().EmitPlainFile(f.tree.Branches)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return text, nil
}

// Replace gives the file another content. The error never holds any of it.
func (f *File) Replace(plain []byte) error {
	if Encrypted(plain) {
		return fmt.Errorf("%s: has a key sops, as encrypted files do: take it out", f.Name)
	}
	var doc goyaml.Node
	if err := goyaml.Unmarshal(plain, &doc); err != nil {
		return fmt.Errorf("%s: is no YAML: %s", f.Name, lineOf(err))
	}
	if len(doc.Content) == 0 {
		plain = []byte("{}\n")
	} else if doc.Content[0].Kind != goyaml.MappingNode {
		return fmt.Errorf("%s: values are an object, not a list or plain text", f.Name)
	}
	branches, err := store().LoadPlainFile(plain)
	if err != nil {
		return fmt.Errorf("%s: is no YAML: %s", f.Name, lineOf(err))
	}
	if len(branches) > 1 {
		return fmt.Errorf("%s: has %d YAML documents: values are one", f.Name, len(branches))
	}
	f.tree.Branches = branches
	return nil
}

// Get is the value at a path of keys; false when there is none. An object reads as sops has it, a list as []any.
func (f *File) Get(path ...string) (any, bool) {
	if len(f.tree.Branches) == 0 {
		return nil, false
	}
	var at any = f.tree.Branches[0]
	for _, key := range path {
		branch, ok := at.(sops.TreeBranch)
		if !ok {
			return nil, false
		}
		i := slices.IndexFunc(branch, func(item sops.TreeItem) bool { return item.Key == key })
		if i < 0 {
			return nil, false
		}
		at = branch[i].Value
	}
	return at, true
}

// Set puts a value at a path of keys; objects on the way are made. What is on the way and no object is an error.
func (f *File) Set(value any, path ...string) error {
	for n := 1; n < len(path); n++ {
		if v, ok := f.Get(path[:n]...); ok && v != nil {
			if _, isObject := v.(sops.TreeBranch); !isObject {
				return fmt.Errorf("%s: %s is no object, so nothing can be set in it", f.Name, strings.Join(path[:n], "."))
			}
		}
	}
	if len(f.tree.Branches) == 0 {
		f.tree.Branches = sops.TreeBranches{sops.TreeBranch{}}
	}
	f.tree.Branches[0], _ = f.tree.Branches[0].Set(keysOf(path), value)
	return nil
}

func keysOf(path []string) []any {
	out := make([]any, len(path))
	for i, key := range path {
		out[i] = key
	}
	return out
}

// Rekey gives the file a new data key, encrypted for recipients; nil keeps those it has.
func (f *File) Rekey(_ context.Context, groups []Group) error {
	if groups != nil {
		f.tree.Metadata.KeyGroups = groups
	}
	if f.tree.Metadata.MasterKeyCount() == 0 {
		return fmt.Errorf("%s: nobody is named who could open it: give an age recipient or a KMS key", f.Name)
	}
	f.tree.Metadata.DataKey = nil
	if _, errs := f.tree.GenerateDataKeyWithKeyServices(f.keys.server().services()); len(errs) > 0 {
		var reasons []string
		for _, err := range errs {
			reasons = append(reasons, reason(err))
		}
		return fmt.Errorf("%s: its key cannot be encrypted for %s: %s", f.Name, strings.Join(f.Recipients(), ", "), strings.Join(slices.Compact(reasons), "; "))
	}
	f.cipher = aes.NewCipher()
	return nil
}

// Seal encrypts the file's content and returns the file's text. The file stays open.
func (f *File) Seal() ([]byte, error) {
	open := f.tree.Branches
	defer func() { f.tree.Branches = open }()
	f.tree.Branches = clone(open)
	f.tree.Metadata.LastModified = time.Now().UTC()
	sum, err := f.tree.Encrypt(f.tree.Metadata.DataKey, f.cipher)
	if err != nil {
		return nil, fmt.Errorf("%s: encrypting it failed", f.Name) // sops' own words may hold a value
	}
	f.tree.Metadata.MessageAuthenticationCode, err = f.cipher.Encrypt(sum, f.tree.Metadata.DataKey, f.tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return nil, fmt.Errorf("%s: encrypting its checksum failed: %w", f.Name, err)
	}
	text, err := store().EmitEncryptedFile(f.tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return text, nil
}

// clone copies a tree as deep as encryption changes it.
func clone(in sops.TreeBranches) sops.TreeBranches {
	out := make(sops.TreeBranches, len(in))
	for i, branch := range in {
		out[i], _ = cloneValue(branch).(sops.TreeBranch)
	}
	return out
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case sops.TreeBranch:
		out := make(sops.TreeBranch, len(v))
		for i, item := range v {
			out[i] = sops.TreeItem{Key: item.Key, Value: cloneValue(item.Value)}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = cloneValue(item)
		}
		return out
	}
	return v
}

func store() *yaml.Store { return yaml.NewStore(&config.YAMLStoreConfig{Indent: 2}) }

// lineOf is what a YAML parser says without what it quotes of the text.
func lineOf(err error) string {
	var typed *goyaml.TypeError
	if errors.As(err, &typed) {
		return "a key is there twice, or a value is not of its kind"
	}
	text := err.Error()
	for i := range len(text) {
		if text[i] == '`' || text[i] == '"' {
			return text[:i] + "…"
		}
	}
	return text
}
