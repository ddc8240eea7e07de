package world

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Object is one thing in the simulated cloud.
type Object struct {
	Kind string `json:"kind"` // a resource's type token, or "k8s:<apiVersion>/<Kind>" for what lives in a cluster
	ID   string `json:"id"`
	// Props are the object's properties in plain JSON types; secret ones are sealed (see World.Seal).
	Props map[string]any `json:"props,omitempty"`
	// Created is when the object's creation was asked for, Ready when it is of use, both in virtual time.
	Created time.Time `json:"created"`
	Ready   time.Time `json:"ready"`
	// Unfinished says that what follows when the object is ready has not been done yet: its maker is still waiting, or has died.
	Unfinished bool `json:"unfinished,omitempty"`
}

// String returns the property as a string, "" when it is absent or of another type.
func (o *Object) String(prop string) string {
	s, _ := o.Props[prop].(string)
	return s
}

// entry is one line of the journal.
type entry struct {
	Now      time.Time         `json:"now"`
	Puts     []*Object         `json:"puts,omitempty"`
	Deletes  [][2]string       `json:"deletes,omitempty"`
	Settings map[string]string `json:"settings,omitempty"` // an empty value removes the setting
	Faults   *[]Fault          `json:"faults,omitempty"`   // the whole list, when it changed
}

// Tx is a transaction's view of the world: it reads its own writes.
type Tx struct {
	w        *World
	readOnly bool
	entry    entry
}

var errReadOnly = errors.New("a view of the world cannot change it")

func (tx *Tx) empty() bool {
	e := tx.entry
	return len(e.Puts) == 0 && len(e.Deletes) == 0 && len(e.Settings) == 0 && e.Faults == nil
}

// Now is the virtual time.
func (tx *Tx) Now() time.Time { return tx.w.now() }

// Get returns the object of that kind and id, or nil.
func (tx *Tx) Get(kind, id string) *Object {
	for _, o := range slices.Backward(tx.entry.Puts) {
		if o.Kind == kind && o.ID == id {
			return o
		}
	}
	if slices.Contains(tx.entry.Deletes, [2]string{kind, id}) {
		return nil
	}
	return tx.w.state.objects[kind][id]
}

// List returns all objects of a kind, sorted by id.
func (tx *Tx) List(kind string) []*Object {
	byID := maps.Clone(tx.w.state.objects[kind])
	if byID == nil {
		byID = map[string]*Object{}
	}
	for _, d := range tx.entry.Deletes {
		if d[0] == kind {
			delete(byID, d[1])
		}
	}
	for _, o := range tx.entry.Puts {
		if o.Kind == kind {
			byID[o.ID] = o
		}
	}
	out := slices.Collect(maps.Values(byID))
	slices.SortFunc(out, func(a, b *Object) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Find returns the first object of a kind, in order of id, for which match holds, or nil.
func (tx *Tx) Find(kind string, match func(*Object) bool) *Object {
	for _, o := range tx.List(kind) {
		if match(o) {
			return o
		}
	}
	return nil
}

// Kinds returns the kinds of which there is at least one object, sorted.
func (tx *Tx) Kinds() []string {
	kinds := map[string]bool{}
	for k, byID := range tx.w.state.objects {
		kinds[k] = len(byID) > 0
	}
	for _, o := range tx.entry.Puts {
		kinds[o.Kind] = true
	}
	var out []string
	for k := range kinds {
		if kinds[k] && len(tx.List(k)) > 0 {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// Put stores an object as a whole. Objects are never modified in place: clone, change, Put.
func (tx *Tx) Put(o *Object) error {
	if tx.readOnly {
		return errReadOnly
	}
	tx.entry.Puts = append(tx.entry.Puts, o)
	return nil
}

// Delete removes an object; one that is not there is no error.
func (tx *Tx) Delete(kind, id string) error {
	if tx.readOnly {
		return errReadOnly
	}
	tx.entry.Puts = slices.DeleteFunc(tx.entry.Puts, func(o *Object) bool { return o.Kind == kind && o.ID == id })
	if tx.w.state.objects[kind][id] != nil {
		tx.entry.Deletes = append(tx.entry.Deletes, [2]string{kind, id})
	}
	return nil
}

// Setting returns a setting of the world, "" when it is not set.
func (tx *Tx) Setting(name string) string {
	if v, ok := tx.entry.Settings[name]; ok {
		return v
	}
	return tx.w.state.settings[name]
}

// Settings returns all settings.
func (tx *Tx) Settings() map[string]string {
	out := maps.Clone(tx.w.state.settings)
	maps.Copy(out, tx.entry.Settings)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// Set changes a setting of the world; an empty value removes it.
func (tx *Tx) Set(name, value string) error {
	if tx.readOnly {
		return errReadOnly
	}
	if tx.entry.Settings == nil {
		tx.entry.Settings = map[string]string{}
	}
	tx.entry.Settings[name] = value
	return nil
}

// NewID makes an id as AWS makes them: the prefix, a dash and 17 hexadecimal digits ("vpc-0f…").
func (tx *Tx) NewID(prefix string) string { return prefix + "-" + Hex(17) }

// Hex returns n random hexadecimal digits.
func Hex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return hex.EncodeToString(b)[:n]
}

func (s *state) apply(e entry) {
	for _, d := range e.Deletes {
		delete(s.objects[d[0]], d[1])
	}
	for _, o := range e.Puts {
		if s.objects[o.Kind] == nil {
			s.objects[o.Kind] = map[string]*Object{}
		}
		s.objects[o.Kind][o.ID] = o
	}
	for k, v := range e.Settings {
		if v == "" {
			delete(s.settings, k)
		} else {
			s.settings[k] = v
		}
	}
	if e.Faults != nil {
		s.faults = *e.Faults
	}
	s.serial++
	if e.Now.After(s.now) {
		s.now = e.Now
	}
}
