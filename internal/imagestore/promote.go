package imagestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// Copier copies an image from one repository to another, by digest. *oci.Client has it.
type Copier interface {
	Copy(ctx context.Context, from, to string, o oci.CopyOptions) (oci.Copied, error)
}

// Move is an image on its way from one environment to another.
type Move struct {
	// Name is the image's name in the configurations.
	Name string
	// From is where it is and which one it is: <repository>@sha256:…, in which a tag may stand before the @.
	From string
	// Tag is the tag that names its content; "" when that is not known.
	Tag string
	// To is the repository it is to be in; where that is the one it is in, or "", it stays there.
	To string
}

// Repository is where the image is.
func (m *Move) Repository() string {
	repository, _, _ := images.SplitPin(m.From)
	return repository
}

// Digest is which image it is; "" when From does not say it.
func (m *Move) Digest() string {
	_, _, digest := images.SplitPin(m.From)
	return digest
}

// Stays says that the image is not to be copied.
func (m *Move) Stays() bool { return m.To == "" || m.To == m.Repository() }

// Reference is the image where it is to be.
func (m *Move) Reference() string {
	if m.Stays() {
		return m.From
	}
	return m.To + "@" + m.Digest()
}

// Refusal says why an image is not to be used.
type Refusal struct {
	// Image is the image's name, Digest which one it is.
	Image, Digest string
	// Reasons are why, in sentences.
	Reasons []string
}

// Refused holds images to the gate of the environment that they are to go to: each needs an admission under its policy, recorded where the image is or
// where it is to be; of two the later counts. The error is for what could not be asked, and then nothing is known to be admitted.
func (s *Store) Refused(ctx context.Context, to *config.Stack, moves []Move) ([]Refusal, error) {
	var out []Refusal
	for i := range moves {
		m := &moves[i]
		image := to.Image(m.Name)
		if image == nil {
			out = append(out, Refusal{m.Name, m.Digest(), []string{fmt.Sprintf("%s has no image of that name", to.Environment)}})
			continue
		}
		record, err := s.lastRecord(ctx, m)
		var tampered *admission.TamperedError
		switch {
		case errors.Is(err, admission.ErrNotRecorded):
			out = append(out, Refusal{m.Name, m.Digest(), []string{"no admission is recorded of it"}})
			continue
		case errors.As(err, &tampered):
			out = append(out, Refusal{m.Name, m.Digest(), []string{err.Error()}})
			continue
		case err != nil:
			return nil, fmt.Errorf("image %s: %w", m.Name, err)
		}
		policy := admission.PolicyOf(to, image)
		if verdict := admission.Check(record, &policy, s.Now()); !verdict.Admitted {
			r := Refusal{Image: m.Name, Digest: m.Digest()}
			for _, reason := range verdict.Reasons {
				r.Reasons = append(r.Reasons, reason.Message)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// lastRecord is the later one of the verdicts on an image where it is and where it is to be.
func (s *Store) lastRecord(ctx context.Context, m *Move) (*admission.Record, error) {
	at := []string{m.Repository()}
	if !m.Stays() {
		at = append(at, m.To)
	}
	var last *admission.Record
	for _, repository := range at {
		records, err := s.Admissions(ctx, repository, false)
		if err != nil {
			return nil, err
		}
		r, err := records.Get(ctx, m.Digest())
		switch {
		case errors.Is(err, admission.ErrNotRecorded):
		case err != nil:
			return nil, err
		case last == nil || r.At.After(last.At):
			last = r
		}
	}
	if last == nil {
		return nil, admission.ErrNotRecorded
	}
	return last, nil
}

// Bring copies an image to where it is to be, by digest, with all that refers to it, its admission among that. A tag keeps it there: that of its content,
// or where the repository has that with another digest, since it was built there too, one of its digest. What is there already is not copied again.
func (s *Store) Bring(ctx context.Context, copier Copier, m *Move, progress func(done, total int64)) (oci.Copied, error) {
	if m.Stays() {
		return oci.Copied{Digest: m.Digest()}, nil
	}
	tags := []string{digestTag(m.Digest())}
	if m.Tag != "" {
		tags = slices.Insert(tags, 0, m.Tag)
	}
	var copied oci.Copied
	var err error
	for _, tag := range tags {
		copied, err = copier.Copy(ctx, m.Repository()+"@"+m.Digest(), m.To+":"+tag, oci.CopyOptions{Referrers: true, Progress: progress})
		if !oci.Is(err, oci.TagTaken) {
			break
		}
	}
	if err != nil {
		return copied, fmt.Errorf("image %s: %w", m.Name, err)
	}
	if err := s.carry(ctx, m); err != nil {
		return copied, fmt.Errorf("image %s: %w", m.Name, err)
	}
	return copied, nil
}

// carry takes an image's admission along, unless the place has as late a one.
func (s *Store) carry(ctx context.Context, m *Move) error {
	from, err := s.Admissions(ctx, m.Repository(), false)
	if err != nil {
		return err
	}
	to, err := s.Admissions(ctx, m.To, true)
	if err != nil {
		return err
	}
	theirs, err := from.Get(ctx, m.Digest())
	if errors.Is(err, admission.ErrNotRecorded) { // then it was recorded where the image is to be
		return nil
	}
	if err != nil {
		return err
	}
	ours, err := to.Get(ctx, m.Digest())
	switch {
	case err == nil && !ours.At.Before(theirs.At):
		return nil
	case err != nil && !errors.Is(err, admission.ErrNotRecorded):
		return err
	}
	return admission.Carry(ctx, from, to, m.Digest())
}

// digestTag is a tag for an image whose content's tag is not known or names another build: it names the digest, so that it never moves.
func digestTag(digest string) string {
	const enough = 32
	_, hex, _ := strings.Cut(digest, ":")
	return "d1-" + hex[:min(len(hex), enough)]
}

// Moves are the images that run somewhere, by their names and references, on their way into repositories, by the images' names.
func Moves(refs, tags, repositories map[string]string) []Move {
	var out []Move
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		out = append(out, Move{Name: name, From: refs[name], Tag: tags[name], To: repositories[name]})
	}
	return out
}
