package secretname

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Found is a secret in a text: the part of it from Start to End, in bytes. What says what it is, such as "a private key".
type Found struct {
	What       string
	Start, End int
}

var (
	// privateKey is a private key in PEM: https://www.rfc-editor.org/rfc/rfc7468#section-10
	privateKey = lazyregexp.New(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----((?:[^-]|-[^-])*)(?:-----END [A-Z0-9 ]*-----)?`)
	// keyText is what makes a text between these lines a key, and not a word that stands for one: an Ed25519 key, the shortest, has 64 letters.
	keyText = lazyregexp.New(`[A-Za-z0-9+/]{40}`)
	// urlPassword is a URL with a user and a password: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
	urlPassword = lazyregexp.New(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@'"<>]*:([^\s/?#@'"<>]+)@[A-Za-z0-9\[{$%]`)
	// assignment is a literal that is given to a name on one line, as Python, shells and JSON have it: to a variable or attribute, to a key, to a parameter.
	assignment = lazyregexp.New(`([A-Za-z_][A-Za-z0-9_]*)["']?\]?[ \t]*(?::[ \t]*[A-Za-z_][A-Za-z0-9_.]*[ \t]*=|:=|=|:)[ \t]*[bBrRuUfF]{0,2}(?:"((?:[^"\n\\]|\\.)*)"|'((?:[^'\n\\]|\\.)*)')`)

	// placeholder is what people leave in a file that they copied.
	placeholder = lazyregexp.New(`(?i)^(<.*>|\$\{?\w+\}?|x{3,}|\*+|\.{3,}|(change|fill|replace)[-_ ]?(me|this|it)?( in)?|to-?do|fix-?me|tbd|example.*|your[-_ ].*|secret|password|dummy|placeholder|none|null)$`)
	// template is what another program puts something in the place of: of Python, of shells, of Go and Jinja.
	template = lazyregexp.New(`\{.*\}|\$\(|\$[A-Za-z_{]|%\(|%[sdr]|<[^>]*>`)
	// naming are texts that say where a secret is, or what it is called: a file, a variable of the environment, the name of a field.
	naming = lazyregexp.New(`^(\.{0,2}/.*|~/.*|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|[a-z]+(_[a-z]+)+)$`)
	// wordForPassword is what instructions have in a URL where a password belongs.
	wordForPassword = lazyregexp.New(`(?i)^(pass|passwd|pw|pwd|passphrase|token|api[-_]?key)$`)
)

// shortest is how short a text may be to be taken for a secret, in bytes.
const shortest = 4

// Placeholder says whether a text stands in the place of a secret: what people leave in a file that they copied.
func Placeholder(text string) bool { return placeholder.MatchString(strings.TrimSpace(text)) }

// In finds the secrets in a text, in their order: private keys in PEM, passwords in URLs, and literals that are given to names of secrets. What it finds
// is most likely one: what other programs fill in, what names another place, and what people write in instructions is passed over.
func In(text string) []Found {
	var found []Found
	add := func(what string, start, end int) {
		for _, f := range found {
			if start < f.End && f.Start < end {
				return // a part of one that was found
			}
		}
		found = append(found, Found{what, start, end})
	}
	// Most texts have none of these, and are looked through for them faster than for the patterns.
	if strings.Contains(text, "PRIVATE KEY") {
		for _, at := range privateKey.FindAllStringSubmatchIndex(text, -1) {
			if keyText.MatchString(text[at[2]:at[3]]) {
				add("a private key", at[0], at[1])
			}
		}
	}
	if strings.Contains(text, "://") && strings.Contains(text, "@") {
		for _, at := range urlPassword.FindAllStringSubmatchIndex(text, -1) {
			if password := text[at[2]:at[3]]; literal(password) && !wordForPassword.MatchString(password) {
				add("a password in a URL", at[2], at[3])
			}
		}
	}
	offset := 0
	for line := range strings.Lines(text) {
		if mayAssign(line) {
			for _, at := range assignment.FindAllStringSubmatchIndex(line, -1) {
				start, end := at[4], at[5]
				if start < 0 {
					start, end = at[6], at[7]
				}
				name, value := line[at[2]:at[3]], line[start:end]
				if Is(name) && literal(value) && !strings.EqualFold(name, value) && !strings.Contains(value, "://") {
					add("the text of "+name, offset+start, offset+end)
				}
			}
		}
		offset += len(line)
	}
	slices.SortFunc(found, func(a, b Found) int { return cmp.Compare(a.Start, b.Start) })
	return found
}

// sensitiveWords are in every line in which a literal is given to a name of a secret.
var sensitiveWords = []string{"secret", "token", "passw", "passphrase", "credential", "key"}

// mayAssign says whether a line may give a literal to a name of a secret: most do not.
func mayAssign(line string) bool {
	if !strings.ContainsAny(line, `"'`) || !strings.ContainsAny(line, ":=") {
		return false
	}
	lower := strings.ToLower(line)
	return slices.ContainsFunc(sensitiveWords, func(word string) bool { return strings.Contains(lower, word) })
}

// literal says whether a text is most likely a secret itself.
func literal(text string) bool {
	return len(text) >= shortest && !strings.ContainsAny(text, " \t") && !Placeholder(text) && !template.MatchString(text) && !naming.MatchString(text)
}

// Mask puts what stands for secrets in the place of those in a text.
func Mask(text, mask string) string {
	var b strings.Builder
	at := 0
	for _, f := range In(text) {
		b.WriteString(text[at:f.Start] + mask)
		at = f.End
	}
	return b.String() + text[at:]
}
