package oci

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind classifies what went wrong; the command line's exit code and what a person is advised to do hang on it.
type Kind string

// The kinds of failures that are told apart.
const (
	Failed      Kind = "failed"      // anything else
	BadName     Kind = "bad-name"    // what was given is no name of an image or a repository
	NotFound    Kind = "not-found"   // the registry has no such repository, tag or digest
	NotSignedIn Kind = "signed-out"  // 401, or there are no credentials to ask with
	Denied      Kind = "denied"      // 403: these credentials may not do that
	Limited     Kind = "limited"     // 429, to the end of the patience
	Unavailable Kind = "unavailable" // 5xx, refused, closed, no such host, to the end of the patience
	Silent      Kind = "silent"      // it did not answer in time
	Untrusted   Kind = "untrusted"   // its certificate is not trusted, or it speaks no TLS
	Corrupt     Kind = "corrupt"     // the bytes are not those of the digest
	TagTaken    Kind = "tag-taken"   // the tag names other content already
	Interrupted Kind = "interrupted" // the caller ended it; a tag that was put is whole
)

// Error is a failure in words: a sentence, and what to do.
type Error struct {
	Kind    Kind
	Message string
	Hint    string
	Err     error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether an error is a failure of a kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

var errPlain = errors.New("it speaks no TLS, and without it credentials are readable on the way")

// silentError says that a registry did not answer in time. It is an error of package net's kind.
type silentError struct{ after time.Duration }

func (e *silentError) Error() string { return fmt.Sprintf("it sent nothing for %s", e.after) }
func (e *silentError) Timeout() bool { return true }

// Failure tells in words what went wrong while doing something with what a registry has, by means of what Remote gives. An Error stays what it is.
func Failure(doing, what string, err error) error { return failure(doing, what, err) }

// failure tells what went wrong while doing something with a registry's thing. An Error stays what it is.
func failure(doing, what string, err error) error {
	var done *Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	kind, cause, hint := classify(err)
	return &Error{Kind: kind, Message: fmt.Sprintf("%s %s: %s", doing, what, cause), Hint: hint, Err: err}
}

func classify(err error) (kind Kind, cause, hint string) {
	var answer *transport.Error
	var silent *silentError
	var unknownAuthority x509.UnknownAuthorityError
	var verification *tls.CertificateVerificationError
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return Interrupted, "interrupted", "a tag is put only when all of its image is there; run the same command again, what has been copied stays and is not copied again"
	case errors.As(err, &silent):
		return Silent, "the registry does not answer: " + silent.Error(), "see whether it is up, and whether this machine's network or proxy lets it through; then run the same command again"
	case errors.As(err, &answer):
		kind, cause, hint = classifyAnswer(answer)
		if asked := new(delayedError); errors.As(err, &asked) && asked.after > 0 {
			cause += fmt.Sprintf(", and asks to wait for %s", asked.after.Round(time.Second))
		}
		return kind, cause, hint
	case errors.As(err, &unknownAuthority):
		return Untrusted, "its certificate is signed by nobody whom this machine trusts", "add its certificate authority to the system's, or name the file in SSL_CERT_FILE"
	case errors.As(err, &verification):
		return Untrusted, "its certificate is not good: " + verification.Err.Error(), "see whether the name is right, and whether the certificate has expired"
	case speaksNoTLS(err), errors.Is(err, errPlain):
		return Untrusted, errPlain.Error(), "give it TLS; or allow it by name where the network is trusted"
	case errors.As(err, &dns) && dns.IsNotFound:
		return Unavailable, "there is no host " + dns.Name, "see whether the name is right, and whether this machine's network knows it (VPN?)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return Unavailable, "nothing listens there: connection refused", "see whether the registry is up and the port right"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Silent, "the registry does not answer: " + plain(err), "see whether it is up, and whether this machine's network or proxy lets it through; then run the same command again"
	}
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Unavailable, "the connection was lost: " + plain(err), "run the same command again: what has been copied stays and is not copied again"
	}
	return Failed, plain(err), ""
}

// classifyAnswer goes by the status and, where there is one, the code of the protocol
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes).
func classifyAnswer(e *transport.Error) (kind Kind, cause, hint string) {
	said := fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	for _, d := range e.Errors {
		if text := strings.TrimSpace(string(d.Code) + " " + d.Message); text != "" {
			said += ", " + text
		}
	}
	at := "the registry answered " + said
	switch {
	case coded(e, transport.DigestInvalidErrorCode):
		return Corrupt, at, "what arrived is not what its digest says: run the same command again; when it stays, the source's copy is damaged"
	case e.StatusCode == http.StatusUnauthorized:
		return NotSignedIn, at, "sign in: `docker login` for it; for ECR, AWS credentials of an identity that may use it (AWS_PROFILE, `aws sso login`)"
	case e.StatusCode == http.StatusForbidden:
		return Denied, at, "these credentials may not do that: for ECR see the identity's policy and, for another account's, the repository's"
	case e.StatusCode == http.StatusNotFound:
		return NotFound, at, "see whether the name is right; a registry may make no repository by itself (ECR does not)"
	case e.StatusCode == http.StatusTooManyRequests:
		return Limited, at, "it asks for fewer requests: wait, sign in where that raises the limit, and run the same command again"
	case e.StatusCode == http.StatusRequestEntityTooLarge:
		return Failed, at, "a proxy before the registry limits the size of a layer; raise that limit"
	case e.StatusCode >= http.StatusInternalServerError:
		return Unavailable, at, "the registry is in trouble: wait, and run the same command again; what has been copied stays and is not copied again"
	}
	return Failed, at, ""
}

func coded(e *transport.Error, codes ...transport.ErrorCode) bool {
	for _, d := range e.Errors {
		for _, code := range codes {
			if d.Code == code {
				return true
			}
		}
	}
	return false
}

// status is the status that a registry answered with; 0 when the error is none of its answers.
func status(err error) int {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}

// plain is an error without the address that it happened at: signed addresses of blobs are secrets.
func plain(err error) string {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}
