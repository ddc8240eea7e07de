package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	goyaml "go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// secretsCheck finds what is wrong with the secrets of environments: of all, when none is named.
func (a *app) secretsCheck(c *cli.Context, g globals) error {
	root, envs, err := namedOrAll(c, g)
	if err != nil {
		return err
	}
	return a.reportProblems(g, envs, func(env string) (config.Problems, error) {
		stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
		if err != nil {
			return nil, err
		}
		var found config.Problems
		err = a.withKeys(g, stack, func(keys secretfile.Keys) error {
			for i := range stack.Hubs {
				wrong, err := a.checkSecrets(c.Context, stack, &stack.Hubs[i], keys)
				if err != nil {
					return err
				}
				found = append(found, wrong...)
			}
			return nil
		})
		return found, err
	})
}

// checkSecrets finds what is wrong with a hub's secrets.
func (a *app) checkSecrets(ctx context.Context, stack *config.Stack, hub *config.Hub, keys secretfile.Keys) (config.Problems, error) {
	var problems config.Problems
	opts := stacks.Values(stack, hub)
	for _, file := range hub.SecretFiles {
		found, err := a.checkSecretFile(ctx, stack, file)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	layers, err := stacks.SecretLayers(ctx, stack.Dir, hub, keys)
	var plaintext config.Problems
	var locked *secretfile.KeyError
	switch {
	case errors.As(err, &plaintext):
		problems = append(problems, plaintext...)
	case errors.As(err, &locked):
		problems = append(problems, config.Problem{File: locked.File, Message: strings.TrimPrefix(locked.Error(), locked.File+": "), Hint: "without it nothing is known of what is in it"})
	case err != nil:
		return nil, err
	}
	opts.Layers = append(opts.Layers, layers...)
	computed, err := values.Compute(opts)
	if err != nil {
		return nil, err
	}
	secrets := config.HubSecrets{}
	secrets.Lift(hub, func(path []string) (any, bool) { return computed.At(path) })
	wrong, missing := stack.CheckSecrets(map[string]config.HubSecrets{hub.Name: secrets}, time.Now())
	for _, p := range stack.Expiring(map[string]config.HubSecrets{hub.Name: secrets}, time.Now()) {
		a.noteOnce("%s", p)
	}
	for _, p := range append(wrong, missing...) {
		key := strings.TrimPrefix(p.Path, "secrets."+hub.Name+".")
		// What hubwright:secrets has is encrypted by the engine and cannot be looked into from here.
		if strings.HasPrefix(p.Path, "secrets."+hub.Name+".") && locked == nil && !(p.Message == "is missing" && stack.SecretGiven(hub.Name, key)) {
			problems = append(problems, p)
		}
	}
	for _, leaf := range computed.Leaves(nil) {
		if !leaf.Secret && computed.Secret(leaf.Path) {
			problems = append(problems, config.Problem{
				File: leaf.File, Line: leaf.Line, Path: leaf.Path.String(), Message: "looks like a secret, in a file that is not encrypted",
				Hint: fmt.Sprintf("take it out, consider it known, and set a new one: hubwright secrets set %s %s --hub %s", stack.Environment, leaf.Path, hub.Name),
			})
		}
	}
	return problems, nil
}

// checkSecretFile finds what is wrong with a file of secrets from outside: in plaintext in git, or for others than the rules name.
func (a *app) checkSecretFile(ctx context.Context, stack *config.Stack, file config.File) (config.Problems, error) {
	var problems config.Problems
	data, err := os.ReadFile(filepath.Join(stack.Dir, filepath.FromSlash(file.File)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	commit, err := leaked(ctx, stack.Dir, file.File)
	if err != nil {
		a.Say("%s the history of git could not be looked at: %v", a.Paint(term.Yellow, "note:"), err)
	} else if commit != "" {
		problems = append(problems, config.Problem{
			File: file.File, Message: "is in the history of git in plaintext (commit " + commit + ")", Hint: "whoever can read that knows what it held: make each secret of it anew",
		})
	}
	if !secretfile.Encrypted(data) {
		return problems, nil // told of when it is opened
	}
	names, err := secretfile.RecipientsOf(file.File, data)
	if err != nil {
		return nil, err
	}
	groups, err := secretfile.Rule(stack.Dir, file.File)
	if errors.Is(err, secretfile.ErrNoRule) {
		return problems, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.Contains(secretfile.Names(groups), name) {
			problems = append(problems, config.Problem{
				File: file.File, Message: name + " can open it, whom no rule of " + secretfile.RulesFile + " names", Hint: fmt.Sprintf("hubwright secrets rotate %s recipients", stack.Environment),
			})
		}
	}
	return problems, nil
}

// mostCommits is how many commits of a file are looked at, the newest first.
const mostCommits = "200"

// leaked is the newest commit in which a file is in plaintext; "" for none, and outside of a repository.
func leaked(ctx context.Context, dir, file string) (string, error) {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return string(out), err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return "", nil
	}
	if _, err := git("rev-parse", "--verify", "-q", "HEAD"); err != nil {
		return "", nil // no repository, or nothing in it yet
	}
	commits, err := git("log", "--all", "--format=%H", "-n", mostCommits, "--", file)
	if err != nil {
		return "", fmt.Errorf("git log: %w", err)
	}
	for commit := range strings.FieldsSeq(commits) {
		text, err := git("show", commit+":./"+file)
		if err == nil && strings.TrimSpace(text) != "" && !secretfile.Encrypted([]byte(text)) {
			return commit[:10], nil
		}
	}
	return "", nil
}

// givenIn says whether an encrypted file has a value at a path, which can be seen without opening it: names are not encrypted.
func givenIn(data []byte, path []string) bool {
	var at any
	if goyaml.Unmarshal(data, &at) != nil {
		return false
	}
	for _, key := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return false
		}
		at = m[key]
	}
	return at != nil && at != ""
}
