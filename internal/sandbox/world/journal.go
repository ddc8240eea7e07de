package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"syscall"
)

const journalName = "world.journal"

// header is the journal's first line: the format and its version.
const header = "hubwright-world 1\n"

// DamagedError says that a file of the sandbox is gone or cannot be read, and of the journal from which line on.
type DamagedError struct {
	File   string
	Line   int
	Reason string
}

func (e *DamagedError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("the sandbox's world is damaged: %s %s", e.File, e.Reason)
	}
	return fmt.Sprintf("the sandbox's world is damaged: %s:%d: %s", e.File, e.Line, e.Reason)
}

// journal is the append-only file behind a world.
type journal struct {
	file   *os.File
	offset int64 // up to where it has been replayed
	line   int   // number of the last replayed line
}

func openJournal(path string) (journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return journal{}, fmt.Errorf("opening the sandbox's world: %w", err)
	}
	return journal{file: f}, nil
}

func (j *journal) close() error { return j.file.Close() }

// lock takes the journal's lock, which the operating system gives back when a process dies.
func (j *journal) lock() (unlock func(), err error) {
	fd := int(j.file.Fd())
	if err := retryInterrupted(func() error { return syscall.Flock(fd, syscall.LOCK_EX) }); err != nil {
		return nil, fmt.Errorf("locking the sandbox's world: %w", err)
	}
	return func() { _ = syscall.Flock(fd, syscall.LOCK_UN) }, nil
}

func retryInterrupted(f func() error) error {
	for {
		if err := f(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// replay applies what has been appended since the last call.
func (j *journal) replay(s *state) error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("reading the sandbox's world: %w", err)
	}
	if info.Size() < j.offset {
		return j.damaged("it has become shorter while in use")
	}
	if info.Size() == j.offset {
		return nil
	}
	tail := make([]byte, info.Size()-j.offset)
	if _, err := j.file.ReadAt(tail, j.offset); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the sandbox's world: %w", err)
	}
	if j.offset == 0 {
		if !bytes.HasPrefix(tail, []byte(header)) {
			return j.damaged("it does not begin with " + strconv.Quote(header))
		}
		tail, j.offset, j.line = tail[len(header):], int64(len(header)), 1
	}
	for {
		line, rest, whole := bytes.Cut(tail, []byte("\n"))
		if !whole { // the last line was only begun: its writer died
			return nil
		}
		e, err := decode(line)
		if err != nil {
			j.line++
			return j.damaged(err.Error())
		}
		s.apply(e)
		j.offset, j.line, tail = j.offset+int64(len(line))+1, j.line+1, rest
	}
}

func (j *journal) damaged(reason string) error {
	return &DamagedError{File: j.file.Name(), Line: max(j.line, 1), Reason: reason}
}

// append writes one entry behind what has been replayed, over a begun line if there is one.
func (j *journal) append(e entry) error {
	line, err := encode(e)
	if err != nil {
		return err
	}
	if j.offset == 0 {
		line = append([]byte(header), line...)
	}
	if err := j.file.Truncate(j.offset); err != nil {
		return fmt.Errorf("writing the sandbox's world: %w", err)
	}
	n, err := j.file.WriteAt(line, j.offset)
	if err != nil {
		return fmt.Errorf("writing the sandbox's world: %w", err)
	}
	if j.offset == 0 {
		j.line = 1
	}
	j.offset += int64(n)
	j.line++
	return nil
}

func encode(e entry) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("writing the sandbox's world: %w", err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(data), data), nil
}

func decode(line []byte) (entry, error) {
	sum, data, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return entry{}, errors.New("a line without a checksum")
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.ChecksumIEEE(data) {
		return entry{}, errors.New("its checksum does not match")
	}
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return entry{}, fmt.Errorf("it is not JSON: %w", err)
	}
	return e, nil
}
