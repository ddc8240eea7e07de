package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

func (a *app) secrets() *cli.Command {
	hub := &cli.StringFlag{Name: "hub", Usage: "the hub's `NAME` (default: the only one)"}
	return &cli.Command{
		Name: "secrets", Usage: "the hubs' encrypted files: init, edit, set, rotate, check", HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("secrets: there is no %q%s", c.Args().First(), nearest(c.Args().First(), subNames(c.Command)))
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			verb("init", "make a hub's file of secrets, or encrypt the one that is there", "ENV", []cli.Flag{
				hub,
				&cli.StringSliceFlag{Name: "age", Usage: "who can open it: an age `RECIPIENT`"},
				&cli.StringSliceFlag{Name: "kms", Usage: "who can open it: the `ARN` of a KMS key (default: the key that the stack has made)"},
			}, a.inSecrets(1, (*secretsOf).init)),
			verb("edit", "edit a hub's secrets with $EDITOR, in memory", "ENV", []cli.Flag{hub}, a.inSecrets(1, (*secretsOf).edit)),
			verb("set", "set one secret, read from standard input or asked for", "ENV KEY", []cli.Flag{hub}, a.inSecrets(2, (*secretsOf).set)),
			verb("rotate", "make one anew: "+strings.Join(rotations(), ", "), "ENV KEY", []cli.Flag{
				hub,
				&cli.BoolFlag{Name: "without-me", Usage: "encrypt for the new recipients though you are none of them"},
			}, a.inSecrets(2, (*secretsOf).rotate)),
			verb("check", "what is wrong with the hubs' secrets", "[ENV…]", nil, a.secretsCheck),
			hidden(verb("sweep", "for edit's own use: take its plaintext away when it ends", "FOLDER", nil, a.sweep)),
		},
	}
}

func hidden(c *cli.Command) *cli.Command {
	c.Hidden = true
	return c
}

// secretsOf is a hub's file of secrets on an environment, with the ways to its keys.
type secretsOf struct {
	*app
	globals globals
	args    []string // after the environment
	stack   *config.Stack
	hub     *config.Hub
	file    string // the hub's highest file, as the configuration has it
	doing   string // the verb, with what it is done to
	secrets stacks.Secrets
	files   *stacks.SecretFiles
}

// inSecrets finds the hub's file for a verb that takes n arguments.
func (a *app) inSecrets(n int, act func(*secretsOf, *cli.Context) error) func(*cli.Context, globals) error {
	return func(c *cli.Context, g globals) error {
		args, stack, hub, err := hubOf(c, g, n, n)
		if err != nil {
			return err
		}
		if len(hub.SecretFiles) == 0 {
			return usage("hub %s of %s has no file of secrets: take `secretFiles: []` out of its configuration", hub.Name, stack.Environment)
		}
		return a.withSecrets(g, stack, func(secrets stacks.Secrets) error {
			files, err := a.awaiting(c.Context, stack, secrets.Newest)
			if err != nil {
				return misplaced(stack, err)
			}
			if files.Repository != nil && files.Head.Branch == "" {
				return &coded{
					err:  fmt.Errorf("%s: the CodeCommit repository is not there yet", files.Repository.URL),
					code: exitUsage, hint: fmt.Sprintf("`hubwright up %s` makes it, and leaves the hub out until its secrets are there", stack.Environment),
				}
			}
			return act(&secretsOf{
				app: a, globals: g, args: args[1:], stack: stack, hub: hub, secrets: secrets, files: files, file: hub.SecretFiles[len(hub.SecretFiles)-1].File,
				doing: strings.Join(append([]string{c.Command.Name}, args[1:]...), " "),
			}, c)
		})
	}
}

