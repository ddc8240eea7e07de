package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

func (s *session) address(format string, args ...any) string {
	at := url.URL{Scheme: s.scheme, Host: s.repo.RegistryStr(), Path: "/v2/" + s.repo.RepositoryStr() + fmt.Sprintf(format, args...)}
	return at.String()
}

func (s *session) do(ctx context.Context, method, address string, header http.Header, body io.Reader, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	if body != nil {
		req.ContentLength = length
	}
	return s.http.Do(req)
}

// source is the bytes of a blob as they come from its registry. When the connection is lost it goes on where it was.
type source struct {
	ctx     context.Context
	session *session
	blob    v1.Descriptor
	report  func(int64) // told of bytes as they come; negative when it is read again from before
	at      int64
	body    io.ReadCloser
	tries   *attempts
	err     error // why nothing more comes
}

// Read has tried again what is worth it when it fails.
func (r *source) Read(p []byte) (int, error) {
	n, err := r.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = failure(fmt.Sprintf("reading %s of", r.blob.Digest), r.session.repo.String(), err)
		err = r.err
	}
	return n, err
}

func (r *source) read(p []byte) (int, error) {
	if r.tries == nil {
		r.tries = r.session.client.options.attempts()
	}
	for r.at < r.blob.Size {
		err := r.open()
		if err != nil {
			return 0, err
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.blob.Size-r.at)])
		r.at += int64(n)
		r.report(int64(n))
		if n > 0 {
			r.tries.advanced()
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		r.close()
		if err := r.tries.again(r.ctx, err); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// open asks for the rest of the blob.
func (r *source) open() error {
	if r.body != nil {
		return nil
	}
	header := http.Header{}
	if r.at > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.at, r.blob.Size-1))
	}
	resp, err := r.session.do(r.ctx, http.MethodGet, r.session.address("/blobs/%s", r.blob.Digest), header, nil, 0)
	if err != nil {
		return err
	}
	if err := answered(resp, http.StatusOK, http.StatusPartialContent); err != nil {
		_ = resp.Body.Close()
		return err
	}
	r.body = resp.Body
	if resp.StatusCode == http.StatusOK && r.at > 0 { // it knows no ranges
		_, err = io.CopyN(io.Discard, r.body, r.at)
	}
	return err
}

// seek makes the next byte that is read the one at an offset.
func (r *source) seek(to int64) {
	if to != r.at {
		r.close()
		r.report(to - r.at)
		r.at = to
	}
}

func (r *source) close() {
	if r.body != nil {
		_ = r.body.Close()
		r.body = nil
	}
}

// outcome is how a blob came to be in a repository.
type outcome int

const (
	there   outcome = iota // it was there
	mounted                // the registry has it in another repository, and shares it
	sent
)

// upload puts a blob into the session's repository, unless it is there. from is the repository it comes from; in the same registry it is only linked. The
// registry checks the digest when the upload ends.
func (s *session) upload(ctx context.Context, blob v1.Descriptor, from *session, report func(int64)) (outcome, error) {
	has, err := s.hasBlob(ctx, blob.Digest)
	if err != nil {
		return 0, err
	}
	if has {
		report(blob.Size)
		return there, nil
	}
	at, err := s.begin(ctx, blob.Digest, from.repo)
	if err != nil {
		return 0, err
	}
	if at == "" {
		report(blob.Size)
		return mounted, nil
	}
	src := &source{ctx: ctx, session: from, blob: blob, report: report}
	defer src.close()
	furthest, tries := int64(0), s.client.options.attempts()
	for {
		err := s.send(ctx, at, src)
		if err == nil {
			return sent, nil
		}
		if src.err != nil {
			return 0, src.err
		}
		if src.at > furthest {
			furthest = src.at
			tries.advanced()
		}
		// An upload that the registry has no more, or took wrongly, can be begun anew.
		var answer *transport.Error
		if errors.As(err, &answer) && (answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusRequestedRangeNotSatisfiable ||
			coded(answer, transport.BlobUploadInvalidErrorCode, transport.BlobUploadUnknownErrorCode, transport.DigestInvalidErrorCode, transport.SizeInvalidErrorCode)) {
			err = &restartError{err}
		}
		if err := tries.again(ctx, err); err != nil {
			return 0, err
		}
		// The end of an upload may have been done and only its answer lost.
		if has, err := s.hasBlob(ctx, blob.Digest); err != nil {
			return 0, err
		} else if has {
			src.seek(blob.Size)
			return sent, nil
		}
		var offset int64
		if at, offset = s.resume(ctx, at, blob.Size); at == "" {
			if at, err = s.begin(ctx, blob.Digest, from.repo); err != nil {
				return 0, err
			}
			if at == "" {
				src.seek(blob.Size)
				return mounted, nil
			}
		}
		src.seek(offset)
	}
}

