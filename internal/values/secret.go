package values

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/secretname"
)

// Masked stands for a secret wherever values are shown.
const Masked = "[secret]"

// secretAt are values of the JupyterHub chart that are secrets by where they stand, as the ends of their paths:
// https://z2jh.jupyter.org/en/stable/resources/reference.html
var secretAt = []Path{{"https", "manual", "key"}, {"CryptKeeper", "keys"}}

// Sensitive says whether the value at a path is a secret by its name: a password, a token, a key. A value below it is one, too.
func Sensitive(p Path) bool {
	for n := len(p); n > 0; n-- {
		if secretname.Is(p[n-1]) {
			return true
		}
		for _, end := range secretAt {
			if n >= len(end) && slices.Equal(p[n-len(end):n], end) {
				return true
			}
		}
	}
	return false
}

// Secret says whether the value at a path is a secret: it was written in a layer of secrets, is one by its name, or is a text that holds one. An object
// or list is when anything in it is.
func (c *Computed) Secret(p Path) bool {
	n, known := c.node(p)
	if !known {
		return n.Secret
	}
	return n.secret(p) || n.isText() && c.whole(p)
}

// node is what stands at a path; when that is not known, the nearest around it.
func (c *Computed) node(p Path) (n *node, known bool) {
	n = c.root
	for _, key := range p {
		below := n.child(key)
		if below == nil {
			return n, false
		}
		n = below
	}
	return n, true
}

func (n *node) secret(p Path) bool {
	switch {
	case n.fields != nil:
		for key, f := range n.fields {
			if f.secret(p.with(key)) || key == pairValue && f.isText() && n.pair() {
				return true
			}
		}
		return false
	case n.items != nil:
		for i, item := range n.items {
			if item.secret(p.with(strconv.Itoa(i))) {
				return true
			}
		}
		return false
	}
	if n.whole(p) {
		return true
	}
	text, _ := n.value.(string)
	return len(secretname.In(text)) > 0
}

// whole says whether a leaf is a secret from its beginning to its end: by its layer or by its name. By its name only a text can be: a number, a switch or
// nothing at all hides nothing.
func (n *node) whole(p Path) bool {
	return n.Secret || n.isText() && Sensitive(p)
}

func (n *node) isText() bool {
	text, ok := n.value.(string)
	return ok && text != ""
}

// pairValue is the key of what a pair is, beside its name.
const pairValue = "value"

// pair says whether an object has a secret's name, as variables in a list have it: {name: DB_PASSWORD, value: …}.
func (n *node) pair() bool {
	name := n.fields["name"]
	if name == nil {
		return false
	}
	text, _ := name.value.(string)
	return secretname.Is(text)
}

// whole says whether what stands at a path is a secret from its beginning to its end, a pair's name among what tells.
func (c *Computed) whole(p Path) bool {
	n, known := c.node(p)
	switch {
	case !known:
		return n.Secret
	case n.whole(p):
		return true
	case len(p) == 0 || p[len(p)-1] != pairValue || !n.isText():
		return false
	}
	around, _ := c.node(p[:len(p)-1])
	return around.pair()
}

// Exposure is a secret in a layer that is not one of secrets. Its line is that of the secret itself where that can be known.
type Exposure struct {
	Leaf
	// What says what the leaf holds, such as "a private key"; "" for one that is a secret by its name.
	What string
}

// Exposed are the secrets in layers that are not of secrets, in the order of their paths.
func (c *Computed) Exposed() (out []Exposure) {
	for _, leaf := range c.Leaves(nil) {
		text, ok := leaf.Value.(string)
		n, known := c.node(leaf.Path)
		switch {
		case !ok || leaf.Secret || !known:
		case c.whole(leaf.Path):
			out = append(out, Exposure{leaf, ""})
		default:
			for _, found := range secretname.In(text) {
				at := leaf
				if n.first > 0 {
					at.Line = n.first + strings.Count(text[:found.Start], "\n")
				}
				out = append(out, Exposure{at, found.What})
			}
		}
	}
	return out
}

// Split parts the values into those that may be seen and those that are secret. A list with a secret in it is secret as a whole, because lists do not
// merge. Laid over the others, the secret ones give all the values.
func (c *Computed) Split() (plain, secret map[string]any) {
	p, s := c.split(c.Values, nil)
	plain, _ = p.(map[string]any)
	secret, _ = s.(map[string]any)
	return plain, secret
}

func (c *Computed) split(v any, p Path) (plain, secret any) {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		if c.Secret(p) {
			return nil, v
		}
		return v, nil
	}
	plains, secrets := map[string]any{}, map[string]any{}
	for key, e := range m {
		at := p.with(key)
		pl, se := c.split(e, at)
		if pl != nil || se == nil {
			plains[key] = pl
		}
		if se != nil {
			secrets[key] = se
		}
	}
	if len(secrets) == 0 {
		return plains, nil
	}
	if len(plains) == 0 && p != nil {
		return nil, secrets
	}
	return plains, secrets
}

// Shown are the values below a path with "[secret]" in the place of secrets, and of those that texts hold; false when there are no values.
func (c *Computed) Shown(below Path) (any, bool) {
	v, ok := at(c.Values, below)
	if !ok {
		return nil, false
	}
	return c.shown(v, below), true
}

func (c *Computed) shown(v any, p Path) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = c.shown(e, p.with(key))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = c.shown(e, p.with(strconv.Itoa(i)))
		}
		return out
	}
	text, ok := v.(string)
	switch {
	case v != nil && c.whole(p):
		return Masked
	case ok:
		return secretname.Mask(text, Masked)
	}
	return v
}

// shortest is how short a secret may be to be looked for in a text: shorter ones would be found in every second word.
const shortest = 4

// Scrub takes secrets out of a text that was made with the values, such as what a chart's template says of them.
func (c *Computed) Scrub(text string) string {
	for _, leaf := range c.Leaves(nil) {
		value, ok := leaf.Value.(string)
		if !ok || !c.Secret(leaf.Path) {
			continue
		}
		secrets := []string{value}
		if _, known := c.node(leaf.Path); known && !c.whole(leaf.Path) {
			secrets = secrets[:0]
			for _, found := range secretname.In(value) {
				secrets = append(secrets, value[found.Start:found.End])
			}
		}
		for _, secret := range secrets {
			for _, part := range append(strings.Split(secret, "\n"), secret) {
				if part = strings.TrimSpace(part); len(part) >= shortest {
					text = strings.ReplaceAll(text, part, Masked)
				}
			}
		}
	}
	return text
}
