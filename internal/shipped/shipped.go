// Package shipped is the deployment that the repository ships, for tests and measurements to work on a copy of.
package shipped

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// parts are what a deployment consists of.
var parts = []string{"Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml", "hubs", "images"}

// Copy copies the deployment from the repository's root into a folder, with the permissions of new files. change, if it is not nil, may edit the text of a
// file on the way, by its path relative to the root.
func Copy(root, to string, change func(file, text string) string) error {
	for _, part := range parts {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			file, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if change != nil {
				data = []byte(change(filepath.ToSlash(file), string(data)))
			}
			at := filepath.Join(to, file)
			return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, data, 0o644))
		})
		if err != nil {
			return err
		}
	}
	return nil
}
