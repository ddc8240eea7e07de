package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/stacks"
)

// withSecrets gives the ways to files of secrets and their keys: the machine's, or the sandbox's.
func (a *app) withSecrets(g globals, stack *config.Stack, act func(stacks.Secrets) error) error {
	if !g.sandbox {
		return act(a.machineSecrets())
	}
	a.flagged = a.getenv("HUBWRIGHT_SANDBOX") == ""
	box, err := a.openSandbox(stack.Dir, stack)
	if err != nil {
		return err
	}
	return errors.Join(act(a.sandboxSecrets(box)), a.leave(box))
}

// machineSecrets are the ways to files of secrets that this machine has.
func (a *app) machineSecrets() stacks.Secrets {
	return stacks.Secrets{Keys: secretfile.Keys{Machine: a.machine}, Git: a.git}
}

// sandboxSecrets are the ways to files of secrets whose services are the sandbox's; age identities and repositories are the machine's own.
func (a *app) sandboxSecrets(box *sandbox.Sandbox) stacks.Secrets {
	return stacks.Secrets{Keys: sandboxKeys(box.AWS()), Git: a.git, CodeCommit: func(ctx context.Context, name string) (gitsource.Remote, error) {
		folder, err := box.CodeCommit(ctx)
		return gitsource.Remote{URL: sandbox.CodeCommitURL(folder, name)}, err
	}}
}

// secretFiles finds a stack's files of secrets, and says where when that is in a repository.
func (a *app) secretFiles(ctx context.Context, secrets stacks.Secrets, stack *config.Stack) (*stacks.SecretFiles, error) {
	files, err := a.awaiting(ctx, stack, secrets.Files)
	if err == nil && files.Repository != nil {
		a.noteOnce("the secrets of %s are those of %s", stack.Environment, files)
	}
	return files, err
}

// awaiting finds files that may be in a remote repository. Ctrl-C ends the waiting.
func (a *app) awaiting(ctx context.Context, stack *config.Stack, find func(context.Context, *config.Stack) (*stacks.SecretFiles, error)) (*stacks.SecretFiles, error) {
	if !stack.SecretStore.Files.Remote() {
		return find(ctx, stack)
	}
	ctx, stop := a.signals.until(ctx, &coded{err: errors.New("interrupted; nothing was changed"), code: exitInterrupted})
	defer stop()
	return find(ctx, stack)
}

// leftOut says whether a repository is out of reach from here, which is no fault of the configuration.
func leftOut(err error) bool {
	var known *gitsource.Error
	if !errors.As(err, &known) {
		return false
	}
	switch known.Kind {
	case gitsource.Unreachable, gitsource.Denied, gitsource.NoGit:
		return true
	}
	return false
}

// misplaced turns what a repository does not have into a problem of the configuration that names it.
func misplaced(stack *config.Stack, err error) error {
	var known *gitsource.Error
	if !errors.As(err, &known) {
		return err
	}
	key, named := map[gitsource.Kind]string{gitsource.NotFound: "git", gitsource.NoBranch: "branch", gitsource.NoCommit: "commit"}[known.Kind]
	if !named {
		return err
	}
	path := "secretstore.files." + key
	file, line := stack.Place(path)
	return config.Problems{{File: file, Line: line, Path: path, Message: known.Error(), Hint: known.Hint}}
}

// leaked is the newest commit in which a file of secrets is in plaintext; "" for none.
func (a *app) leaked(ctx context.Context, stack *config.Stack, files *stacks.SecretFiles, file string) (string, error) {
	repo, head := files.Repository, files.Head
	if repo == nil {
		return leaked(ctx, stack.Dir, file)
	}
	if head.Commit == "" {
		return "", nil
	}
	ctx, stop := a.signals.until(ctx, &coded{err: errors.New("interrupted; nothing was changed"), code: exitInterrupted})
	defer stop()
	if err := repo.FetchHistory(ctx, head.Commit, head.Branch); err != nil {
		return "", err
	}
	commits, err := repo.History(ctx, head.Commit, files.Path(file), mostCommits)
	if err != nil {
		return "", err
	}
	for _, commit := range commits {
		text, err := repo.Read(ctx, commit, files.Path(file))
		if err == nil && strings.TrimSpace(string(text)) != "" && !secretfile.Encrypted(text) {
			return gitsource.Short(commit), nil
		}
	}
	return "", nil
}

