package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// CommentLimit is how many characters GitHub takes in a comment: https://github.com/telia-oss/github-pr-resource/issues/259 has its words. GitLab takes more:
// https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics.
const CommentLimit = 65536

// Markdown renders the change for a pull request: guards first, then what it means for people, the resources, and the objects in the cluster, folded. It has
// at most limit bytes (CommentLimit when 0): where there is more, the largest parts come last and are shortened, with a count of what is missing, and whole
// is named as the place where all of it is, such as a file's name; "" for none. What names and values bring is text and nothing else: no Markdown, HTML,
// mention, reference, or command of a workflow. The first line is a comment by which the one of that environment is found again: see Marker.
func (c *Change) Markdown(limit int, whole string) string {
	limit = cmp.Or(limit, CommentLimit)
	head := c.head()
	foot := "\n<sub>made by hubwright"
	if c.Target.Sandbox {
		foot += " in the sandbox: simulated services, nothing real was looked at"
	}
	foot += "</sub>\n"
	pointer := ""
	if whole != "" {
		pointer = "; the whole is in " + code(whole)
	}
	empty := func(p *part) bool { return len(p.items) == 0 }
	first := slices.DeleteFunc([]*part{c.guardsPart(), c.effectsPart(), c.stepsPart(), c.warningsPart()}, empty)
	then := slices.DeleteFunc(c.manifestParts(limit), empty)
	left := limit - len(head) - len(foot) - margin
	share := left
	if len(then) > 0 {
		share = left * 2 / 3
	}
	left -= fit(first, share, pointer)
	fit(then, left, pointer)
	var b strings.Builder
	b.WriteString(head)
	for _, p := range slices.Concat(first, then) {
		b.WriteString(p.text(pointer))
	}
	b.WriteString(foot)
	return Defuse(b.String())
}

// Marker is the first line of an environment's Markdown, by which its comment is found among others and updated in place.
func Marker(environment string) string {
	var b strings.Builder
	for _, r := range environment { // nothing that could end a comment
		if r == '-' || r == '>' || r < ' ' {
			fmt.Fprintf(&b, "_%x", r)
			continue
		}
		b.WriteRune(r)
	}
	return "<!-- hubwright change " + b.String() + " -->"
}

// head is what is never shortened.
func (c *Change) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n### %s: %s\n\n", Marker(c.Environment), code(c.Environment), c.Summary.Text())
	var where []string
	if c.Target.Cluster != "" {
		where = append(where, "cluster "+code(c.Target.Cluster))
	}
	if c.Target.Account != "" {
		where = append(where, "account "+code(c.Target.Account))
	}
	if c.Target.Region != "" {
		where = append(where, "region "+code(c.Target.Region))
	}
	if c.Target.Sandbox {
		where = append(where, "**sandbox**")
	}
	if len(where) > 0 {
		fmt.Fprintf(&b, "%s\n\n", strings.Join(where, ", "))
	}
	s := c.Summary
	if s.Changes() > 0 {
		fmt.Fprintf(&b, "| create | update | replace | delete | same |\n|---:|---:|---:|---:|---:|\n| %d | %d | %d | %d | %d |\n\n", s.Create, s.Update, s.Replace, s.Delete, s.Same)
	}
	return b.String()
}

// part is a piece of the Markdown that can be shortened, item by item.
type part struct {
	open, close string // around the items
	items       []string
	unseen      int    // items that were not even made, since there is no room for them anyway
	of          string // what an item is, in the plural
	keep        int    // how many items are shown; see fit
}

func (p *part) size() int {
	n := len(p.open) + len(p.close)
	for _, i := range p.items {
		n += len(i)
	}
	return n
}

func (p *part) text(pointer string) string {
	var b strings.Builder
	b.WriteString(p.open)
	for _, item := range p.items[:p.keep] {
		b.WriteString(item)
	}
	b.WriteString(p.close)
	if left := len(p.items) - p.keep + p.unseen; left > 0 {
		fmt.Fprintf(&b, "… and %d more %s%s\n\n", left, p.of, pointer)
	}
	return b.String()
}

// margin is room for an invisible character here and there: see Defuse.
const margin = 512

// fit decides how much of each part is shown, so that all have at most limit bytes together, and returns how many they have: each has a right to the same
// share, and what small ones leave is the others'. Those that are shortened come last, but for the first part.
func fit(parts []*part, limit int, pointer string) (used int) {
	order := slices.Clone(parts)
	slices.SortStableFunc(order, func(a, b *part) int { return cmp.Compare(a.size(), b.size()) })
	for i, p := range order {
		share := (limit - used) / (len(order) - i)
		if p.size() <= share && p.unseen == 0 {
			p.keep = len(p.items)
			used += p.size()
			continue
		}
		size := len(p.open) + len(p.close) + len("… and 1000000000 more \n\n") + len(p.of) + len(pointer)
		for _, item := range p.items {
			if size+len(item) > share {
				break
			}
			size += len(item)
			p.keep++
		}
		used += size
	}
	slices.SortStableFunc(parts[min(1, len(parts)):], func(a, b *part) int { return cmp.Compare(a.shortened(), b.shortened()) })
	return used
}

