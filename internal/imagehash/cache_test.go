package imagehash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// contextOf makes a context of files, and gives it as an input with a cache.
func contextOf(t testing.TB, files map[string]string) (Input, *Cache) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		full := filepath.Join(root, "ctx", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return Input{Root: root, Context: "ctx"}, &Cache{filepath.Join(t.TempDir(), "cache")}
}

var few = map[string]string{"Dockerfile": "FROM scratch\n", "a/b": "1111", "a/c": "2222", "d": "3333", "e/f/g": ""}

func addressOf(t testing.TB, in Input, cache *Cache, fs fileSystem) *Address {
	t.Helper()
	a, err := compute(t.Context(), in, cache, fs)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ahead is the file system at a later time, when what is there now has settled. Whoever writes after that waits for a tick first.
func ahead(by time.Duration) fileSystem {
	fs := system
	fs.now = func() time.Time { return time.Now().Add(by) }
	return fs
}

// tick lets the clock of the file system go on: by 10 ms at most on Linux, where it ticks with the kernel.
func tick() { time.Sleep(20 * time.Millisecond) }

func TestUnchangedIsNotRead(t *testing.T) {
	in, cache := contextOf(t, few)
	want := addressOf(t, in, nil, system).Digest
	for i, read := range []int{len(few), 0, 0} {
		a := addressOf(t, in, cache, ahead(time.Minute))
		if a.Digest != want || a.Read != read {
			t.Errorf("run %d: digest %s, want %s; %d files read, want %d", i, a.Digest, want, a.Read, read)
		}
	}
	tick()
	if err := os.WriteFile(filepath.Join(in.Root, "ctx/a/c"), []byte("2223"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := addressOf(t, in, cache, ahead(time.Minute)); a.Digest == want || a.Read != 1 {
		t.Errorf("after a change: digest %s as before, %d files read; want another, and 1", a.Digest, a.Read)
	}
}

// A write that leaves size, inode and mtime as they were is noticed by ctime.
func TestTimeSetBack(t *testing.T) {
	in, cache := contextOf(t, few)
	before := addressOf(t, in, cache, ahead(time.Minute)).Digest
	name := filepath.Join(in.Root, "ctx/a/b")
	tick()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(name, []byte("1112"), 0o600), os.Chtimes(name, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	if addressOf(t, in, cache, ahead(time.Minute)).Digest == before {
		t.Error("the change was not noticed")
	}
}

// On a file system whose clock ticks every two seconds, a file is written, hashed and written again, all in one tick: nothing but the content
// differs then. Later the tick is over, and what is remembered must not vouch for what was.
func TestRacyTimestamps(t *testing.T) {
	for _, tick := range []time.Duration{4 * time.Millisecond, time.Second, 2 * time.Second} {
		in, cache := contextOf(t, few)
		clock := time.Unix(1_700_000_000, 0)
		fs := system
		fs.now = func() time.Time { return clock }
		written := clock.Truncate(tick).UnixNano() // of every file, however often it is written in this tick
		coarse := func(st stamp, err error) (stamp, error) {
			st.mtime, st.ctime = written, written
			return st, err
		}
		fs.lstat = func(dir int, name string) (stamp, error) { return coarse(system.lstat(dir, name)) }
		fs.fstat = func(fd int) (stamp, error) { return coarse(system.fstat(fd)) }

		clock = clock.Truncate(tick).Add(tick - 1) // as late in the tick as can be
		before := addressOf(t, in, cache, fs).Digest
		if err := os.WriteFile(filepath.Join(in.Root, "ctx/a/b"), []byte("1112"), 0o600); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Hour)
		want := addressOf(t, in, nil, fs).Digest
		if got := addressOf(t, in, cache, fs).Digest; got != want || got == before {
			t.Errorf("tick %v: digest %s, before %s, want %s", tick, got, before, want)
		}
		// Now the file has settled, and it pays.
		if a := addressOf(t, in, cache, fs); a.Read != 0 || a.Digest != want {
			t.Errorf("tick %v: %d files read, digest %s, want %s", tick, a.Read, a.Digest, want)
		}
	}
}

func TestTimesInTheFuture(t *testing.T) {
	in, cache := contextOf(t, few)
	name := filepath.Join(in.Root, "ctx/d")
	if err := os.Chtimes(name, time.Now().Add(24*time.Hour), time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		addressOf(t, in, cache, ahead(time.Minute))
	}
	if a := addressOf(t, in, cache, ahead(time.Minute)); a.Read != 1 {
		t.Errorf("%d files read, want the one of the future", a.Read)
	}
}

func TestDamagedCache(t *testing.T) {
	in, cache := contextOf(t, few)
	want := addressOf(t, in, cache, ahead(time.Minute)).Digest
	files, err := filepath.Glob(filepath.Join(cache.Dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of the cache: %q, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{"empty": {}, "only magic": []byte(cacheMagic), "other": []byte("something else"), "twice": append(bytes.Clone(whole), whole...)}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x40
		damage[fmt.Sprintf("bit of byte %d", i)] = flipped
		damage[fmt.Sprintf("cut at %d", i)] = whole[:i]
	}
	for name, data := range damage {
		if s := parseSnapshot(data); len(s.dirs) != 0 {
			t.Fatalf("%s: taken as whole", name)
		}
	}
	for name, data := range map[string][]byte{"empty": {}, "cut": whole[:len(whole)/2]} {
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		if a := addressOf(t, in, cache, ahead(time.Minute)); a.Digest != want || a.Read != len(few) {
			t.Errorf("%s: digest %s, want %s; %d files read", name, a.Digest, want, a.Read)
		}
		if a := addressOf(t, in, cache, ahead(time.Minute)); a.Read != 0 {
			t.Errorf("%s: it was not mended", name)
		}
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	in, _ := contextOf(t, few)
	want := addressOf(t, in, nil, system).Digest
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := addressOf(t, in, &Cache{filepath.Join(file, "cache")}, ahead(time.Minute)); a.Digest != want {
		t.Errorf("digest %s, want %s", a.Digest, want)
	}
}

func TestCacheLeavesNothingBehind(t *testing.T) {
	in, cache := contextOf(t, few)
	old := filepath.Join(cache.Dir, "of-a-context-that-is-gone")
	if err := errors.Join(os.MkdirAll(cache.Dir, 0o700), os.WriteFile(old, nil, 0o600), os.Chtimes(old, time.Time{}, time.Now().Add(-unused-time.Hour))); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { addressOf(t, in, cache, ahead(time.Minute)) })
	}
	all.Wait()
	if files, _ := os.ReadDir(cache.Dir); len(files) != 1 {
		t.Errorf("files of the cache: %v, want the one of the context", files)
	}
	if a := addressOf(t, in, cache, ahead(time.Minute)); a.Read != 0 {
		t.Errorf("%d files read after several processes wrote the cache", a.Read)
	}
}

// Whatever is done to a context, with a cache comes what comes without.
func TestCacheMakesNoDifference(t *testing.T) {
	in, cache := contextOf(t, few)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same at every run
	dir := filepath.Join(in.Root, "ctx")
	names := []string{"a/b", "a/c", "d", "e/f/g", "e/f/h", "new", "a/new"}
	for i := range 400 {
		name := filepath.Join(dir, names[r.IntN(len(names))])
		switch r.IntN(8) {
		case 0:
			_ = os.RemoveAll(name)
		case 1:
			_ = os.Chmod(name, 0o600|os.FileMode(r.IntN(2))*0o100)
		case 2:
			_ = os.Rename(name, filepath.Join(dir, names[r.IntN(len(names))]))
		case 3:
			_ = os.Chtimes(name, time.Unix(1e9, 0), time.Unix(1e9, 0))
		case 4: // a folder where a file was
			_ = errors.Join(os.RemoveAll(name), os.Mkdir(name, 0o700), os.WriteFile(filepath.Join(name, "c"), nil, 0o600), os.WriteFile(filepath.Join(name, "b"), nil, 0o600))
		case 5:
			ignored := []string{"", "a\n", "a\n!a/b\n", "**/c\n", "d\nnew/c", "a\n!**/c\n"}
			_ = os.WriteFile(filepath.Join(dir, dockerignore), []byte(ignored[r.IntN(len(ignored))]), 0o600)
		default:
			_ = errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, fmt.Appendf(nil, "%04d", r.IntN(3)), 0o600))
		}
		fs := system
		if r.IntN(2) == 0 { // what was written has settled
			tick()
			fs = ahead(time.Minute)
		}
		if got, want := addressOf(t, in, cache, fs).Digest, addressOf(t, in, nil, system).Digest; got != want {
			t.Fatalf("step %d: digest %s, want %s", i, got, want)
		}
	}
}

// What is in a folder is matched with how the folder itself matched: "!x" takes nothing in it back in, since it was not out. That holds, too, where the
// cache has a file of that name, which need not be matched.
func TestFolderWhereAFileWas(t *testing.T) {
	in, cache := contextOf(t, map[string]string{"Dockerfile": "", "x": "", dockerignore: "**/c\n!x\n"})
	addressOf(t, in, cache, ahead(time.Minute))
	x := filepath.Join(in.Root, "ctx/x")
	if err := errors.Join(os.Remove(x), os.Mkdir(x, 0o700), os.WriteFile(filepath.Join(x, "c"), nil, 0o600), os.WriteFile(filepath.Join(x, "b"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, want := addressOf(t, in, cache, system), addressOf(t, in, nil, system); got.Digest != want.Digest || got.Files != 3 {
		t.Errorf("digest %s of %d files, want %s of 3", got.Digest, got.Files, want.Digest)
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte("\x01a\x00"))
	f.Add(appendText(appendText(nil, "dir"), string(append(appendText(nil, "file"), make([]byte, len(record{}))...))))
	f.Fuzz(func(_ *testing.T, body []byte) {
		// Its digest is right, but nothing says that the rest is: reading it must not go astray.
		data := append(append([]byte(cacheMagic), make([]byte, sha256.Size)...), body...)
		sum := sha256.Sum256(data)
		for dir := range parseSnapshot(append(data, sum[:]...)).dirs {
			known := parseSnapshot(append(data, sum[:]...)).in(dir)
			for _, name := range []string{"", "file", "zzz"} {
				if r := known.seek(name); r != nil {
					r.stamp()
				}
			}
		}
	})
}

// A file that is written again and again while it is read is an error, and one that comes to rest is not.
func TestChangesWhileHashed(t *testing.T) {
	defer func(before []time.Duration) { pauses = before }(pauses)
	pauses = []time.Duration{time.Millisecond, time.Millisecond}
	for _, tt := range []struct {
		name    string
		changes int
		file    string
		change  func(name string, i int) error
		want    string
	}{
		{"once", 1, "a/b", rewrite, ""},
		{"twice", 2, "a/b", rewrite, ""},
		{"always", 100, "a/b", rewrite, "ctx/a/b: it changes while it is hashed; let what writes it come to an end, or keep it out of the build with a line in .dockerignore"},
		{"it grows", 100, "d", grow, "ctx/d: it changes while it is hashed; let what writes it come to an end, or keep it out of the build with a line in .dockerignore"},
		{"it goes", 1, "d", remove, "ctx/d: it changes while it is hashed; let what writes it come to an end, or keep it out of the build with a line in .dockerignore"},
		{"the Dockerfile", 100, "Dockerfile", rewrite, "ctx/Dockerfile: it changes while it is hashed; let what writes it come to an end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, cache := contextOf(t, few)
			name := filepath.Join(in.Root, "ctx", tt.file)
			fs := ahead(time.Minute)
			var mu sync.Mutex
			left := tt.changes
			fs.open = func(path string, flags int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				fd, err := system.open(path, flags)
				if path == name && left > 0 { // it is looked at already, and now opened
					left--
					if err := tt.change(name, left); err != nil {
						t.Error(err)
					}
				}
				return fd, err
			}
			a, err := compute(t.Context(), in, cache, fs)
			if tt.want != "" {
				if err == nil || !bytes.Contains([]byte(err.Error()), []byte(tt.want)) {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := addressOf(t, in, nil, system).Digest; a.Digest != want {
				t.Errorf("digest %s, want that of the file at rest, %s", a.Digest, want)
			}
		})
	}
}

func rewrite(name string, i int) error { return os.WriteFile(name, fmt.Appendf(nil, "%04d", i), 0o600) }

func grow(name string, _ int) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("more")
	return errors.Join(err, f.Close())
}

func remove(name string, _ int) error { return os.Remove(name) }

func TestUnreadable(t *testing.T) {
	in, _ := contextOf(t, few)
	fs := system
	fs.open = func(path string, flags int) (int, error) {
		if filepath.Base(path) == "b" || filepath.Base(path) == "f" {
			return -1, unix.EACCES // the superuser, who may run this, would be let in
		}
		return system.open(path, flags)
	}
	_, err := compute(t.Context(), in, nil, fs)
	want := "ctx/e/f: it cannot be read: permission denied; make it readable, or keep it out of the build with a line in .dockerignore"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := os.WriteFile(filepath.Join(in.Root, "ctx/.dockerignore"), []byte("e\n!**/nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = compute(t.Context(), in, nil, fs)
	want = "ctx/a/b: it cannot be read: permission denied; make it readable, or keep it out of the build with a line in .dockerignore"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s: a folder that is kept out need not be readable", err, want)
	}
}

func TestInterrupted(t *testing.T) {
	in, _ := contextOf(t, few)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compute(ctx, in, nil, system); !errors.Is(err, ctx.Err()) {
		t.Errorf("error %v", err)
	}
}
