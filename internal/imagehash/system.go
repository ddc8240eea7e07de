package imagehash

import (
	"time"

	"golang.org/x/sys/unix"
)

// fileSystem is what is asked of the operating system, so that tests can give it a coarse clock or a file that changes.
type fileSystem struct {
	now func() time.Time
	// open opens for reading. The number is closed by unix.Close.
	open func(path string, flags int) (int, error)
	// lstat looks at a name in an open directory, or at a path with unix.AT_FDCWD, and does not follow a link.
	lstat func(dir int, name string) (stamp, error)
	fstat func(fd int) (stamp, error)
}

// system is the operating system itself.
var system = fileSystem{
	now: time.Now,
	open: func(path string, flags int) (int, error) {
		return retry(func() (int, error) { return unix.Open(path, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0) })
	},
	lstat: func(dir int, name string) (stamp, error) {
		var st unix.Stat_t
		_, err := retry(func() (int, error) { return 0, unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
		return stampOf(&st), err
	},
	fstat: func(fd int) (stamp, error) {
		var st unix.Stat_t
		_, err := retry(func() (int, error) { return 0, unix.Fstat(fd, &st) })
		return stampOf(&st), err
	},
}

// retry repeats a call that a signal interrupted, as package os does.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR { //nolint:errorlint // the number itself
			return n, err
		}
	}
}

// stamp is what the file system says of a file without reading it. A write changes at least one of its fields: see trusted.
type stamp struct {
	mode         uint32
	size         int64
	inode        uint64
	mtime, ctime int64 // nanoseconds since 1970
}

func stampOf(st *unix.Stat_t) stamp {
	return stamp{mode: uint32(st.Mode), size: st.Size, inode: st.Ino, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano()} //nolint:unconvert // 16 bits on macOS
}

func (s stamp) kind() kind {
	switch s.mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return kindDir
	case unix.S_IFLNK:
		return kindLink
	case unix.S_IFREG:
		return kindFile
	default:
		return kindOther
	}
}

// bits are what counts of a file's permissions. Whether it is executable is its owner's bit, as git has it:
// https://github.com/git/git/blob/v2.39.5/cache.h (ce_permissions).
func (s stamp) bits() byte {
	var b byte
	if s.mode&unix.S_IXUSR != 0 {
		b |= 1
	}
	if s.mode&unix.S_ISGID != 0 {
		b |= 2
	}
	if s.mode&unix.S_ISUID != 0 {
		b |= 4
	}
	return b
}

// settle is how long before a file is looked at its last change must have been for its stamp to vouch for its content. A file can be written twice
// in one tick of the file system's clock, and then nothing but the content tells the two apart: git calls that racy
// (https://git-scm.com/docs/racy-git). The coarsest tick in use is that of FAT, two seconds; ext4's is a few milliseconds.
const settle = 2 * time.Second

// trusted reports whether a file that was looked at after since, and read after that, can be told from whatever is written to it later by its stamp.
// A write sets mtime and ctime to the clock of then, which is past both by more than a tick; mtime may be set back by whoever likes to, which sets
// ctime. A time that lies in the future is never trusted.
func (s stamp) trusted(since time.Time) bool {
	return max(s.mtime, s.ctime) < since.Add(-settle).UnixNano()
}

// kind is what a node of the tree is.
type kind byte

const (
	kindFile kind = iota
	kindDir
	kindLink
	kindOther // socket, pipe, device
)