// push commits the hub's file to its repository and pushes that. What cannot be pushed is kept, encrypted.
func (s *secretsOf) push(ctx context.Context, f *secretfile.File) error {
	text, err := f.Seal()
	if err != nil {
		return err
	}
	repo, head, file := s.files.Repository, s.files.Head, s.files.Path(s.file)
	within, stop := s.signals.until(ctx, &coded{err: errors.New("interrupted while it was being pushed: look whether the commit is there before you do it again"), code: exitInterrupted})
	defer stop()
	commit, err := repo.Push(within, gitsource.Edit{Head: head, File: file, Data: text, Message: fmt.Sprintf("%s: %s of %s", file, s.doing, s.stack.Environment)})
	if err != nil {
		return s.keep(text, err)
	}
	s.Say("%s %s to %s of %s, commit %s", s.Paint(term.Green, "pushed:"), file, head.Branch, repo.URL, commit)
	s.Say("  it is encrypted for %s", strings.Join(f.Recipients(), ", "))
	if pinned := s.stack.SecretStore.Files.Commit; pinned != "" {
		const path = "secretstore.files.commit"
		s.Say("%s %s still pins commit %s: deployed is what it says. Set it to\n  commit: %s", s.Paint(term.Yellow, "note:"), s.stack.Where(path), gitsource.Short(pinned), commit)
	}
	return nil
}

// keep writes what could not be pushed, which is encrypted, into the user's cache.
func (s *secretsOf) keep(text []byte, reason error) error {
	dir, err := os.UserCacheDir()
	if err != nil {
		return errors.Join(reason, err)
	}
	dir = filepath.Join(dir, "hubwright", "unpushed")
	name := fmt.Sprintf("%s-%s-%s", s.stack.ReleaseName(s.hub.Name), time.Now().UTC().Format("20060102T150405"), filepath.Base(s.file))
	kept := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(kept, text, 0o600)); err != nil {
		return errors.Join(reason, err)
	}
	hint := hintOf(reason)
	if hint != "" {
		hint += ". "
	}
	return &coded{
		err: fmt.Errorf("%s was not pushed: %w", s.files.Path(s.file), reason), code: codeOf(reason),
		hint: hint + fmt.Sprintf("The file as it would have been, encrypted, is %s; in the repository it is %s", kept, s.files.Path(s.file)),
	}
}

// mostNamed is how many hubs are named in one line.
const mostNamed = 5

// noteMadeUp says which hubs run in the sandbox with secrets of its own making, since their files have none. What cannot be read here the program tells of.
func (s *session) noteMadeUp(ctx context.Context) {
	if s.sandbox == nil || s.app.getenv(sandboxSecretsEnv) == "none" {
		return
	}
	files, err := s.reader.Files(ctx, s.stack)
	if err != nil {
		return
	}
	var hubs, keys []string
	texts := map[string][]stacks.SecretText{}
	for i := range s.stack.Hubs {
		h := &s.stack.Hubs[i]
		if texts[h.Name], err = files.Read(ctx, h); err != nil {
			return
		}
	}
	s.stack.MissingSecrets(func(h *config.Hub, key string) bool {
		there := hubFiles{secrets: texts[h.Name]}.have(h, key) // what the stack's configuration has is encrypted for real services
		if !there {
			hubs, keys = append(hubs, h.Name), append(keys, key)
		}
		return there
	})
	if len(hubs) == 0 {
		return
	}
	hubs, keys = slices.Compact(hubs), slices.Compact(slices.Sorted(slices.Values(keys)))
	named, more := hubs, ""
	if len(hubs) > mostNamed {
		named, more = hubs[:mostNamed], fmt.Sprintf(" and %d more", len(hubs)-mostNamed)
	}
	s.app.noteOnce("the sandbox makes up what the secrets of %s lack (%s): %s%s; with real services a person enters it",
		numberOf(len(hubs), "hub"), strings.Join(keys, ", "), strings.Join(named, ", "), more)
}
