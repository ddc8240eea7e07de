package imagehash_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/imagehash"
)

// write makes files in a directory: a path that ends in "/" is a directory, a text that begins with "-> " a link, one with "#!" executable.
func write(t *testing.T, root string, files map[string]string) string {
	t.Helper()
	for name, text := range files { // in no order
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o777)
		case link:
			err = os.Symlink(target, full)
		case strings.HasPrefix(text, "#!"):
			err = os.WriteFile(full, []byte(text), 0o777)
		default:
			err = os.WriteFile(full, []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// base is a small context in the folder ctx.
func base(more ...string) map[string]string {
	m := map[string]string{
		"ctx/Dockerfile": "FROM scratch\nCOPY . /\n", "ctx/a/b.txt": "b", "ctx/a/c.txt": "c", "ctx/a-b": "sorts before a/ as text", "ctx/run.sh": "#!/bin/sh\n", "ctx/link": "-> a/b.txt",
		"ctx/gone": "-> /etc/nothing", "ctx/notes.md": "notes", "ctx/keep/x.md": "x", "ctx/empty/": "",
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func input(root string) imagehash.Input {
	return imagehash.Input{
		Root: root, Context: "ctx", Platforms: []string{"linux/amd64"}, Args: map[string]string{"A": "1", "B": ""}, Target: "final",
		Bases: map[string]string{"common": "h1-00"},
	}
}

func digest(t *testing.T, in imagehash.Input, cache *imagehash.Cache) string {
	t.Helper()
	a, err := imagehash.Compute(t.Context(), in, cache)
	if err != nil {
		t.Fatal(err)
	}
	return a.Digest
}

// The golden digests are the scheme: with another one, images that nobody changed are built again everywhere. A change here wants a new scheme.
func TestGolden(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		in    imagehash.Input
		want  string
	}{
		{"the least", map[string]string{"ctx/Dockerfile": "FROM scratch\n"}, imagehash.Input{Context: "ctx"}, "6a10cbb49107fae7a9a7611d25c61b5158b3ffdb6f36203fa783212fdc2ace5a"},
		{"much", base("ctx/.dockerignore", "*.md\n!keep/x.md\n"), input(""), "08fe9d024fbcf34ca966f70f8b291a85b87686aecc55036836da867cd1045abd"},
		{"the Dockerfile outside", map[string]string{"Dockerfile.base": "FROM scratch\n", "ctx/": ""}, imagehash.Input{Context: "ctx", Dockerfile: "Dockerfile.base"}, "61cbb362892ef969bc8214931f7f75505b7d40653f2138f468a6e799b82dd43d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Root = write(t, t.TempDir(), tt.files)
			if got := digest(t, tt.in, nil); got != tt.want {
				t.Errorf("digest %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTag(t *testing.T) {
	root := write(t, t.TempDir(), base())
	a, err := imagehash.Compute(t.Context(), input(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Tag(); got != "h1-"+a.Digest[:32] {
		t.Errorf("tag %s of the digest %s", got, a.Digest)
	}
	alias := a.Alias(imagehash.Revision{Commit: strings.Repeat("12345678", 5)})
	if alias != "123456781234-"+a.Tag() {
		t.Errorf("alias %s of the tag %s", alias, a.Tag())
	}
	// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
	grammar := regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	for _, tag := range []string{a.Tag(), alias, a.Alias(imagehash.Revision{})} {
		if !grammar.MatchString(tag) {
			t.Errorf("%q is no tag", tag)
		}
		if key, ok := imagehash.Key(tag); !ok || key != a.Tag() {
			t.Errorf("key of %s: %q, %v", tag, key, ok)
		}
	}
	for _, tag := range []string{"", "latest", "h1-12", "x-" + a.Tag(), a.Tag() + "0", "sha-0123456789abcdef0123"} {
		if key, ok := imagehash.Key(tag); ok {
			t.Errorf("%q has the key %q", tag, key)
		}
	}
	if want := int64(len("FROM scratch\nCOPY . /\n") + len("bc") + len("sorts before a/ as text") + len("#!/bin/sh\n") + len("notesx")); a.Files != 7 || a.Bytes != want || a.Read != 7 {
		t.Errorf("%d files of %d bytes, %d read; want 7 of %d", a.Files, a.Bytes, a.Read, want)
	}
}

func TestDigestFollowsContent(t *testing.T) {
	chmod := func(name string, mode os.FileMode) func(string) error {
		return func(root string) error { return os.Chmod(filepath.Join(root, name), mode) }
	}
	tests := []struct {
		name   string
		more   []string // files that are added or changed
		change func(*imagehash.Input)
		touch  func(root string) error
		same   bool
	}{
		{name: "nothing", same: true},
		{name: "a byte", more: []string{"ctx/a/b.txt", "B"}},
		{name: "a byte more", more: []string{"ctx/a/b.txt", "b\n"}},
		{name: "another file", more: []string{"ctx/a/d.txt", ""}},
		{name: "another empty directory", more: []string{"ctx/empty/too/", ""}},
		{name: "contents moved between files", more: []string{"ctx/a/b.txt", "", "ctx/a/c.txt", "bc"}},
		{name: "contents exchanged", more: []string{"ctx/a/b.txt", "c", "ctx/a/c.txt", "b"}},
		{name: "the Dockerfile", more: []string{"ctx/Dockerfile", "FROM scratch\n"}},
		{name: "a file outside the context", more: []string{"other", "x"}, same: true},
		{name: "a build argument", change: func(in *imagehash.Input) { in.Args["A"] = "2" }},
		{name: "a build argument less", change: func(in *imagehash.Input) { delete(in.Args, "B") }},
		{name: "an argument's name", change: func(in *imagehash.Input) { in.Args = map[string]string{"A1": "", "B": ""} }},
		{name: "the target", change: func(in *imagehash.Input) { in.Target = "test" }},
		{name: "the platform", change: func(in *imagehash.Input) { in.Platforms = []string{"linux/arm64"} }},
		{name: "another platform too", change: func(in *imagehash.Input) { in.Platforms = append(in.Platforms, "linux/arm64") }},
		{name: "a build secret", change: func(in *imagehash.Input) { in.Secrets = []string{"token"} }},
		{name: "a parent's digest", change: func(in *imagehash.Input) { in.Bases["common"] = "h1-01" }},
		{name: "an argument that was a base", change: func(in *imagehash.Input) { in.Args["common"], in.Bases = "h1-00", nil }},
		{name: "the context by another spelling", change: func(in *imagehash.Input) { in.Context = "./ctx/../ctx/" }, same: true},
		{name: "the Dockerfile by name", change: func(in *imagehash.Input) { in.Dockerfile = "ctx/Dockerfile" }, same: true},
		{name: "executable", touch: chmod("ctx/a/b.txt", 0o755)},
		{name: "no longer executable", touch: chmod("ctx/run.sh", 0o644)},
		{name: "setuid", touch: chmod("ctx/run.sh", 0o755|os.ModeSetuid)},
		{name: "a narrow mask", touch: func(root string) error {
			return filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
				if err != nil || d.Type()&os.ModeSymlink != 0 {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				return os.Chmod(name, info.Mode()&^0o077)
			})
		}, same: true},
		{name: "a directory of a group", touch: chmod("ctx/a", 0o775|os.ModeSetgid), same: true},
		{name: "other times", touch: func(root string) error {
			return filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
				if err != nil || d.Type()&os.ModeSymlink != 0 {
					return err
				}
				return os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0))
			})
		}, same: true},
		{name: "a link's target", touch: func(root string) error {
			link := filepath.Join(root, "ctx/link")
			return errors.Join(os.Remove(link), os.Symlink("a/c.txt", link))
		}},
		{name: "a link's target by another spelling", touch: func(root string) error {
			link := filepath.Join(root, "ctx/link")
			return errors.Join(os.Remove(link), os.Symlink("./a/b.txt", link))
		}},
		{name: "a file instead of a link to it", touch: func(root string) error {
			link := filepath.Join(root, "ctx/link")
			return errors.Join(os.Remove(link), os.WriteFile(link, []byte("b"), 0o600))
		}},
		{name: "what a link leads to", touch: func(root string) error {
			return errors.Join(os.Symlink(filepath.Join(root, "other"), filepath.Join(root, "ctx2")), os.WriteFile(filepath.Join(root, "other"), nil, 0o600))
		}, same: true},
		{name: "the context a link", touch: func(root string) error {
			return errors.Join(os.Rename(filepath.Join(root, "ctx"), filepath.Join(root, "elsewhere")), os.Symlink("elsewhere", filepath.Join(root, "ctx")))
		}, same: true},
	}
	want := digest(t, input(write(t, t.TempDir(), base())), nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := write(t, t.TempDir(), base(tt.more...)) // each at another path
			if tt.touch != nil {
				if err := tt.touch(root); err != nil {
					t.Fatal(err)
				}
			}
			in := input(root)
			if tt.change != nil {
				tt.change(&in)
			}
			if got := digest(t, in, nil); (got == want) != tt.same {
				t.Errorf("digest %s, before %s, want the same: %v", got, want, tt.same)
			}
		})
	}
}

// The masks are the process's, so no other test may run at the same time.
func TestUmask(t *testing.T) {
	var digests []string
	for _, mask := range []int{0o022, 0o077, 0o002, 0} {
		before := syscall.Umask(mask)
		root := write(t, t.TempDir(), base())
		syscall.Umask(before)
		digests = append(digests, digest(t, input(root), nil))
	}
	for _, d := range digests[1:] {
		if d != digests[0] {
			t.Errorf("digests %q under different masks", digests)
		}
	}
}

func TestPlatformsAndSecretsInAnyOrder(t *testing.T) {
	in := input(write(t, t.TempDir(), base()))
	in.Platforms, in.Secrets = []string{"linux/arm64", "linux/amd64"}, []string{"token", "netrc"}
	one := digest(t, in, nil)
	in.Platforms, in.Secrets = []string{"linux/amd64", "linux/arm64", "linux/arm64"}, []string{"netrc", "token"}
	if other := digest(t, in, nil); one != other {
		t.Errorf("digests %s and %s", one, other)
	}
}

func TestWrongInput(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		in    imagehash.Input
		touch func(root string) error
		want  string
	}{
		{name: "no context", in: imagehash.Input{}, want: "no build context is given: name the directory to build from"},
		{
			name: "missing context", files: base(), in: imagehash.Input{Context: "cxt"},
			want: "cxt: the build context is not there; did you mean ctx? Otherwise make it, or name another in the image's context",
		},
		{
			name: "the context is a file", files: base(), in: imagehash.Input{Context: "ctx/notes.md"},
			want: "ctx/notes.md: the build context is not a directory; name the directory that holds the image's files in the image's context",
		},
		{
			name: "missing Dockerfile", files: base(), in: imagehash.Input{Context: "ctx", Dockerfile: "ctx/Dockerfiel"},
			want: "ctx/Dockerfiel: the Dockerfile is not there; did you mean ctx/Dockerfile? Otherwise make it, or name another in the image's dockerfile",
		},
		{
			name: "the Dockerfile is a directory", files: base(), in: imagehash.Input{Context: "ctx", Dockerfile: "ctx/a"},
			want: "ctx/a: the Dockerfile is not a file; name a file in the image's dockerfile",
		},
		{
			name: "a context above", files: base(), in: imagehash.Input{Context: ".."},
			want: "..: the build context leads out of the deployment directory, to PARENT; bring it into the deployment directory: other machines have nothing else",
		},
		{
			name: "a context that is a link out", files: map[string]string{"ctx": "-> /usr"}, in: imagehash.Input{Context: "ctx"},
			want: "ctx: the build context leads out of the deployment directory, to /usr; bring it into the deployment directory: other machines have nothing else",
		},
		{
			name: "a Dockerfile that is a link out", files: map[string]string{"ctx/Dockerfile": "-> /etc/passwd"}, in: imagehash.Input{Context: "ctx"},
			want: "ctx/Dockerfile: the Dockerfile leads out of the deployment directory, to /etc/passwd; bring it into the deployment directory: other machines have nothing else",
		},
		{
			name: "an ignore file that is a link out", files: base("ctx/.dockerignore", "-> /etc/passwd"), in: imagehash.Input{Context: "ctx"},
			want: "ctx/.dockerignore: the ignore file leads out of the deployment directory, to /etc/passwd; bring it into the deployment directory: other machines have nothing else",
		},
		{
			name: "patterns that are none", files: base("ctx/.dockerignore", "# [\n*.md\n[a-\n\n!\n"), in: imagehash.Input{Context: "ctx"},
			want: "ctx/.dockerignore:3: \"[a-\" is not a pattern: syntax error in pattern; close every [, put no \\ at the end and a pattern after every !; a \\ before a character takes it as it is\n" +
				"ctx/.dockerignore:5: \"!\" is not a pattern: illegal exclusion pattern: \"!\"; close every [, put no \\ at the end and a pattern after every !; a \\ before a character takes it as it is",
		},
		{
			name: "special files, all at once", files: base(), in: imagehash.Input{Context: "ctx"},
			touch: func(root string) error {
				return errors.Join(syscall.Mkfifo(filepath.Join(root, "ctx/a/pipe"), 0o600), syscall.Mknod(filepath.Join(root, "ctx/sock"), syscall.S_IFSOCK|0o600, 0))
			},
			want: "ctx/a/pipe: a named pipe has no content that could be hashed; remove it, or keep it out of the build with a line in .dockerignore\n" +
				"ctx/sock: a socket has no content that could be hashed; remove it, or keep it out of the build with a line in .dockerignore",
		},
		{
			name: "a repository", files: base("ctx/sub/.git/HEAD", "ref: refs/heads/main\n"), in: imagehash.Input{Context: "ctx"},
			want: "ctx/sub/.git: no two clones have the same, so that the image would have another tag on every machine; keep it out of the build with a line in .dockerignore that says **/.git",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Root = write(t, t.TempDir(), tt.files)
			if tt.touch != nil {
				if err := tt.touch(tt.in.Root); err != nil {
					t.Fatal(err)
				}
			}
			want := strings.ReplaceAll(tt.want, "PARENT", filepath.Dir(tt.in.Root))
			if _, err := imagehash.Compute(t.Context(), tt.in, nil); err == nil || err.Error() != want {
				t.Errorf("error\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// What is wrong does not matter where it is kept out.
func TestIgnoredTrouble(t *testing.T) {
	files := base("ctx/.dockerignore", "**/.git\n**/pipe\n")
	want := digest(t, input(write(t, t.TempDir(), maps.Clone(files))), nil)
	files["ctx/.git/HEAD"] = "ref: refs/heads/main\n"
	root := write(t, t.TempDir(), files)
	if err := syscall.Mkfifo(filepath.Join(root, "ctx/a/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := digest(t, input(root), nil); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}
