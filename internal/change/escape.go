package change

import (
	"strings"
	"unicode"
)

// code is a text as it is, in a span of code: https://github.github.com/gfm/#code-spans.
func code(text string) string {
	text = oneLine(text)
	if strings.TrimSpace(text) == "" {
		return "` `"
	}
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// cell is code in a table, where a bar would begin the next cell, in code, too: https://github.github.com/gfm/#tables-extension-.
func cell(text string) string { return strings.ReplaceAll(code(text), "|", `\|`) }

// markup are the characters that mean something in Markdown, wherever they stand.
const markup = "\\`*_{}[]()+!|~^$"

// prose is a text of one line that reads as it is, whatever it has of Markdown, HTML, mentions, references and links.
func prose(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(visible(text), "\n") {
		line = strings.TrimSpace(line)
		if i > 0 {
			b.WriteString("<br>")
		}
		if digits := len(line) - len(strings.TrimLeft(line, "0123456789")); strings.HasPrefix(line[digits:], ".") { // the first of a list
			b.WriteString(line[:digits] + `\`)
			line = line[digits:]
		} else if strings.HasPrefix(line, "-") || strings.HasPrefix(line, "=") { // a rule, or what makes a heading of the line before
			b.WriteString(`\`)
		}
		for _, r := range line {
			switch {
			case r == '<' || r == '>' || r == '&':
				b.WriteString(entities(string(r)))
			case r == '@' || r == '#':
				b.WriteRune(r)
				b.WriteString(nothing)
			case strings.ContainsRune(markup, r):
				b.WriteRune('\\')
				b.WriteRune(r)
			default:
				b.WriteRune(r)
			}
		}
	}
	return unlinked(b.String())
}

// nothing is a character that cannot be seen and keeps those around it from being taken together.
const nothing = "\u200b"

// unlinked keeps addresses from becoming links: https://github.github.com/gfm/#autolinks-extension-.
func unlinked(text string) string {
	return strings.NewReplacer("://", ":"+nothing+"//", "www.", "www"+nothing+".", "mailto:", "mailto"+nothing+":", "xmpp:", "xmpp"+nothing+":", "GH-", "GH"+nothing+"-").Replace(text)
}

func entities(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

// oneLine is a text without line ends and without what cannot be seen.
func oneLine(text string) string {
	return strings.NewReplacer("\r", "", "\n", "⏎").Replace(visible(text))
}

// visible shows characters that cannot be seen, or turn the direction of what follows, as what they are: a reviewer must see what a computer does.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return '�'
		}
		return r
	}, text)
}

func longestRun(text string, c byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// Defuse keeps a text that a job prints from being taken for commands to the job's runner, which are lines that begin with "::", after blanks, too, or have
// "##[" in them: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands,
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs.
func Defuse(text string) string {
	if !strings.Contains(text, "::") && !strings.Contains(text, "##[") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest := strings.TrimLeftFunc(line, unicode.IsSpace)
		if strings.HasPrefix(rest, "::") {
			line = line[:len(line)-len(rest)] + ":" + nothing + rest[1:]
		}
		b.WriteString(strings.ReplaceAll(line, "##[", "#"+nothing+"#["))
	}
	return b.String()
}
