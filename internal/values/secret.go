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

// Secret says whether the value at a path is a secret: it was written in a layer of secrets, or is one by its name. An object or list is when
// anything in it is.
func (c *Computed) Secret(p Path) bool {
	n := c.root
	for i, key := range p {
		if n = n.child(key); n == nil {
			return c.OriginOf(p[:i]).Secret
		}
	}
	return n.secret(p)
}

func (n *node) secret(p Path) bool {
	switch {
	case n.fields != nil:
		for key, f := range n.fields {
			if f.secret(p.with(key)) {
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
	return n.Secret || leafSecret(p, n.value)
}

// leafSecret says whether a leaf is a secret by its name. Only a text can be: a number, a switch or nothing at all hides nothing.
func leafSecret(p Path, value any) bool {
	text, ok := value.(string)
	return ok && text != "" && Sensitive(p)
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

// Shown are the values below a path with "[secret]" in the place of secrets; false when there are none.
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
	if v != nil && c.Secret(p) {
		return Masked
	}
	return v
}

// shortest is how short a secret may be to be looked for in a text: shorter ones would be found in every second word.
const shortest = 4

// Scrub takes secrets out of a text that was made with the values, such as what a chart's template says of them.
func (c *Computed) Scrub(text string) string {
	for _, leaf := range c.Leaves(nil) {
		secret, ok := leaf.Value.(string)
		if !ok || !c.Secret(leaf.Path) {
			continue
		}
		for _, part := range append(strings.Split(secret, "\n"), secret) {
			if part = strings.TrimSpace(part); len(part) >= shortest {
				text = strings.ReplaceAll(text, part, Masked)
			}
		}
	}
	return text
}