// read is the file's text; nil when there is none.
func (s *secretsOf) read(ctx context.Context) ([]byte, error) {
	data, err := s.files.ReadFile(ctx, s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// name is what messages call the file.
func (s *secretsOf) name() string { return s.files.Name(s.file) }

// open opens the file. One that is not there yet is made in memory, for those whom a rule names.
func (s *secretsOf) open(ctx context.Context) (*secretfile.File, error) {
	data, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if data == nil {
		groups, err := secretfile.Rule(s.stack.Dir, s.file)
		if err != nil {
			return nil, &coded{err: err, code: exitUsage, hint: fmt.Sprintf("`hubwright secrets init %s` makes the file", s.stack.Environment)}
		}
		return s.secrets.Keys.New(ctx, s.name(), nil, groups)
	}
	f, err := s.secrets.Keys.Open(ctx, s.name(), data)
	if errors.Is(err, secretfile.ErrPlaintext) {
		return nil, &coded{err: err, code: exitUsage, hint: fmt.Sprintf("`hubwright secrets init %s` encrypts it", s.stack.Environment)}
	}
	return f, err
}

// write seals the file and tells what is still missing.
func (s *secretsOf) write(ctx context.Context, f *secretfile.File) error {
	if s.files.Repository != nil {
		if err := s.push(ctx, f); err != nil {
			return err
		}
		s.remark(f)
		return nil
	}
	if err := f.Write(ctx, filepath.Join(s.stack.Dir, filepath.FromSlash(s.file))); err != nil {
		return err
	}
	s.Say("%s %s is encrypted for %s", s.Paint(term.Green, "written:"), s.file, strings.Join(f.Recipients(), ", "))
	s.remark(f)
	return nil
}

// remark tells what is wrong with the file's secrets or may be, and what is missing.
func (s *secretsOf) remark(f *secretfile.File) {
	at := func(path []string) (any, bool) { return f.Get(path...) }
	wrong, missing := secretsOfHub(s.stack, s.hub, at)
	secrets := config.HubSecrets{}
	secrets.Lift(s.hub, at)
	doubts := s.stack.Doubts(map[string]config.HubSecrets{s.hub.Name: secrets}, time.Now())
	for _, p := range slices.Concat(wrong, missing, doubts).Sorted() {
		s.Say("%s %s %s; %s", s.Paint(term.Yellow, "note:"), strings.TrimPrefix(p.Path, "secrets."), p.Message, p.Hint)
	}
}

// init makes the file, or encrypts the plaintext that is there.
func (s *secretsOf) init(c *cli.Context) error {
	data, err := s.read(c.Context)
	if err != nil {
		return err
	}
	if data != nil && secretfile.Encrypted(data) {
		names, err := secretfile.RecipientsOf(s.name(), data)
		if err != nil {
			return err
		}
		s.Say("%s is encrypted already, for %s", s.name(), strings.Join(names, ", "))
		return nil
	}
	if data != nil {
		if found := s.faults(data); len(found) > 0 {
			return found
		}
	}
	groups, err := s.recipients(c)
	if err != nil {
		return err
	}
	f, err := s.secrets.Keys.New(c.Context, s.name(), data, groups)
	if err != nil {
		return err
	}
	for _, key := range []string{"proxyToken", "cookieSecret", "cryptKey"} {
		if paths := s.hub.SecretPaths(key); len(paths) > 0 && !has(f, paths) {
			if err := f.Set(generated(key), paths[0]...); err != nil {
				return err
			}
		}
	}
	if data != nil {
		leaks, err := s.leaked(c.Context, s.stack, s.files, s.file)
		if err != nil {
			return err
		}
		if leaks != "" {
			s.Say("%s %s is in the history of git in plaintext (commit %s): what it holds is known to whoever can read that; make it anew", s.Paint(term.Yellow, "note:"), s.name(), leaks)
		}
	}
	if err := s.write(c.Context, f); err != nil {
		return err
	}
	s.noteSimulated(f)
	if locked := s.opens(c.Context, f); locked != nil {
		s.Say("%s you cannot open it yourself: %v", s.Paint(term.Yellow, "note:"), locked)
	}
	return nil
}

// opens says why whoever runs this could not open the file as it is now; nil when nothing is in the way.
func (s *secretsOf) opens(ctx context.Context, f *secretfile.File) error {
	sealed, err := f.Seal()
	if err == nil {
		_, err = s.secrets.Keys.Open(ctx, s.name(), sealed)
	}
	return err
}

// noteSimulated says of a file that the sandbox has encrypted with a key of its own that it is of no use elsewhere.
func (s *secretsOf) noteSimulated(f *secretfile.File) {
	names := keysOf(f.Recipients())
	if !s.globals.sandbox || len(names) == 0 {
		return
	}
	what := fmt.Sprintf("delete %s and its rule in %s", s.name(), secretfile.RulesFile)
	if s.stack.SecretStore.Files.Codecommit { // which the sandbox has, too
		what = fmt.Sprintf("delete the rule for %s in %s", s.file, secretfile.RulesFile)
	}
	s.Say("%s the sandbox has encrypted it, with a key of its own for %s, that no real service can open: before you go on without --sandbox, %s, and make it anew",
		s.Paint(term.Yellow, "note:"), strings.Join(names, ", "), what)
}

// keysOf are the KMS keys among recipients.
func keysOf(names []string) (keys []string) {
	for _, name := range names {
		if strings.HasPrefix(name, "arn:") {
			keys = append(keys, name)
		}
	}
	return keys
}

// recipients are those whom a rule names; without a rule, those that flags name or the stack's own key, for whom a rule is written.
func (s *secretsOf) recipients(c *cli.Context) ([]secretfile.Group, error) {
	ages, arns := c.StringSlice("age"), c.StringSlice("kms")
	groups, err := secretfile.Rule(s.stack.Dir, s.file)
	if err == nil && len(ages)+len(arns) > 0 {
		if named, err := secretfile.Recipients(ages, arns); err != nil {
			return nil, err
		} else if !slices.Equal(secretfile.Names(named), secretfile.Names(groups)) {
			return nil, usage("a rule of %s names others for %s: %s; change it there", secretfile.RulesFile, s.file, strings.Join(secretfile.Names(groups), ", "))
		}
	}
	if err == nil || !errors.Is(err, secretfile.ErrNoRule) {
		return groups, err
	}
	if len(ages)+len(arns) == 0 {
		arn, err := s.stackKey(c.Context)
		if err != nil {
			return nil, err
		}
		arns = []string{arn}
	}
	if groups, err = secretfile.Recipients(ages, arns); err != nil {
		return nil, usage("%s", err)
	}
	rules := filepath.Join(s.stack.Dir, secretfile.RulesFile)
	old, err := os.ReadFile(rules)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err := secretfile.RuleFor(old, regexp.QuoteMeta(s.file)+"$", ages, arns)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(rules, text, 0o644); err != nil { //nolint:gosec // a file of the repository, which holds no secret
		return nil, err
	}
	s.Say("%s %s has a rule for %s", s.Paint(term.Green, "written:"), secretfile.RulesFile, s.file)
	return groups, nil
}

// stackKey is the key that the stack has made for secrets.
func (s *secretsOf) stackKey(ctx context.Context) (string, error) {
	env := s.stack.Environment
	first := fmt.Sprintf("`hubwright up %s` makes a key first, and leaves the hub out until its secrets are there; or name who can open it with --age or --kms", env)
	session, err := s.app.open(ctx, s.globals, env)
	if err != nil {
		return "", err
	}
	defer func() { _ = session.Close() }()
	state, err := session.State(ctx, env)
	if err != nil {
		return "", &coded{err: fmt.Errorf("nobody is named who could open %s, and %s has no key yet", s.file, env), code: exitUsage, hint: first}
	}
	arn, _ := state.Outputs["secretsKeyArn"].(string)
	if arn == "" {
		return "", &coded{err: fmt.Errorf("nobody is named who could open %s, and %s has no key yet", s.file, env), code: exitUsage, hint: first}
	}
	return arn, nil
}

// has says whether a file has a value at one of some paths.
func has(f *secretfile.File, paths [][]string) bool {
	return slices.ContainsFunc(paths, func(p []string) bool {
		v, ok := f.Get(p...)
		return ok && v != nil && v != ""
	})
}

// generated is a secret that a hub and its proxy share: 32 random bytes in hexadecimal. Keys for encryption are a list, the first of which encrypts.
// https://jupyterhub.readthedocs.io/en/stable/explanation/websecurity.html#security-settings
func generated(key string) any {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	text := hex.EncodeToString(b)
	if key == "cryptKey" {
		return []any{text}
	}
	return text
}

// set sets one secret.
func (s *secretsOf) set(c *cli.Context) error {
	path, err := s.pathOf(s.args[0])
	if err != nil {
		return err
	}
	f, err := s.open(c.Context)
	if err != nil {
		return err
	}
	text, err := s.AskSecret(fmt.Sprintf("%s of hub %s:", s.args[0], s.hub.Name))
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return usage("%s: nothing was given", s.args[0])
	}
	var value any = text
	if s.args[0] == "cryptKey" {
		value = []any{text}
	}
	if err := f.Set(value, path...); err != nil {
		return err
	}
	return s.write(c.Context, f)
}

// pathOf is where a secret stands among the values: one of the keys that hubwright knows, or a path of values.
func (s *secretsOf) pathOf(key string) ([]string, error) {
	if slices.Contains(config.SecretKeys, key) {
		paths := s.hub.SecretPaths(key)
		if len(paths) == 0 {
			return nil, usage("hub %s takes no %s: its auth.type is %s and its https.type %s", s.hub.Name, key, s.hub.Auth.Type, s.hub.HTTPS.Type)
		}
		return paths[0], nil
	}
	path := values.ParsePath(key)
	if slices.ContainsFunc(path, func(k string) bool { _, err := strconv.Atoi(k); return err == nil }) {
		return nil, usage("%q leads into a list, which is set as a whole: `hubwright secrets edit %s`", key, s.stack.Environment)
	}
	near := nearest(key, config.SecretKeys)
	ours := s.hub.Chart.ValuesKey == "" && slices.Contains([]string{"oauth", "tls"}, path[0]) // the JupyterHub chart has no such values
	if len(path) < 2 || path.String() != key || near != "" || ours {
		return nil, usage("%q is none of %s%s, nor a path of values such as hub.db.password", key, strings.Join(config.SecretKeys, ", "), near)
	}
	if open := secretfile.Unencrypted(path); open != "" {
		return nil, usage("%q: %s would be in plaintext in the file: sops encrypts nothing below a key that ends in %s", key, open, secretfile.UnencryptedSuffix)
	}
	return path, nil
}