// restartError is an answer after which an upload has to begin anew.
type restartError struct{ error }

func (e *restartError) Unwrap() error { return e.error }

func (s *session) hasBlob(ctx context.Context, digest v1.Hash) (bool, error) {
	resp, err := s.do(ctx, http.MethodHead, s.address("/blobs/%s", digest), nil, nil, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode == http.StatusOK, answered(resp, http.StatusOK, http.StatusNotFound)
}

// begin asks for an upload and gives its address, or "" when the registry took the blob over from another of its repositories.
func (s *session) begin(ctx context.Context, digest v1.Hash, from name.Repository) (string, error) {
	at := s.address("/blobs/uploads/")
	if from.Registry == s.repo.Registry && from != s.repo {
		mount := at + "?" + url.Values{"mount": {digest.String()}, "from": {from.RepositoryStr()}}.Encode()
		resp, err := s.do(ctx, http.MethodPost, mount, nil, nil, 0)
		if err == nil {
			defer func() { _ = resp.Body.Close() }()
			switch resp.StatusCode {
			case http.StatusCreated:
				return "", nil
			case http.StatusAccepted:
				return location(resp, "")
			}
		} else if ctx.Err() != nil {
			return "", err
		} // A registry may refuse to mount where it would let upload: https://github.com/google/go-containerregistry/issues/1404
	}
	resp, err := s.do(ctx, http.MethodPost, at, nil, nil, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := answered(resp, http.StatusAccepted); err != nil {
		return "", err
	}
	return location(resp, "")
}

// location is where an upload goes on.
func location(resp *http.Response, otherwise string) (string, error) {
	v := resp.Header.Get("Location")
	if v == "" && otherwise != "" {
		return otherwise, nil
	}
	at, err := resp.Request.URL.Parse(v)
	if err != nil || v == "" {
		return "", fmt.Errorf("the registry's answer says not where the upload goes on (Location: %q)", v)
	}
	return at.String(), nil
}

// send sends the rest of a blob to where its upload goes on, and ends the upload.
func (s *session) send(ctx context.Context, at string, src *source) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if src.at > 0 {
		header.Set("Content-Range", fmt.Sprintf("%d-%d", src.at, src.blob.Size-1))
	}
	if src.at < src.blob.Size {
		// The body's type hides what it is, so that it is sent once and not closed: what is sent again is decided in upload.
		body := &loan{r: src}
		resp, err := s.do(ctx, http.MethodPatch, at, header, body, src.blob.Size-src.at)
		body.end()
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if err := answered(resp, http.StatusAccepted, http.StatusNoContent, http.StatusCreated); err != nil {
			return err
		}
		if at, err = location(resp, at); err != nil {
			return err
		}
	}
	end, err := url.Parse(at)
	if err != nil {
		return err
	}
	query := end.Query()
	query.Set("digest", src.blob.Digest.String())
	end.RawQuery = query.Encode()
	resp, err := s.do(ctx, http.MethodPut, end.String(), http.Header{"Content-Type": {"application/octet-stream"}}, nil, 0)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return answered(resp, http.StatusCreated, http.StatusNoContent)
}

// loan lends a reader to one request. The transport may go on reading a body when the request has been answered or given up, so it is taken back before
// anybody else reads.
type loan struct {
	mu   sync.Mutex
	r    io.Reader
	over bool
}

func (l *loan) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return 0, errOver
	}
	return l.r.Read(p)
}

// end waits for a read that is going on, and lets no other begin.
func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

var errOver = errors.New("the request is over")

// resume asks how much of an upload has arrived, and gives where it goes on and from which byte; "" when it has to begin anew, because the registry does
// not say, or has nothing.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks ("to get the current status")
func (s *session) resume(ctx context.Context, at string, size int64) (string, int64) {
	resp, err := s.do(ctx, http.MethodGet, at, nil, nil, 0)
	if err != nil {
		return "", 0
	}
	defer func() { _ = resp.Body.Close() }()
	if answered(resp, http.StatusNoContent, http.StatusAccepted, http.StatusOK) != nil {
		return "", 0
	}
	var last int64
	if _, err := fmt.Sscanf(strings.TrimPrefix(resp.Header.Get("Range"), "bytes="), "0-%d", &last); err != nil || last < 1 || last >= size {
		return "", 0 // 0-0 stands for one byte and for none
	}
	if at, err = location(resp, at); err != nil {
		return "", 0
	}
	return at, last + 1
}
