package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// admissionKind are the gate's records of simulated images, by digest. A registry has them beside the images; nothing of a simulated image is there to
// put one beside.
const admissionKind = "hubwright:admission"

// Admission is the record of an image, as it was kept; "" without one.
func (s *Sandbox) Admission(digest string) (text string, err error) {
	return admissionIn(s.World, digest)
}

func admissionIn(w *world.World, digest string) (text string, err error) {
	err = w.View(func(tx *world.Tx) error {
		if o := tx.Get(admissionKind, digest); o != nil {
			text = o.String("record")
		}
		return nil
	})
	return text, err
}

// KeepAdmission keeps the record of an image in place of an earlier one.
func (s *Sandbox) KeepAdmission(digest, text string) error {
	return s.World.Update(func(tx *world.Tx) error {
		return tx.Put(&world.Object{Kind: admissionKind, ID: digest, Created: tx.Now(), Ready: tx.Now(), Props: map[string]any{"record": text}})
	})
}

// admissionsPath is where programs of other processes find the records, beside the APIs of AWS.
const admissionsPath = "/hubwright/admissions/"

// admissionsDoor hands records out; what is not asked for one goes on to the next.
type admissionsDoor struct {
	world *world.World
	next  http.Handler
}

// admissionAnswer is what it says of an image.
type admissionAnswer struct {
	Record string    `json:"record"` // "" without one
	Now    time.Time `json:"now"`    // on the virtual clock
}

func (d admissionsDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	digest, asked := strings.CutPrefix(r.URL.Path, admissionsPath)
	if !asked {
		d.next.ServeHTTP(w, r)
		return
	}
	text, err := admissionIn(d.world, digest)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(admissionAnswer{text, d.world.Clock.Now()})
}

// AdmissionAt is the record of an image in the sandbox at an address (see AWSEnv), "" without one, and the time that it is there.
func AdmissionAt(ctx context.Context, addr, digest string) (record string, now time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+admissionsPath+digest, http.NoBody)
	if err != nil {
		return "", now, err
	}
	res, err := AWSClient(addr).Do(req)
	if err != nil {
		return "", now, fmt.Errorf("asking the sandbox for an admission: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return "", now, fmt.Errorf("asking the sandbox for an admission: %s", res.Status)
	}
	var answer admissionAnswer
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", now, fmt.Errorf("asking the sandbox for an admission: %w", err)
	}
	return answer.Record, answer.Now, nil
}

// TagTakenError says that a simulated repository has a tag with other content.
type TagTakenError struct{ Tag, Digest string }

func (e *TagTakenError) Error() string {
	return fmt.Sprintf("%s is there already with other content: it is %s", e.Tag, e.Digest)
}

// CopyImage copies a simulated image by its digest, which takes a note alone, since it has no content. from and to are repositories. A tag that is there
// with another digest is a *TagTakenError.
func (s *Sandbox) CopyImage(from, digest, to, tag string) error {
	return s.World.Update(func(tx *world.Tx) error {
		if there := tx.Get(awssim.ImageKind, to+":"+tag); there != nil && there.String("digest") != digest {
			return &TagTakenError{to + ":" + tag, there.String("digest")}
		}
		return awssim.CopyImage(tx, from, digest, to, tag)
	})
}
