package config

import (
	"fmt"
	"io/fs"

	"github.com/hubwright/hubwright/internal/gitsource"
)

// secretFiles checks where the hubs' files of secrets are said to be. What is wrong with a URL is said without it, since it may hold a password.
func (c *checker) secretFiles() {
	const at = "secretstore.files"
	f := &c.SecretStore.Files
	if f.Git != "" && f.Codecommit {
		c.add(at+".codecommit", "names a repository besides that of git", "give one of them")
	}
	if f.Codecommit && !c.SecretStore.Codecommit.Enabled {
		c.add(at+".codecommit", "takes the stack's CodeCommit repository, but none is made", "set secretstore.codecommit.enabled to true, or name another repository with git")
	}
	for _, part := range []struct {
		key, value string
		check      func(string) (wrong, hint string)
	}{{"git", f.Git, gitsource.CheckURL}, {"branch", f.Branch, gitsource.CheckBranch}, {"commit", f.Commit, gitsource.CheckCommit}, {"folder", f.Folder, checkFolder}} {
		if part.value == "" {
			continue
		}
		if wrong, hint := part.check(part.value); wrong != "" {
			if part.key != "git" {
				wrong = quoted(part.value) + " " + wrong
			}
			c.add(at+"."+part.key, wrong, hint)
		}
		if part.key != "git" && !f.Remote() {
			c.add(at+"."+part.key, "is for a repository, but none is named", "name it with git or codecommit, or take this out")
		}
	}
	if !f.Remote() {
		return
	}
	for i := range c.Hubs {
		for j, file := range c.Hubs[i].SecretFiles {
			if wrong, hint := checkFolder(file.File); wrong != "" {
				c.add(fmt.Sprintf("hubs[%s].secretFiles[%d]", c.Hubs[i].Name, j), quoted(file.File)+" "+wrong, hint)
			}
		}
	}
}

// checkFolder checks a path in a repository.
func checkFolder(path string) (wrong, hint string) {
	if !fs.ValidPath(path) || path == "." {
		return "is not a path in a repository", "write it like hubs/hub/secrets, without ./ and ../"
	}
	return "", ""
}

// Place is where the value at a path was written, or the nearest one around it. The line is 0 when there is none.
func (s *Stack) Place(path string) (file string, line int) {
	at := s.place(path)
	return at.file, at.line
}

// Where is the same for people to read: file:line.
func (s *Stack) Where(path string) string {
	file, line := s.Place(path)
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
