package imagestore

import (
	"context"
	"errors"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/oci"
)

// Records are the gate's records of a repository's images, beside them in their registry. Whoever scans writes.
func Records(ctx context.Context, registry *oci.Client, repository string, writes bool) (admission.Store, error) {
	at, options, err := registry.Remote(ctx, repository, writes)
	return records{&admission.Referrers{Repository: at, Options: options}}, err
}

// records tell in words why a registry does not give or take them.
type records struct{ of *admission.Referrers }

// Put records a verdict.
func (r records) Put(ctx context.Context, digest string, record *admission.Record) error {
	return r.inWords("recording the admission of", digest, r.of.Put(ctx, digest, record))
}

// Get is the last verdict on an image.
func (r records) Get(ctx context.Context, digest string) (*admission.Record, error) {
	record, err := r.of.Get(ctx, digest)
	return record, r.inWords("looking for the admission of", digest, err)
}

// inWords words what a registry answers; what is said of a record itself stays.
func (r records) inWords(doing, digest string, err error) error {
	var tampered *admission.TamperedError
	if err == nil || errors.Is(err, admission.ErrNotRecorded) || errors.As(err, &tampered) {
		return err
	}
	return oci.Failure(doing, r.of.Repository.Name()+"@"+digest, err)
}
