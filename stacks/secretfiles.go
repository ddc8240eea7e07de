package stacks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/gitsource/codecommit"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// Secrets are the ways to the hubs' files of secrets: to where they are, and to their keys. The zero value uses what the machine has.
type Secrets struct {
	// Keys open the files.
	Keys secretfile.Keys
	// Git keeps what was fetched of repositories. Default: the user's own cache.
	Git *gitsource.Cache
	// CodeCommit finds a CodeCommit repository of the stack's. Default: AWS's own, logged in to as the deployer role.
	CodeCommit func(ctx context.Context, name string) (gitsource.Remote, error)
}

// SecretFiles is where a stack's files of secrets are: in the deployment directory or, at one commit, in a git repository.
type SecretFiles struct {
	// Head is the commit that is read, and its branch; both are empty in the deployment directory. A repository that is still to be made, or has nothing in
	// it, has no commit.
	Head gitsource.Head
	// Repository is nil in the deployment directory.
	Repository *gitsource.Repository
	// Pinned says that the configuration names the commit.
	Pinned bool

	beside deploydir.Dir // the deployment directory
	folder string
}

// SecretText is the text of a file of secrets, encrypted as it should be.
type SecretText struct {
	// File is the file's path as the configuration has it.
	File string
	// Name is what messages call it: the path, with the repository and the commit before it when it is in one.
	Name string
	Data []byte
}

// Files finds a stack's files of secrets: those at the commit that the configuration pins, or at what the branch is at now.
func (s Secrets) Files(ctx context.Context, stack *config.Stack) (*SecretFiles, error) {
	f, err := s.find(ctx, stack)
	if err != nil || f.Repository == nil {
		return f, err
	}
	from := &stack.SecretStore.Files
	if from.Commit != "" {
		f.Head, f.Pinned = gitsource.Head{Branch: from.Branch, Commit: from.Commit}, true
		return f, f.Repository.Fetch(ctx, f.Head.Commit, f.Head.Branch)
	}
	if f.Head, err = f.ask(ctx, from); err != nil || f.Head.Commit == "" {
		return f, err
	}
	return f, f.Repository.Fetch(ctx, f.Head.Commit, f.Head.Branch)
}

// Newest finds a stack's files of secrets as they are now, whatever is pinned, with their history, to write on top of them.
func (s Secrets) Newest(ctx context.Context, stack *config.Stack) (*SecretFiles, error) {
	f, err := s.find(ctx, stack)
	if err != nil || f.Repository == nil {
		return f, err
	}
	if f.Head, err = f.ask(ctx, &stack.SecretStore.Files); err != nil || f.Head.Commit == "" {
		return f, err
	}
	return f, f.Repository.FetchHistory(ctx, f.Head.Commit, f.Head.Branch)
}

// ask asks the repository what its branch is at. A CodeCommit repository that is not there yet has no files.
func (f *SecretFiles) ask(ctx context.Context, from *config.SecretFiles) (gitsource.Head, error) {
	head, err := f.Repository.Head(ctx, from.Branch)
	var known *gitsource.Error
	if from.Codecommit && errors.As(err, &known) && known.Kind == gitsource.NotFound {
		return gitsource.Head{}, nil
	}
	return head, err
}

// find says where the files are, without asking anybody.
func (s Secrets) find(ctx context.Context, stack *config.Stack) (*SecretFiles, error) {
	from := &stack.SecretStore.Files
	f := &SecretFiles{beside: stack.Files(), folder: from.Folder}
	if !from.Remote() {
		return f, nil
	}
	remote := gitsource.Remote{URL: from.Git}
	var err error
	switch name := stack.SecretStore.Codecommit.Name; {
	case from.Codecommit && s.CodeCommit != nil:
		remote, err = s.CodeCommit(ctx, name)
	case from.Codecommit:
		remote = codecommit.Remote(codecommit.URL(stack.Partition(), stack.Region(), name), creatorArn(stack))
	case codecommit.Region(from.Git) != "":
		remote = codecommit.Remote(from.Git, creatorArn(stack))
	}
	if err != nil {
		return nil, err
	}
	cache := s.Git
	if cache == nil {
		cache = &gitsource.Cache{}
	}
	f.Repository, err = cache.Repository(remote)
	return f, err
}

// String says where the files are and as of when; "" for the deployment directory.
func (f *SecretFiles) String() string {
	switch {
	case f.Repository == nil:
		return ""
	case f.Head.Commit == "":
		return f.Repository.URL + ", where nothing is yet"
	case f.Pinned:
		return fmt.Sprintf("%s at %s, as pinned", f.Repository.URL, f.Head.Commit)
	}
	return fmt.Sprintf("%s at %s, the head of %s", f.Repository.URL, f.Head.Commit, f.Head.Branch)
}

// Path is a file's path in the repository.
func (f *SecretFiles) Path(file string) string { return path.Join(f.folder, file) }

// Name is what messages call a file.
func (f *SecretFiles) Name(file string) string {
	if f.Repository == nil {
		return file
	}
	return f.Repository.Name(f.Head.Commit, f.Path(file))
}

// ReadFile reads one file. The error is fs.ErrNotExist when there is none.
func (f *SecretFiles) ReadFile(ctx context.Context, file string) ([]byte, error) {
	switch {
	case f.Repository == nil:
		return f.beside.ReadFile(file, 0)
	case f.Head.Commit == "":
		return nil, fmt.Errorf("%s: %w", f.Name(file), fs.ErrNotExist)
	}
	return f.Repository.Read(ctx, f.Head.Commit, f.Path(file))
}

// Read reads a hub's files of secrets, low to high, without opening them. One that may be absent, and is, is left out. The error is config.Problems
// when there are files that cannot be read; beside it are the others.
func (f *SecretFiles) Read(ctx context.Context, hub *config.Hub) ([]SecretText, error) {
	var texts []SecretText
	var problems config.Problems
	for _, file := range hub.SecretFiles {
		data, err := f.ReadFile(ctx, file.File)
		if errors.Is(err, fs.ErrNotExist) && file.Optional {
			continue
		}
		var place *fs.PathError
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, &place) {
			problems = append(problems, values.Unread(f.Name(file.File), err, "`hubwright secrets init` makes it; or mark it optional"))
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, SecretText{file.File, f.Name(file.File), data})
	}
	return texts, problems.Err()
}

// Open opens files of secrets, as layers of values that are in memory only. The error is config.Problems when one is in plaintext; beside it are the
// layers of the others.
func (s Secrets) Open(ctx context.Context, texts []SecretText) ([]values.Layer, error) {
	var layers []values.Layer
	var problems config.Problems
	for _, text := range texts {
		opened, err := s.Keys.Open(ctx, text.Name, text.Data)
		if errors.Is(err, secretfile.ErrPlaintext) {
			problems = append(problems, config.Problem{
				File: text.Name, Message: secretfile.ErrPlaintext.Error(), Hint: "`hubwright secrets init` encrypts it; what it holds is known to whoever could read it until then",
			})
			continue
		}
		if err != nil {
			return nil, err
		}
		plain, err := opened.Plain()
		if err != nil {
			return nil, err
		}
		layers = append(layers, values.Layer{Name: "secrets", File: text.Name, Data: plain, Places: text.Data, Secret: true})
	}
	return layers, problems.Err()
}
