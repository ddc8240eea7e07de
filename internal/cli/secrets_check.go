package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
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
		err = a.withSecrets(g, stack, func(secrets stacks.Secrets) error {
			files, err := a.secretFiles(c.Context, secrets, stack)
			if err != nil {
				return misplaced(stack, err)
			}
			for i := range stack.Hubs {
				of, err := a.checkSecrets(c.Context, stack, &stack.Hubs[i], secrets, files)
				if err != nil {
					return err
				}
				for _, p := range of.doubts {
					a.noteOnce("%s", p)
				}
				found = slices.Concat(found, of.wrong, of.missing)
			}
			return nil
		})
		return found, err
	})
}

// secretsFound is what was found of a hub's secrets: what is wrong, what a person has yet to enter, and what may be wrong with certificates or soon will.
type secretsFound struct {
	wrong, missing, doubts config.Problems
	files                  int // how many files of secrets there are
}

// checkSecrets looks at a hub's secrets.
func (a *app) checkSecrets(ctx context.Context, stack *config.Stack, hub *config.Hub, ways stacks.Secrets, files *stacks.SecretFiles) (of secretsFound, err error) {
	texts, err := files.Read(ctx, hub)
	if err != nil {
		return of, err
	}
	of.files = len(texts)
	for _, text := range texts {
		found, err := a.checkSecretText(ctx, stack, files, text)
		if err != nil {
			return of, err
		}
		of.wrong = append(of.wrong, found...)
	}
	layers, err := ways.Open(ctx, texts)
	var plaintext config.Problems
	var locked *secretfile.KeyError
	switch {
	case errors.As(err, &plaintext):
		of.wrong = append(of.wrong, plaintext...)
	case errors.As(err, &locked):
		of.wrong = append(of.wrong, config.Problem{File: locked.File, Message: strings.TrimPrefix(locked.Error(), locked.File+": "), Hint: "without it nothing is known of what is in it"})
	case err != nil:
		return of, err
	}
	opts := stacks.Values(stack, hub)
	opts.Layers = append(opts.Layers, layers...)
	computed, err := values.Compute(opts)
	if err != nil {
		return of, err
	}
	of.doubts = doubtsAmong(stack, hub, computed)
	if locked == nil {
		found, lacking := secretsAmong(stack, hub, computed)
		of.wrong, of.missing = append(of.wrong, found...), lacking
	}
	of.wrong = slices.Concat(of.wrong, inPlaintext(stack, hub, computed), stacks.Exposed(stack, hub))
	return of, nil
}

// doubtsAmong is what may be wrong with the certificates among a hub's values, or soon will be.
func doubtsAmong(stack *config.Stack, hub *config.Hub, computed *values.Computed) config.Problems {
	secrets := config.HubSecrets{}
	secrets.Lift(hub, func(path []string) (any, bool) { return computed.At(path) })
	return stacks.PlaceSecrets(stack.Doubts(map[string]config.HubSecrets{hub.Name: secrets}, time.Now()), hub, computed)
}

// secretsAmong is what is wrong with the secrets among a hub's values, told of where they are written, and what is missing.
func secretsAmong(stack *config.Stack, hub *config.Hub, computed *values.Computed) (wrong, missing config.Problems) {
	wrong, missing = secretsOfHub(stack, hub, func(path []string) (any, bool) { return computed.At(path) })
	return stacks.PlaceSecrets(wrong, hub, computed), missing
}

// inPlaintext are the values that look like secrets, or hold some, and are in files that are not encrypted.
func inPlaintext(stack *config.Stack, hub *config.Hub, computed *values.Computed) (found config.Problems) {
	for _, e := range computed.Exposed() {
		p := config.Problem{File: e.File, Line: e.Line, Path: e.Path.String(), Message: "looks like a secret, in a file that is not encrypted"}
		p.Hint = "take it out, consider it known, and set a new one: "
		if e.What != "" {
			p.Message = "holds " + e.What + ", in a file that is not encrypted"
			p.Hint = "consider it known, make it anew, and have the whole text in the file of secrets: "
		}
		if strings.ContainsAny(p.Path, `[\`) { // which a person had better see as it stands
			p.Hint += fmt.Sprintf("hubwright secrets edit %s --hub %s", stack.Environment, hub.Name)
		} else {
			p.Hint += fmt.Sprintf("hubwright secrets set %s %s --hub %s", stack.Environment, p.Path, hub.Name)
		}
		found = append(found, p)
	}
	return found
}

// secretsOfHub says what is wrong with the secrets of one hub, and what is missing. What hubwright:secrets has is encrypted by the engine and cannot be
// looked into from here, so that it is neither.
func secretsOfHub(stack *config.Stack, hub *config.Hub, at func(path []string) (any, bool)) (wrong, missing config.Problems) {
	secrets := config.HubSecrets{}
	secrets.Lift(hub, at)
	wrong, missing = stack.CheckSecrets(map[string]config.HubSecrets{hub.Name: secrets}, time.Now())
	key := func(p config.Problem) (string, bool) { return strings.CutPrefix(p.Path, "secrets."+hub.Name+".") }
	wrong = slices.DeleteFunc(wrong, func(p config.Problem) bool {
		_, ofHub := key(p)
		return !ofHub
	})
	missing = slices.DeleteFunc(missing, func(p config.Problem) bool {
		key, ofHub := key(p)
		return !ofHub || stack.SecretGiven(hub.Name, key)
	})
	odd := stack.Misshapen(hub, at)
	return append(wrong, odd...), config.StillMissing(missing, odd)
}

// checkSecretText finds what is wrong with a file of secrets from outside: in plaintext in git, or for others than the rules name.
func (a *app) checkSecretText(ctx context.Context, stack *config.Stack, files *stacks.SecretFiles, text stacks.SecretText) (config.Problems, error) {
	var problems config.Problems
	commit, err := a.leaked(ctx, stack, files, text.File)
	if err != nil {
		a.Say("%s the history of git could not be looked at: %v", a.Paint(term.Yellow, "note:"), err)
	} else if commit != "" {
		problems = append(problems, config.Problem{
			File: text.Name, Message: "is in the history of git in plaintext (commit " + commit + ")", Hint: "whoever can read that knows what it held: make each secret of it anew",
		})
	}
	if !secretfile.Encrypted(text.Data) {
		return problems, nil // told of when it is opened
	}
	problems = append(problems, inTheClear(stack, text.Name, text.Data)...)
	names, err := secretfile.RecipientsOf(text.Name, text.Data)
	if err != nil {
		return nil, err
	}
	groups, err := secretfile.Rule(stack.Dir, text.File)
	if errors.Is(err, secretfile.ErrNoRule) {
		return problems, nil
	}
	if err != nil {
		return nil, err
	}
	ruled, hint := secretfile.Names(groups), fmt.Sprintf("hubwright secrets rotate %s recipients", stack.Environment)
	for _, name := range names {
		if !slices.Contains(ruled, name) {
			problems = append(problems, config.Problem{File: text.Name, Message: name + " can open it, whom no rule of " + secretfile.RulesFile + " names", Hint: hint})
		}
	}
	for _, name := range ruled {
		if !slices.Contains(names, name) {
			problems = append(problems, config.Problem{File: text.Name, Message: name + " cannot open it, whom the rule of " + secretfile.RulesFile + " names", Hint: hint})
		}
	}
	return problems, nil
}

// mostCommits is how many commits of a file are looked at, the newest first.
const mostCommits = 200

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
	commits, err := git("log", "--all", "--format=%H", "-n", strconv.Itoa(mostCommits), "--", file)
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
