package values

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Unknown stands for a value that is known only when something is made.
const Unknown = "[unknown]"

// Placed is a value that is put at a path by something else than a file. Items of lists are named by number; one after the last is a new one.
type Placed struct {
	Path  Path
	Value any
	// Origin is what says it.
	Origin Origin
}

// place puts values over what is there.
func (c *Computed) place(all []Placed) {
	for _, p := range all {
		before := c.Values
		after, _ := put(deepCopy(before), p.Path, deepCopy(p.Value)).(map[string]any)
		c.Values, c.root = after, marked(c.root, before, after, p.Origin)
	}
}

// put is a value with another in it, at a path. The value is changed.
func put(in any, p Path, v any) any {
	if len(p) == 0 {
		return v
	}
	switch in := in.(type) {
	case map[string]any:
		in[p[0]] = put(in[p[0]], p[1:], v)
		return in
	case []any:
		i, err := strconv.Atoi(p[0])
		if err != nil || i < 0 || i > len(in) {
			return in
		}
		if i == len(in) {
			return append(in, put(nil, p[1:], v))
		}
		in[i] = put(in[i], p[1:], v)
		return in
	}
	return map[string]any{p[0]: put(nil, p[1:], v)}
}

// Brief is a value on one line, of which at most that many letters are shown.
func Brief(v any, most int) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}
