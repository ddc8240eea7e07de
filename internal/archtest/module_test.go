// Package archtest pins the rooms of the house: which package may use which, what may never be linked in, and how long a file may be. It is
// made of tests alone.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// file is a Go source file of a module.
type file struct {
	Path      string // relative to the module's root, with forward slashes
	Folder    string // of the package, relative to the module's root; the root itself is "."
	Name      string // in the package clause
	Imports   []string
	Lines     int
	Test      bool // only compiled for tests
	Generated bool
}

// readModule reads every Go file of the module in root. Folders that the go command passes over (testdata, names that begin with "." or "_")
// and folders with a go.mod of their own are left out. What build constraints exclude on this machine is read like the rest.
func readModule(root string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, p, d.Name())
		}
		if !strings.HasSuffix(p, ".go") || passedOver(d.Name()) {
			return nil
		}
		f, err := readFile(root, p)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// enter says, in the manner of a fs.WalkDirFunc, whether a folder is part of the module.
func enter(root, p, name string) error {
	if p == root {
		return nil
	}
	if name == "testdata" || name == "vendor" || passedOver(name) {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func readFile(root, p string) (file, error) {
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return file{}, err
	}
	src, err := os.ReadFile(p)
	if err != nil {
		return file{}, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, fmt.Errorf("reading the imports of %s: %w", rel, err)
	}
	f := file{
		Path: filepath.ToSlash(rel), Name: syntax.Name.Name, Lines: strings.Count(string(src), "\n"),
		Test: strings.HasSuffix(p, "_test.go"), Generated: ast.IsGenerated(syntax),
	}
	f.Folder = path.Dir(f.Path)
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("reading the imports of %s: %w", rel, err)
		}
		f.Imports = append(f.Imports, imported)
	}
	return f, nil
}

// matches says whether a path fits one of the patterns. A pattern is a path, or a path that ends in "/..." and stands for everything below it
// too, as the go command has it.
func matches(p string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		below, tree := strings.CutSuffix(pattern, "/...")
		return p == pattern || tree && (p == below || strings.HasPrefix(p, below+"/"))
	})
}
