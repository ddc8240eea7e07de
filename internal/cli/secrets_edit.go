package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
)

// edit lets a person edit the file's plaintext. For that it has to be in a file, which is in memory, not on a disk, and is taken away by another process
// should this one be killed.
func (s *secretsOf) edit(c *cli.Context) error {
	editor, err := s.editor()
	if err != nil {
		return err
	}
	f, err := s.open(c.Context)
	if err != nil {
		return err
	}
	plain, err := f.Plain()
	if err != nil {
		return err
	}
	dir, done, err := editFolder()
	if err != nil {
		return err
	}
	defer done()
	file := filepath.Join(dir, filepath.Base(s.file))
	if err := os.WriteFile(file, plain, 0o600); err != nil {
		return err
	}
	for {
		cmd := exec.Command(editor[0], append(editor[1:], file)...) //nolint:gosec // the person's own editor
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		_, ours := s.signals.listen() // a Ctrl-C is the editor's, which gets it, too
		err := cmd.Run()
		ours()
		if err != nil {
			return &coded{err: fmt.Errorf("%s: %w; nothing was changed", editor[0], err), code: exitFailed}
		}
		edited, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.Equal(edited, plain) {
			s.Say("%s: nothing was changed", s.name())
			return nil
		}
		if err = s.replace(f, plain, edited); err == nil {
			return s.write(c.Context, f)
		}
		s.Say("%s %v", s.Paint(term.Red, "error:"), err)
		if answer, asked := s.Ask("Edit it again? Otherwise nothing is changed. [Y/n]"); asked != nil || answer == "n" || answer == "no" {
			return errors.Join(stopped("", "%s: nothing was changed", s.name()), asked)
		}
	}
}

// replace gives the file what was edited. The error says by its lines why it does not become the file, all of it at once where it can be read.
func (s *secretsOf) replace(f *secretfile.File, before, edited []byte) error {
	found := s.faults(edited)
	if len(found) == 0 && empty(edited) && !empty(before) {
		found = s.emptied()
	}
	if len(found) > 0 {
		return found
	}
	if err := f.Replace(edited); err != nil {
		return err
	}
	sealed, err := f.Seal()
	if err != nil {
		return err
	}
	return inTheClear(s.stack, s.name(), sealed).Err()
}

// quietly makes editors of the vi family keep nothing of the text anywhere else: neither swap file nor history, undo file or backup.
var quietly = []string{"-n", "-i", "NONE", "-c", "set noundofile nobackup"}

// editor is the person's editor with its arguments.
func (s *secretsOf) editor() ([]string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if words := strings.Fields(s.getenv(name)); len(words) > 0 {
			if slices.Contains([]string{"vi", "vim", "nvim"}, filepath.Base(words[0])) {
				words = append(words, quietly...)
			}
			return words, nil
		}
	}
	for _, name := range []string{"nano", "vim", "vi"} {
		if path, err := exec.LookPath(name); err == nil {
			if name != "nano" {
				return append([]string{path}, quietly...), nil
			}
			return []string{path}, nil
		}
	}
	return nil, usage("there is no editor: name one with EDITOR, or use `hubwright secrets set`")
}

// editPrefix begins the names of folders with a plaintext.
const editPrefix = "hubwright-edit-"

// editFolder makes a folder in memory that is taken away when done is called, or when this process ends in whatever way.
func editFolder() (dir string, done func(), err error) {
	parent, err := memory()
	if err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(parent, editPrefix); err != nil {
		return "", nil, err
	}
	stop, err := sweepLater(dir)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, stop, nil
}

// sweepLater starts a process that waits for the end of this one, which closes the pipe between them, and then takes a folder away.
func sweepLater(dir string) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "secrets", "sweep", dir)
	cmd.SysProcAttr = apart()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says when it is ready
		return nil, fmt.Errorf("starting what takes the plaintext away: %w", errors.Join(err, cmd.Wait()))
	}
	return func() {
		_ = in.Close()
		_ = cmd.Wait()
	}, nil
}

// sweep waits for the end of its standard input and takes a folder of editFolder away.
func (a *app) sweep(c *cli.Context, _ globals) error {
	dir := c.Args().First()
	parent, err := memory()
	if err != nil {
		return err
	}
	if filepath.Dir(dir) != parent || !strings.HasPrefix(filepath.Base(dir), editPrefix) {
		return usage("sweep: %s is no folder of `hubwright secrets edit`", dir)
	}
	a.Print("ready")
	_, err = io.Copy(io.Discard, a.In)
	return errors.Join(err, os.RemoveAll(dir))
}
