package awssim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
)

// Properties are plain JSON values; these read them without minding what is absent or of another type.

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func number(m map[string]any, key string, def int) int {
	switch n := m[key].(type) {
	case float64:
		return int(n)
	case int: // put by this process, not read back yet
		return n
	}
	return def
}

func flag(m map[string]any, key string) bool {
	b, _ := m[key].(bool)
	return b
}

func object(m map[string]any, key string) map[string]any {
	o, _ := m[key].(map[string]any)
	return o
}

func texts(m map[string]any, key string) []string {
	list, _ := m[key].([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func objects(m map[string]any, key string) []map[string]any {
	list, _ := m[key].([]any)
	var out []map[string]any
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// anyList is a list of strings as a property.
func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// apiError is an error as a service words it: its code, then the message.
func apiError(code, format string, args ...any) error {
	return fmt.Errorf("%s: %s", code, fmt.Sprintf(format, args...))
}

// problems collects what is wrong with inputs; each entry begins with the property's name.
type problems []string

func (p *problems) add(prop, format string, args ...any) {
	*p = append(*p, prop+": "+fmt.Sprintf(format, args...))
}

// oneOf checks a property, when given, against the values that a service knows.
func (p *problems) oneOf(in map[string]any, prop string, allowed ...string) {
	if v := text(in, prop); v != "" && !slices.Contains(allowed, v) {
		p.add(prop, "expected %s to be one of %q, got %s", prop, allowed, v)
	}
}

// between checks a number, when given.
func (p *problems) between(in map[string]any, prop string, low, high int) {
	if _, ok := in[prop].(float64); ok {
		if n := number(in, prop, 0); n < low || n > high {
			p.add(prop, "expected %s to be in the range (%d - %d), got %d", prop, low, high, n)
		}
	}
}

// longest checks the length of a text in characters.
func (p *problems) longest(in map[string]any, prop string, most int) {
	if n := len([]rune(text(in, prop))); n > most {
		p.add(prop, "expected length of %s to be at most %d characters, got %d", prop, most, n)
	}
}

// tags checks tags as most services take them: at most 50, keys of 1 to 128 characters not beginning with aws:, values of up to 256.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
func (p *problems) tags(in map[string]any) {
	tags := object(in, "tags")
	if len(tags) > 50 {
		p.add("tags", "at most 50 tags are allowed, got %d", len(tags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		s, isText := tags[key].(string)
		switch {
		case key == "" || len([]rune(key)) > 128:
			p.add("tags", "the key %q has to have 1 to 128 characters", key)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			p.add("tags", "the key %q begins with aws:, which is reserved", key)
		case !isText || len([]rune(s)) > 256:
			p.add("tags", "the value of %q has to be a text of up to 256 characters", key)
		}
	}
}

// sentence joins the problems found by a check for use as one error.
func (p problems) sentence() error {
	if len(p) == 0 {
		return nil
	}
	return errors.New(strings.Join(p, "; "))
}

// hash makes up the end of an id that has to be the same whenever it is asked for.
func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}
