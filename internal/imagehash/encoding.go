package imagehash

import (
	"encoding/binary"
	"io"
	"slices"
)

// scheme begins the canonical encoding. Whatever changes in the encoding, or in what counts, changes the scheme too and with it every digest, and
// tagPrefix, so that tags of two schemes cannot be taken for each other.
const scheme = "hubwright/imagehash/1"

// withSecrets begins the encoding of an input that has build secrets, so that those without keep the digests that they had before there were any.
const withSecrets = scheme + "+secrets"

// blockSize is how much of a file is hashed in one piece: so much of one file that both cores have work, so little that it costs nothing to most.
const blockSize = 4 << 20

// An encoder writes the canonical encoding, which is what is hashed. Every text has its length before it and every list its count, so that no two
// inputs have the same encoding. Numbers are unsigned, of 64 bits, big-endian; a text is a number of bytes and the bytes.
//
//	input      = scheme [secrets] target platforms args bases dockerfile tree
//	scheme     = text            "hubwright/imagehash/1", with secrets "hubwright/imagehash/1+secrets"
//	secrets    = number text*    their ids, sorted, each once
//	target     = text
//	platforms  = number text*    sorted, each once
//	args       = number (name value)*, both texts, sorted by name
//	bases      = as args
//	dockerfile = content
//	tree       = number entry*   every directory before what is in it, in the order of the names' bytes
//	entry      = text kind …     the text is the path from the context, with slashes
//	kind       = 'd'                       a directory
//	           | 'l' text                  a symbolic link and its target
//	           | 'f' bits number content   a regular file and its size
//	bits       = one byte: 1 its owner may execute it, 2 setgid, 4 setuid
//	content    = 32 bytes: the SHA-256 of the SHA-256 of each block of 4 MiB, one after another; the last block may be shorter, and an empty file
//	             has none
type encoder struct {
	to  io.Writer // a hash, which never fails to write
	buf []byte
}

func (e *encoder) number(n int) { e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(n)) } //nolint:gosec // lengths and sizes are not negative

func (e *encoder) text(s string) {
	e.number(len(s))
	e.buf = append(e.buf, s...)
}

// path is the text of a node's path.
func (e *encoder) path(t *tree, n *node) {
	if t.path == "" {
		e.text(n.name)
		return
	}
	e.number(len(t.path) + 1 + len(n.name))
	e.buf = append(append(append(e.buf, t.path...), '/'), n.name...)
}

// set is a list whose order and repetitions do not count.
func (e *encoder) set(list []string) {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	e.number(len(list))
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) pairs(m map[string]string) {
	list := sorted(m)
	e.number(len(list))
	for _, kv := range list {
		e.text(kv[0])
		e.text(kv[1])
	}
}

func (e *encoder) flush() {
	_, _ = e.to.Write(e.buf)
	e.buf = e.buf[:0]
}

func (e *encoder) input(in Input, dockerfile *record, t *tree) {
	if len(in.Secrets) > 0 {
		e.text(withSecrets)
		e.set(in.Secrets)
	} else {
		e.text(scheme)
	}
	e.text(in.Target)
	e.set(in.Platforms)
	e.pairs(in.Args)
	e.pairs(in.Bases)
	e.buf = append(e.buf, dockerfile.sum()[:]...)
	count := 0
	for d := range t.trees() {
		count += len(d.nodes)
	}
	e.number(count)
	e.tree(t)
}

func (e *encoder) tree(t *tree) {
	for i := range t.nodes {
		n := &t.nodes[i]
		e.path(t, n)
		e.node(n)
		if len(e.buf) > flushAt {
			e.flush()
		}
		if n.in != nil {
			e.tree(n.in)
		}
	}
}

// flushAt is how much is hashed at once.
const flushAt = 64 << 10

func (e *encoder) node(n *node) {
	switch n.kind {
	case kindDir:
		e.buf = append(e.buf, 'd')
	case kindLink:
		e.buf = append(e.buf, 'l')
		e.text(*n.target)
	default:
		st := n.record.stamp()
		e.buf = append(e.buf, 'f', st.bits())
		e.number(int(st.size))
		e.buf = append(e.buf, n.record.sum()[:]...)
	}
}
