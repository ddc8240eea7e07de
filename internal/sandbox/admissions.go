package sandbox

import "github.com/hubwright/hubwright/internal/sandbox/world"

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