// shortened is 1 for a part of which something is missing.
func (p *part) shortened() int {
	if p.keep < len(p.items) || p.unseen > 0 {
		return 1
	}
	return 0
}

func (c *Change) guardsPart() *part {
	p := &part{of: "guards", close: "\n"}
	guards := slices.Clone(c.Guards)
	slices.SortStableFunc(guards, func(a, b Guard) int { // what stops it comes first
		return cmp.Compare(blocks(b), blocks(a))
	})
	for _, g := range guards {
		word, sign := prose(g.does()), "⚠️"
		if g.Blocking {
			word, sign = "**stops this**", "⛔"
		}
		item := fmt.Sprintf("- %s %s %s: %s", sign, code(g.Rule), word, prose(g.Message))
		if g.Hint != "" && g.Overridden == "" {
			item += "<br>" + prose(g.Hint)
		}
		p.items = append(p.items, item+"\n")
	}
	return p
}

func blocks(g Guard) int {
	if g.Blocking {
		return 1
	}
	return 0
}

func (c *Change) effectsPart() *part {
	p := &part{of: "effects", open: "**For the people who work there**\n\n", close: "\n"}
	signs := map[string]string{Notice: "ℹ️", Interrupts: "🔄", Loss: "⛔"}
	for _, e := range c.Effects {
		p.items = append(p.items, fmt.Sprintf("- %s %s: %s\n", signs[e.Weight], code(e.Hub), prose(e.Message)))
	}
	return p
}

// manyProperties is how many of a resource's properties are shown.
const manyProperties = 12

func (c *Change) stepsPart() *part {
	p := &part{of: "resources", open: "| | resource | what changes |\n|---|---|---|\n", close: "\n"}
	steps := slices.Clone(c.Steps)
	rank := []string{"delete", "replace", "update", "create", "import"}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(slices.Index(rank, a.Op), slices.Index(rank, b.Op)) })
	for _, s := range steps {
		var what []string
		if s.Op != "create" && s.Op != "delete" {
			for i, d := range s.Diff {
				if i == manyProperties {
					what = append(what, fmt.Sprintf("… and %d more", len(s.Diff)-i))
					break
				}
				what = append(what, d.markdown())
			}
		}
		p.items = append(p.items, fmt.Sprintf("| %s&nbsp;%s | %s<br>%s | %s |\n", symbol(s.Op), s.Op, cell(s.Name), cell(ShortType(s.Type)), strings.Join(what, "<br><br>")))
	}
	return p
}

func (p Property) markdown() string {
	kind, forced, _ := strings.Cut(p.Kind, "-")
	text := cell(p.Path) + " "
	switch kind {
	case "add":
		text += "set to " + cell(clip(value(p.New)))
	case "delete":
		text += "removed, was " + cell(clip(value(p.Old)))
	default:
		was, is := apart(value(p.Old), value(p.New))
		text += cell(was) + " → " + cell(is)
	}
	if forced != "" {
		text += " **forces replacement**"
	}
	if p.Words != "" {
		text += "<br>" + prose(p.Words)
	}
	if p.From != "" {
		text += "<br>from " + cell(p.From)
	}
	return text
}

func (c *Change) warningsPart() *part {
	p := &part{of: "remarks", close: "\n"}
	for _, w := range c.Warnings {
		p.items = append(p.items, "- "+prose(w)+"\n")
	}
	return p
}

// manyManifests is how many objects' differences are shown; of further ones only the names are.
const manyManifests = 50

// manifestParts are the objects in the cluster: a part for each difference, with at most limit bytes of it, and one for the names of objects without.
func (c *Change) manifestParts(limit int) []*part {
	names := &part{of: "objects", close: "\n"}
	out := []*part{}
	for _, m := range c.Manifests {
		title := fmt.Sprintf("%s %s %s", symbol(m.Op), m.Kind, m.Name)
		if m.Diff == "" || len(out) == manyManifests {
			item := fmt.Sprintf("- in the cluster, %s: %s", code(m.Hub), code(title))
			if m.Diff == "" {
				item += ": its pods are made anew"
			}
			names.items = append(names.items, item+"\n")
			continue
		}
		fence := strings.Repeat("`", max(3, longestRun(m.Diff, '`')+1))
		p := &part{
			of:    "lines",
			open:  fmt.Sprintf("<details><summary>in the cluster, <code>%s</code>: <code>%s</code></summary>\n\n%sdiff\n", entities(oneLine(m.Hub)), entities(oneLine(title)), fence),
			close: fence + "\n\n</details>\n\n",
		}
		size := 0
		for line := range strings.Lines(m.Diff) {
			if size > limit {
				p.unseen++
				continue
			}
			item := strings.TrimSuffix(visible(line), "\n") + "\n"
			p.items = append(p.items, item)
			size += len(item)
		}
		out = append(out, p)
	}
	return append([]*part{names}, out...)
}
