package manifest

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/aymanbagabas/go-udiff/lcs"
)

// unified is the difference of two objects in the lines of their YAML, with three unchanged ones around each change, as git has it.
func unified(before, after Object) string {
	old := text(before)
	diff, err := udiff.ToUnified("a", "b", old, lineEdits(old, text(after)), udiff.DefaultContextLines)
	if err != nil { // for edits that overlap, which these do not
		return ""
	}
	_, diff, _ = strings.Cut(diff, "\n") // --- a
	_, diff, _ = strings.Cut(diff, "\n") // +++ b
	return diff
}

// lineEdits turn one text into another line by line: each line is a letter of two words whose difference is looked for.
func lineEdits(before, after string) []udiff.Edit {
	letters := map[string]rune{}
	word := func(text string) (word []rune, lines []string) {
		for line := range strings.Lines(text) {
			letter, known := letters[line]
			if !known {
				letter = rune(len(letters))
				letters[line] = letter
			}
			word, lines = append(word, letter), append(lines, line)
		}
		return word, lines
	}
	old, oldLines := word(before)
	now, lines := word(after)
	starts := make([]int, len(oldLines)+1)
	for i, line := range oldLines {
		starts[i+1] = starts[i] + len(line)
	}
	var edits []udiff.Edit
	for _, d := range lcs.DiffRunes(old, now) {
		edits = append(edits, udiff.Edit{Start: starts[d.Start], End: starts[d.End], New: strings.Join(lines[d.ReplStart:d.ReplEnd], "")})
	}
	return edits
}
