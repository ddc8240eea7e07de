package gitsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Edit is a file's new content, to be committed to a branch.
type Edit struct {
	// Head is the branch, and the commit that the file was read at.
	Head Head
	// File is the file's path in the repository.
	File string
	// Data is its new content.
	Data []byte
	// Message is what the commit says.
	Message string
}

// tries is how often an edit is laid on top of what others have pushed meanwhile.
const tries = 3

// Push commits an edit on top of its branch and pushes that. When others have pushed meanwhile, it goes on top of theirs, unless they have changed the
// same file: that is an Error of kind Moved, as one of kind Refused is the remote's refusal. Nothing is ever overwritten.
func (r *Repository) Push(ctx context.Context, e Edit) (commit string, err error) {
	clean := path.Clean(e.File)
	if !fs.ValidPath(clean) || strings.ContainsAny(clean, "\n\x00") {
		return "", fmt.Errorf("%s: leads out of the repository", r.Name(e.Head.Commit, e.File))
	}
	e.File = clean
	before, err := r.at(ctx, e.Head.Commit, e.File)
	if err != nil {
		return "", err
	}
	head := e.Head
	for n := 1; ; n++ {
		if commit, err = r.commit(ctx, e, head.Commit); err != nil {
			return "", err
		}
		err = r.send(ctx, commit, head.Branch)
		var known *Error
		if !errors.As(err, &known) || known.Kind != Moved || n == tries {
			break
		}
		if head, err = r.again(ctx, head.Branch); err != nil {
			return "", err
		}
		now, err := r.at(ctx, head.Commit, e.File)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(before, now) {
			return "", &Error{
				Kind: Moved, Remote: r.URL, Reason: fmt.Sprintf("somebody else has changed %s on %s meanwhile (commit %s)", e.File, head.Branch, Short(head.Commit)),
				Hint: "do it again: it then goes on top of theirs",
			}
		}
	}
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, unmarked := r.git(ctx, "update-ref", "refs/hubwright/"+commit, commit)
	r.asked, r.there[commit] = false, unmarked == nil // without the mark it is fetched when it is needed
	return commit, nil
}

// again asks for a branch anew and fetches it.
func (r *Repository) again(ctx context.Context, branch string) (Head, error) {
	r.mu.Lock()
	r.asked = false
	r.mu.Unlock()
	head, err := r.Head(ctx, branch)
	if err != nil || head.Commit == "" {
		return head, err
	}
	return head, r.FetchHistory(ctx, head.Commit, head.Branch)
}

// at is a file's content at a commit; nil when there is none, or no commit.
func (r *Repository) at(ctx context.Context, commit, file string) ([]byte, error) {
	if commit == "" {
		return nil, nil
	}
	data, err := r.Read(ctx, commit, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// commit makes the commit of an edit on top of another, "" for a branch's first, in the cached repository.
func (r *Repository) commit(ctx context.Context, e Edit, parent string) (string, error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	index, err := os.MkdirTemp(r.dir, "index-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(index) }()
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(index, "index")}
	step := func(in []byte, args ...string) (string, error) {
		out, err := r.start(ctx, command{args: args, in: in, env: env})
		return strings.TrimSpace(string(out)), r.wrap(err)
	}
	blob, err := step(e.Data, "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	from := []string{"read-tree", "--empty"}
	if parent != "" {
		from = []string{"read-tree", "--end-of-options", parent}
	}
	if _, err := step(nil, from...); err != nil {
		return "", err
	}
	if _, err := step([]byte("100644 "+blob+"\t"+e.File+"\x00"), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	tree, err := step(nil, "write-tree")
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", "-F", "-"}
	if parent != "" {
		args = append(args, "-p", parent)
	}
	commit, err := step([]byte(e.Message+"\n"), append(args, tree)...)
	var known *Error
	if errors.As(err, &known) && strings.Contains(known.said, "tell me who you are") {
		known.Reason, known.Hint = "git does not know whose commit this is", "git config --global user.name NAME and user.email ADDRESS, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL and the same for GIT_COMMITTER_…"
	}
	return commit, err
}

// send pushes a commit onto a branch, which has to lead there: https://git-scm.com/docs/git-push#Documentation/git-push.txt---porcelain
func (r *Repository) send(ctx context.Context, commit, branch string) error {
	out, err := r.ask(ctx, command{args: []string{"push", "--porcelain", "--no-verify", "--", r.URL, commit + ":refs/heads/" + branch}, patience: sending})
	if err == nil {
		return nil
	}
	for line := range strings.Lines(printable(string(out))) {
		words := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if len(words) != 3 || words[0] != "!" {
			continue
		}
		for _, sign := range []string{"(fetch first)", "(non-fast-forward)", "(stale info)", "cannot lock ref", "failed to update ref", "reference already exists"} {
			if strings.Contains(words[2], sign) {
				return &Error{Kind: Moved, Remote: r.URL, Reason: fmt.Sprintf("branch %s has moved on meanwhile", branch), Hint: "do it again"}
			}
		}
		return &Error{
			Kind: Refused, Remote: r.URL, Reason: fmt.Sprintf("it does not take the commit on branch %s: %s%s", branch, words[2], remoteWords(err)),
			Hint: "where the branch is protected, name one with secretstore.files.branch that is not, and have it merged",
		}
	}
	return err
}

// remoteWords are what a remote says by itself, such as a hook's reason.
func remoteWords(err error) string {
	var known *Error
	if !errors.As(err, &known) {
		return ""
	}
	var said []string
	for line := range strings.Lines(known.said) {
		if text, ok := strings.CutPrefix(line, "remote: "); ok && strings.TrimSpace(text) != "" {
			said = append(said, strings.TrimSpace(text))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return ": " + strings.Join(said, "; ")
}
