package sandbox

import (
	"fmt"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// admissionKind are the gate's records of simulated images, by digest. A registry has them beside the images; nothing of a simulated image is there to
// put one beside.
const admissionKind = "hubwright:admission"

// Admission is the record of an image, as it was kept; "" without one.
func (s *Sandbox) Admission(digest string) (text string, err error) {
	err = s.World.View(func(tx *world.Tx) error {
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
