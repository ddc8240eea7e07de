package imagehash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"
)

// decoder reads the canonical encoding back: what can be read back in one way only stands for one input only.
type decoder struct{ rest []byte }

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		panic("the encoding ends early")
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) number() uint64 { return binary.BigEndian.Uint64(d.take(8)) }
func (d *decoder) text() string   { return string(d.take(d.number())) }

func (d *decoder) texts() []string {
	var out []string
	for range d.number() {
		out = append(out, d.text())
	}
	return out
}

func (d *decoder) pairs() map[string]string {
	out := map[string]string{}
	for range d.number() {
		name := d.text()
		out[name] = d.text()
	}
	return out
}

// read gives the input, and the Dockerfile and each entry as a text.
func (d *decoder) read() (in Input, lines []string) {
	switch s := d.text(); s {
	case scheme:
	case withSecrets:
		in.Secrets = d.texts()
	default:
		panic("another scheme: " + s)
	}
	in.Target, in.Platforms = d.text(), d.texts()
	in.Args, in.Bases = d.pairs(), d.pairs()
	lines = append(lines, fmt.Sprintf("%x", d.take(32)))
	for range d.number() {
		path := d.text()
		switch kind := d.take(1)[0]; kind {
		case 'd':
			lines = append(lines, fmt.Sprintf("%q d", path))
		case 'l':
			lines = append(lines, fmt.Sprintf("%q l %q", path, d.text()))
		case 'f':
			lines = append(lines, fmt.Sprintf("%q f %d %d %x", path, d.take(1)[0], d.number(), d.take(32)))
		default:
			panic("no such kind: " + string(kind))
		}
	}
	if len(d.rest) > 0 {
		panic("more than an encoding")
	}
	return in, lines
}

func FuzzEncoding(f *testing.F) {
	f.Add("final", "linux/amd64", "A", "1", "common", "h1-0", "a", "b", "target", uint32(0o755), int64(3))
	f.Add("", "", "", "", "", "", "\x00\x00\x00\x00\x00\x00\x00\x01d", "", "", uint32(0), int64(0))
	f.Fuzz(func(t *testing.T, target, platform, arg, value, base, pin, dir, name, link string, mode uint32, size int64) {
		in := Input{Target: target, Platforms: []string{platform}, Args: map[string]string{arg: value, arg + "2": ""}, Bases: map[string]string{base: pin}}
		if size > 1 {
			in.Secrets = []string{link}
		}
		file := newRecord(stamp{mode: mode, size: max(size, 0)})
		*file.sum() = sha256.Sum256([]byte(name))
		tree := &tree{nodes: []node{
			{name: dir, kind: kindDir, in: &tree{path: dir, nodes: []node{{name: name, kind: kindFile, record: file}, {name: link, kind: kindLink, target: &link}}}},
			{name: link, kind: kindDir, in: &tree{path: link}},
		}}
		var b bytes.Buffer
		e := encoder{to: &b}
		e.input(in, file, tree)
		e.flush()
		got, lines := (&decoder{b.Bytes()}).read()
		if diff := cmp.Diff(in, got); diff != "" {
			t.Errorf("encoded (-), read back (+):\n%s", diff)
		}
		want := []string{
			fmt.Sprintf("%x", *file.sum()), fmt.Sprintf("%q d", dir),
			fmt.Sprintf("%q f %d %d %x", join(dir, name), file.stamp().bits(), max(size, 0), *file.sum()), fmt.Sprintf("%q l %q", join(dir, link), link), fmt.Sprintf("%q d", link),
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("encoded (-), read back (+):\n%s", diff)
		}
	})
}

// paths lists what counts of a context.
func paths(t testing.TB, in Input) []string {
	t.Helper()
	a := addressOf(t, in, nil, system)
	var out []string
	for d := range a.files.trees() {
		for _, n := range d.nodes {
			out = append(out, join(d.path, n.name))
		}
	}
	slices.Sort(out)
	return out
}

