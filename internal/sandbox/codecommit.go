package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// CodeCommitEnv names the variable that tells a program in another process where the sandbox's CodeCommit repositories are.
const CodeCommitEnv = "HUBWRIGHT_SANDBOX_CODECOMMIT"

func (s *Sandbox) codecommit() string { return filepath.Join(s.opts.Home, "codecommit") }

// CodeCommitURL is where a CodeCommit repository of the sandbox's is, whose repositories are in a folder: a bare repository on disk stands for it, since
// the simulated service speaks no git.
func CodeCommitURL(folder, name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.Join(folder, name+".git")}).String()
}

// CodeCommit makes sure that each CodeCommit repository of the world has its bare repository, and only those, and gives the folder that they are in.
func (s *Sandbox) CodeCommit(ctx context.Context) (folder string, err error) {
	var names []string
	err = s.World.View(func(tx *world.Tx) error {
		names = awssim.CodeCommitRepositories(tx)
		return nil
	})
	if err != nil {
		return "", err
	}
	for _, name := range names {
		dir := filepath.Join(s.codecommit(), name+".git")
		if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
			continue
		}
		if err := gitsource.Init(ctx, dir); err != nil {
			return "", fmt.Errorf("making what stands for the CodeCommit repository %s: %w", name, err)
		}
	}
	there, err := os.ReadDir(s.codecommit())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	for _, e := range there { // a repository that was deleted is gone with what was in it
		if name, ours := strings.CutSuffix(e.Name(), ".git"); ours && !slices.Contains(names, name) {
			if err := os.RemoveAll(filepath.Join(s.codecommit(), e.Name())); err != nil {
				return "", err
			}
		}
	}
	return s.codecommit(), nil
}
