package change

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
)

// withEverything is a change that has a text in every place that a text can be in.
func withEverything(text string) *Change {
	c := New(text, Target{Account: text, Region: text, Cluster: text, Sandbox: true})
	c.Steps = []Step{
		{Op: "update", Type: text, Name: text, URN: text, Diff: []Property{
			{Path: text, Kind: "update", Old: text, New: text + "x", Words: text, From: text},
			{Path: text, Kind: "add", New: text},
			{Path: text, Kind: "delete-replace", Old: text},
		}},
		{Op: "delete", Type: "a:b:C", Name: text},
	}
	c.Summary = Summary{Update: 1, Delete: 1, Same: 3}
	c.Manifests = []Manifest{
		{Hub: text, Kind: text, Name: text, Op: "update", Diff: " " + strings.ReplaceAll(text, "\n", "\n ") + "\n"},
		{Hub: text, Kind: text, Name: text, Op: "update"},
	}
	c.Effects = []Effect{{Hub: text, Message: text, Weight: Interrupts}}
	c.Guards = []Guard{{Rule: text, Message: text, Hint: text, Blocking: true}, {Rule: text, Message: text}}
	c.Warnings = []string{text}
	return c
}

// allowed are the elements that the Markdown is made of; a comment is the marker.
var allowed = []string{"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li", "strong", "br", "details", "summary", "sub", "html", "head", "body"}

// rendered is the Markdown as a browser would have it, with raw HTML let through, as GitHub does before it takes out what it does not allow.
func rendered(t *testing.T, markdown string) *nethtml.Node {
	t.Helper()
	var out bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(markdown), &out); err != nil {
		t.Fatal(err)
	}
	doc, err := nethtml.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// inert checks that there is nothing in the Markdown but what it is made of.
func inert(t *testing.T, markdown string) {
	t.Helper()
	comments := 0
	mention := regexp.MustCompile(`(^|\W)@\w|#\d`)
	var walk func(n *nethtml.Node, inCode bool)
	walk = func(n *nethtml.Node, inCode bool) {
		switch n.Type {
		case nethtml.ElementNode:
			if !slices.Contains(allowed, n.Data) {
				t.Errorf("there is a <%s> with %v in it", n.Data, n.Attr)
			}
			inCode = inCode || n.Data == "code" || n.Data == "pre"
		case nethtml.CommentNode:
			comments++
		case nethtml.TextNode:
			if !inCode && mention.MatchString(n.Data) {
				t.Errorf("a mention or reference: %q", n.Data)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inCode)
		}
	}
	walk(rendered(t, markdown), false)
	if comments != 1 {
		t.Errorf("%d comments, want the marker alone", comments)
	}
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") {
			t.Errorf("a command to the runner: %q", line)
		}
	}
	if t.Failed() {
		t.Log(markdown)
	}
}

var nasty = []string{
	"plain", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</code></details><b>", "@octocat @org/team", "#1 GH-1 org/repo#2", "[a](http://evil.example)",
	"![a](http://evil.example/x.png)", "https://evil.example www.evil.example mailto:a@b.example a@b.example", "`", "``", "` a `` b ```", "| a | b |", `\| \` + "`", "--> <!-- x",
	"::error file=a::b", "  ::set-output name=a::b", "##[group]a", "```\n<b>out</b>\n```", "a\nb\n\n# c\n- d\n> e\n1. f", "\u202eesrever", "\x1b[31mred", "a\r\nb", "&lt;b&gt; &copy;",
	"* a * _b_ ~~c~~ **d**", "    indented", "$$x$$ $`y`$", ":+1: :octocat:", "<!-- a", "<?php", "<![CDATA[", "", " ", "\t", "=====", "-----", "+ a", "<a\nhref=x>",
}

func TestMarkdownIsInert(t *testing.T) {
	for _, text := range nasty {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			inert(t, withEverything(text).Markdown(0, text))
		})
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, text := range nasty {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inert(t, withEverything(text).Markdown(0, "whole.json"))
	})
}

// TestMarkdownFits has changes of any size: none is over the limit, guards stay, and what is missing is counted.
func TestMarkdownFits(t *testing.T) {
	for _, n := range []int{0, 1, 50, 5000} {
		c := New("staging", Target{Account: "1", Region: "r", Cluster: "c"})
		for i := range n {
			c.Steps = append(c.Steps, Step{Op: "update", Type: "a:b:C", Name: fmt.Sprintf("thing-%d", i), Diff: []Property{{Path: "p", Kind: "update", Old: strings.Repeat("a", 100), New: strings.Repeat("b", 100)}}})
			if i < 200 {
				c.Manifests = append(c.Manifests, Manifest{Hub: "hub", Kind: "ConfigMap", Name: fmt.Sprint(i), Op: "update", Diff: strings.Repeat("+a line of it\n", 10+i*20)})
			}
		}
		c.Guards = []Guard{{Rule: "data-loss", Message: "homes would go", Blocking: true}}
		c.Summary.Update = n
		start := time.Now()
		got := c.Markdown(0, "change.json")
		t.Logf("%d steps: %d bytes in %s", n, len(got), time.Since(start))
		if len(got) > CommentLimit {
			t.Errorf("%d steps: %d bytes, which is more than %d", n, len(got), CommentLimit)
		}
		inert(t, got)
		if !strings.Contains(got, "homes would go") {
			t.Errorf("%d steps: the guard is missing", n)
		}
		if n == 5000 && (len(got) < CommentLimit*8/10 || !regexp.MustCompile(`… and \d+ more resources; the whole is in .change\.json.`).MatchString(got)) {
			t.Errorf("%d bytes of %d, and what is missing:\n%s", len(got), CommentLimit, got[len(got)-2000:])
		}
		if n == 50 && strings.Contains(got, "more resources") {
			t.Error("few resources are shortened in place of long differences")
		}
	}
}

func TestMarkdownOfNoChange(t *testing.T) {
	c := New("prod", Target{Account: "162808325377", Region: "us-east-1", Cluster: "roman-sit-prod"})
	c.Summary.Same = 96
	const want = "<!-- hubwright change prod -->\n### `prod`: no change (96 resources the same)\n\ncluster `roman-sit-prod`, account `162808325377`, region `us-east-1`\n\n\n<sub>made by hubwright</sub>\n"
	if got := c.Markdown(0, ""); got != want {
		t.Errorf("%q", got)
	}
}

func TestMarker(t *testing.T) {
	for env, want := range map[string]string{"staging": "<!-- hubwright change staging -->", "us-east": "<!-- hubwright change us_2deast -->", "-->": "<!-- hubwright change _2d_2d_3e -->"} {
		if got := Marker(env); got != want {
			t.Errorf("%s: %s", env, got)
		}
	}
}