// Directories are passed over and shared out, and patterns matched with what is known of the parents. It comes to the same as matching every path there
// is, and BuildKit does it so.
func FuzzIgnore(f *testing.F) {
	for _, text := range []string{
		"", "*.md", "**", "*\n!a", "a\n!a/b", "a\n!**/c", "*\n!*/b/c", "a/b\n!a", "**/c\n!x", "a/*\n!a/b/", "# a\n\n !b", "a/**\n!a/b/**\nc", ".\n!.", "..", "a\\b", "[a-z]", "!a\n*", "a\n!a/*/c",
	} {
		f.Add(text)
	}
	in, _ := contextOf(f, map[string]string{"Dockerfile": "", "a/b/c": "", "a/b/d.md": "", "a/x": "", "b": "", "c/c/c": "", "x/a/b": "", "x/y.md": "", "d.md": ""})
	dir := filepath.Join(in.Root, "ctx")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, dockerignore), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		patterns, err := parseIgnores(dockerignore, []byte(text))
		if err != nil {
			if _, err := Compute(t.Context(), in, nil); err == nil {
				t.Error("patterns that are none were taken")
			}
			return
		}
		p, err := locate(Input{Root: in.Root, Context: "ctx", Dockerfile: "ctx/Dockerfile"})
		if err != nil {
			t.Fatal(err)
		}
		if patterns, err = p.takeBack(patterns); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(everyPath(t, dir, patterns), paths(t, in)); diff != "" {
			t.Errorf("by every path (-), counted (+):\n%s", diff)
		}
	})
}

// everyPath matches every path below a directory.
func everyPath(t *testing.T, root string, patterns []string) []string {
	t.Helper()
	m, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string]patternmatcher.MatchInfo{}
	counted := map[string]bool{}
	err = filepath.WalkDir(root, func(name string, _ os.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, name)
		if err != nil || relErr != nil || rel == "." {
			return errors.Join(err, relErr)
		}
		excluded, info, err := m.MatchesUsingParentResults(rel, parents[filepath.Dir(rel)])
		parents[rel] = info
		for up := rel; !excluded && up != "."; up = filepath.Dir(up) {
			counted[up] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for name := range counted {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Files of more than a block are hashed by several goroutines; the sum is what the encoding says.
func TestBlocks(t *testing.T) {
	for _, size := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, 2*blockSize + 1, 5*blockSize + 12345} {
		content := bytes.Repeat([]byte("0123456789abcdef-"), size/17+1)[:size]
		in, _ := contextOf(t, map[string]string{"Dockerfile": "", "big": string(content)})
		var sums []byte
		for block := range slices.Chunk(content, blockSize) {
			sum := sha256.Sum256(block)
			sums = append(sums, sum[:]...)
		}
		a := addressOf(t, in, nil, system)
		if got, want := *a.files.nodes[1].record.sum(), sha256.Sum256(sums); got != want {
			t.Errorf("%d bytes: sum %x, want %x", size, got, want)
		}
	}
}

// A directory of many files is shared out; on one core as on several, and on a deep tree, comes the same.
func TestManyFiles(t *testing.T) {
	files := map[string]string{"Dockerfile": ""}
	for i := range 3*many + 7 {
		files[fmt.Sprintf("flat/%06d", i)] = fmt.Sprint(i)
	}
	files[strings.Repeat("deep/", 200)+"file"] = "x"
	in, cache := contextOf(t, files)
	want := addressOf(t, in, nil, system)
	if want.Files != len(files) {
		t.Errorf("%d files, want %d", want.Files, len(files))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(cores)
		if got := addressOf(t, in, cache, ahead(3600e9)); got.Digest != want.Digest {
			t.Errorf("%d cores: digest %s, want %s", cores, got.Digest, want.Digest)
		}
	}
	if got := addressOf(t, in, cache, ahead(3600e9)); got.Read != 0 {
		t.Errorf("%d files read, want none", got.Read)
	}
}
