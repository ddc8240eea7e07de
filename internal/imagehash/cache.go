package imagehash

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A Cache remembers what files held, so that a file that has not changed since is not read. It never makes a difference to a digest: a file counts as
// unchanged only if its size, mode, inode, mtime and ctime are the same, and is remembered only if a later write would change them (stamp.trusted).
// Like git's index, it takes the file system's clock to be that of the machine; the device does not count, since the numbers of network file systems
// change with every mount.
//
// Each context and Dockerfile have a file of their own, which is written whole under another name and renamed, so that several processes can use it
// at once. A file that is damaged, or cannot be read or written, is as good as none. The nil Cache remembers nothing.
type Cache struct {
	// Dir is the folder of the cache's files. It is made when it is needed.
	Dir string
}

// DefaultCache is hubwright/imagehash in the user's cache folder, nil where there is none.
func DefaultCache() *Cache {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	return &Cache{filepath.Join(dir, "hubwright", "imagehash")}
}

// cacheMagic begins a cache's file. It has the scheme in it, since the sums are the scheme's.
const cacheMagic = "stat cache 1 of " + scheme + "\n"

// unused is after how long a cache's file that was not written again goes: its context may be gone.
const unused = 30 * 24 * time.Hour

func (c *Cache) file(p place) string {
	key := sha256.Sum256([]byte(p.context + "\x00" + p.dockerfile))
	return filepath.Join(c.Dir, hex.EncodeToString(key[:16]))
}

// snapshot is a cache's file.
type snapshot struct {
	// patterns is the digest of the patterns by which the files were taken in.
	patterns [sha256.Size]byte
	// dirs are, for each directory, by its path, the entries of its files, sorted by name.
	dirs map[string][]byte
}

// digestOf is the digest of patterns.
func digestOf(patterns []string) [sha256.Size]byte {
	var b []byte
	for _, p := range patterns {
		b = appendText(b, p)
	}
	return sha256.Sum256(b)
}

// load reads a cache's file. There always is a snapshot, if an empty one.
func (c *Cache) load(p place) *snapshot {
	if c == nil {
		return &snapshot{}
	}
	data, err := os.ReadFile(c.file(p))
	if err != nil {
		return &snapshot{}
	}
	return parseSnapshot(data)
}

// parseSnapshot reads what store writes:
//
//	snapshot  = magic patterns directory* SHA-256 of all that
//	patterns  = 32 bytes
//	directory = text text        its path, and its entries
//	entry     = text record      a file's name, and what is known of it
//
// A text has its length before it, as a uvarint; numbers are little-endian, of 64 bits but for the mode's 32.
func parseSnapshot(data []byte) *snapshot {
	n := len(data) - sha256.Size
	body, found := bytes.CutPrefix(data[:max(n, 0)], []byte(cacheMagic))
	if !found || len(body) < sha256.Size {
		return &snapshot{}
	}
	if sum := sha256.Sum256(data[:n]); !bytes.Equal(sum[:], data[n:]) {
		return &snapshot{}
	}
	s := &snapshot{[sha256.Size]byte(body), map[string][]byte{}}
	body = body[sha256.Size:]
	for len(body) > 0 {
		var path, entries []byte
		path, body = cutText(body)
		entries, body = cutText(body)
		s.dirs[string(path)] = entries
	}
	return s
}

// cutText takes a text off the front. What is not whole is empty, and ends what is read.
func cutText(data []byte) (text, rest []byte) {
	n, width := binary.Uvarint(data)
	if width <= 0 || n > uint64(len(data)-width) {
		return nil, nil
	}
	return data[width : width+int(n)], data[width+int(n):] //nolint:gosec // it is no more than a length
}

// in are the entries of a directory.
func (s *snapshot) in(dir string) *entries { return &entries{s.dirs[dir]} }

// entries are those of a directory that were not passed yet.
type entries struct{ rest []byte }

// seek gives the record of a name, nil without one. The names that are asked for ascend.
func (e *entries) seek(name string) *record {
	for len(e.rest) > 0 {
		at, rest := cutText(e.rest)
		if len(rest) < len(record{}) {
			e.rest = nil
			return nil
		}
		if string(at) >= name {
			if string(at) == name {
				return (*record)(rest)
			}
			return nil
		}
		e.rest = rest[len(record{}):]
	}
	return nil
}

// record is what is known of a file: its stamp, and the sum of its content (see encoder).
type record [4 + 4*8 + sha256.Size]byte

func newRecord(st stamp) *record {
	var r record
	b := binary.LittleEndian.AppendUint32(r[:0], st.mode)
	for _, n := range [...]uint64{uint64(st.size), st.inode, uint64(st.mtime), uint64(st.ctime)} { //nolint:gosec // read back the same way
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return &r
}

func (r *record) stamp() stamp {
	return stamp{
		mode:  binary.LittleEndian.Uint32(r[:]),
		size:  int64(binary.LittleEndian.Uint64(r[4:])), //nolint:gosec // as newRecord wrote it
		inode: binary.LittleEndian.Uint64(r[12:]),
		mtime: int64(binary.LittleEndian.Uint64(r[20:])), //nolint:gosec // as newRecord wrote it
		ctime: int64(binary.LittleEndian.Uint64(r[28:])), //nolint:gosec // as newRecord wrote it
	}
}

// sum is the part of the record that holds the sum.
func (r *record) sum() *[sha256.Size]byte { return (*[sha256.Size]byte)(r[36:]) }

// store writes what is known of a tree. It is of no consequence when that fails.
func (c *Cache) store(p place, patterns [sha256.Size]byte, t *tree) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return
	}
	f, err := os.CreateTemp(c.Dir, "new-")
	if err != nil {
		return
	}
	err = errors.Join(writeSnapshot(f, patterns, t), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.file(p))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	c.sweep()
}

// writeSnapshot writes what parseSnapshot reads.
func writeSnapshot(to io.Writer, patterns [sha256.Size]byte, t *tree) error {
	h := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(to, h), 64<<10)
	_, _ = out.WriteString(cacheMagic) // a failure stays, until Flush
	_, _ = out.Write(patterns[:])
	var entries, length []byte
	for d := range t.trees() {
		entries = d.entries(entries[:0])
		if len(entries) > 0 {
			_, _ = out.Write(appendText(length[:0], d.path))
			length = binary.AppendUvarint(length[:0], uint64(len(entries)))
			_, _ = out.Write(length)
			_, _ = out.Write(entries)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := to.Write(h.Sum(nil))
	return err
}

// sweep removes files that have not been written for long.
func (c *Cache) sweep() {
	entries, _ := os.ReadDir(c.Dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unused {
			_ = os.Remove(filepath.Join(c.Dir, e.Name()))
		}
	}
}

// entries adds the entries of a directory.
func (t *tree) entries(b []byte) []byte {
	for i := range t.nodes {
		if n := &t.nodes[i]; n.kept {
			b = append(appendText(b, n.name), n.record[:]...)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
