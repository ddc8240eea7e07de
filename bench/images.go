package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// imageRounds is more than elsewhere, since each takes less than a second.
const imageRounds = 31

// benchImages compares the content address of a build context with git status of the same tree, and with tar | sha256sum, each a process.
func benchImages(ctx context.Context, b *bed) ([]row, error) {
	program := filepath.Join(b.dir, "imagehash")
	if _, err := measure(b.root, os.Environ(), "go", "build", "-o", program, "./bench/imagehash"); err != nil {
		return nil, err
	}
	say("writing 10,000 files")
	repo, cache := filepath.Join(b.dir, "repo"), filepath.Join(b.dir, "cache")
	if err := writeContext(filepath.Join(repo, "ctx")); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-q", "-m", "the context"}} {
		if _, err := measure(repo, env, "git", args...); err != nil {
			return nil, err
		}
	}
	time.Sleep(3 * time.Second) // until the files have settled, for both
	hash := func(dir string, cache ...string) func() (cost, error) {
		return func() (cost, error) {
			c, err := measure(dir, env, program, append([]string{"ctx"}, cache...)...)
			if err != nil {
				return c, err
			}
			fields := strings.Fields(c.out) // the tag, the files that were read, and KiB
			if len(fields) != 3 {
				return c, fmt.Errorf("imagehash says %q", c.out)
			}
			c.memory, err = strconv.ParseInt(fields[2], 10, 64)
			return c, err
		}
	}
	status := func() (cost, error) { return measure(repo, env, "git", "status") }
	tar := func(dir string) func() (cost, error) {
		return func() (cost, error) { return measure(dir, env, "sh", "-c", "tar -C ctx -cf - . | sha256sum") }
	}
	if c, err := hash(repo, cache)(); err != nil || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err(), errors.New(c.out))
	}
	x, y, t, _, err := pairedIn(imageRounds, hash(repo, cache), status)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(x.out, " 0 ") {
		return nil, fmt.Errorf("files of an unchanged context were read: %s", x.out)
	}
	rows := []row{{"unchanged context of 10,000 files, warm, against git status", fmt.Sprintf("%.2f (%s / %s)", t, ms(x.wall), ms(y.wall)), "at most 1.0"}}
	if x, y, t, _, err = pairedIn(imageRounds, hash(repo), tar(repo)); err != nil {
		return nil, err
	}
	rows = append(rows, row{"… cold, against tar | sha256sum", fmt.Sprintf("%.2f (%s / %s)", t, ms(x.wall), ms(y.wall)), "at most 1.0"})

	say("writing 2 GB")
	large := filepath.Join(b.dir, "large")
	if err := writeLarge(filepath.Join(large, "ctx")); err != nil {
		return nil, err
	}
	if x, y, t, _, err = pairedIn(3, hash(large), tar(large)); err != nil {
		return nil, err
	}
	return append(rows,
		row{"context of 2 GB, cold, against tar | sha256sum", fmt.Sprintf("%.2f (%s / %s)", t, ms(x.wall), ms(y.wall)), "at most 1.0"},
		row{"… memory", fmt.Sprintf("%.0f MB", float64(x.memory)/1024), "under 100 MB"}), os.RemoveAll(large)
}

// ignored are patterns such as a Python image's context has.
const ignored = "**/.git\n**/__pycache__\n**/*.pyc\n**/.venv\n**/node_modules\n**/.pytest_cache\n**/*.egg-info\n**/.env*\n*.md\n!README.md\ndist\nbuild\n"

// writeContext writes a Dockerfile, an ignore file and 9,998 files of some kilobytes in a hundred folders.
func writeContext(dir string) error {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same at every run
	for i := range 9_998 {
		folder := filepath.Join(dir, fmt.Sprintf("pkg%02d", i%10), fmt.Sprintf("mod%02d", i%100))
		text := make([]byte, 200+r.IntN(8000))
		for j := 0; j+8 <= len(text); j += 8 {
			binary.LittleEndian.PutUint64(text[j:], r.Uint64())
		}
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, fmt.Sprintf("f%05d.py", i)), text, 0o600)); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(ignored), 0o600),
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY . /\n"), 0o600))
}

// writeLarge writes one file of 1 GB and a thousand of 1 MB.
func writeLarge(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part := make([]byte, 1_000_000)
	one, err := os.Create(filepath.Join(dir, "one.bin"))
	if err != nil {
		return err
	}
	for i := range 1000 {
		binary.LittleEndian.PutUint64(part, uint64(i)) //nolint:gosec // it is not negative
		_, err := one.Write(part)
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.bin", i)), part, 0o600)); err != nil {
			return err
		}
	}
	return errors.Join(one.Close(), os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY . /\n"), 0o600))
}
