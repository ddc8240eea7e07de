package clitest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox"
)

// ScanForSecrets looks for planted secrets, by name, in the deployment, in everything that the sandbox keeps and in what commands print, to which further
// ones may be added, and fails the test for each that it finds.
func (d *Deployment) ScanForSecrets(t *testing.T, planted map[string]string, commands ...string) {
	t.Helper()
	leaks, files := d.LeaksInFiles(planted)
	if files < 5 {
		t.Errorf("only %d files were looked at", files)
	}
	if info, err := os.Stat(filepath.Join(sandbox.Home(d.Dir), "pulumi", "logs")); err != nil || info.IsDir() {
		t.Errorf("the engine may write its automatic logs, which are compressed and were not looked into: %v", err)
	}
	for _, args := range append([]string{
		"preview staging --sandbox -v", "preview staging --sandbox -o json", "outputs staging --sandbox", "status staging --sandbox -o json", "sandbox list",
		"up staging --sandbox -v -y",
	}, commands...) {
		r := d.Must(0, args)
		leaks = append(leaks, Leaks(planted, "the output of "+args, []byte(r.Out+r.Err))...)
	}
	for _, leak := range leaks {
		t.Error(leak)
	}
}

// LeaksInFiles says which planted secrets are in which files of the deployment, the sandbox's included, and how many files there are.
func (d *Deployment) LeaksInFiles(planted map[string]string) (leaks []string, files int) {
	d.t.Helper()
	err := filepath.WalkDir(d.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		leaks = append(leaks, Leaks(planted, path, data)...)
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return leaks, files
}

// Leaks says which planted secrets, by name and each of 12 bytes or more, are in the data, as they are or in base64; where is what the data is called.
func Leaks(planted map[string]string, where string, data []byte) []string {
	var leaks []string
	for name, secret := range planted {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))[:16]} {
			if bytes.Contains(data, []byte(form)) {
				leaks = append(leaks, fmt.Sprintf("%s is in %s", name, where))
			}
		}
	}
	return leaks
}
