package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Limits of a gate's times, in seconds. A scan or a test of more than a day is stuck.
const minGateTimeout, maxGateTimeout = 1, 86400

// secretFlag finds options that carry credentials, such as trivy's --password and --registry-token.
var secretFlag = lazyregexp.New(`(?i)^--?[a-z-]*(password|passwd|token|secret)(=.+)?$`)

// gates checks the registry's gate and those of the images.
func (c *checker) gates() {
	c.gate("registry.gate", &c.Registry.Gate, "")
	names := c.imageNames()
	for i := range c.Images {
		at := "images" + named(names, i)
		c.words(at+".test", c.Images[i].Test)
		c.gate(at+".gate", &c.Images[i].Gate, c.Images[i].Name)
	}
}

// imageNames are the names of images, in their order.
func (c *checker) imageNames() []string {
	names := make([]string, len(c.Images))
	for i := range c.Images {
		names[i] = c.Images[i].Name
	}
	return names
}

// gate checks one gate; image is whose it is, "" for the registry's.
func (c *checker) gate(at string, g *Gate, image string) {
	if c.written(at + ".threshold") {
		c.choice(at+".threshold", g.Threshold, Severities()...)
	}
	for severity, n := range g.AtMost {
		path := join(at+".atMost", severity)
		c.choice(path, severity, Severities()...)
		if n < 0 {
			c.add(path, fmt.Sprintf("is %d", n), "use 0 or more; to permit any number, raise the threshold and take this out")
		}
	}
	for path, seconds := range map[string]int{at + ".timeoutSeconds": g.TimeoutSeconds, at + ".testTimeoutSeconds": g.TestTimeoutSeconds} {
		if c.written(path) {
			c.between(path, seconds, minGateTimeout, maxGateTimeout)
		}
	}
	c.scanner(at+".scanner", &g.Scanner)
	c.allowances(at+".allow", g.Allow, image)
}

func (c *checker) scanner(at string, s *Scanner) {
	if len(s.Command) == 0 {
		for _, key := range []string{"command", "format", "findingsExitCodes"} {
			if path := at + "." + key; c.written(path) {
				c.add(path, "is of a scanner, but there is no command", "give the command word by word, such as [trivy, image, --format, json, \"{image}\"], or take scanner out: then ECR's own scan counts")
				return
			}
		}
		return
	}
	c.words(at+".command", s.Command)
	if arguments := strings.Join(s.Command[1:], " "); !strings.Contains(arguments, "{image}") && !strings.Contains(arguments, "{digest}") {
		c.add(at+".command", "does not say which image to scan", `put "{image}" where the command wants the image: it stands for the image by its digest`)
	}
	each(at+".command", s.Command, func(path, word string) {
		if secretFlag.MatchString(word) {
			flag, _, _ := strings.Cut(word, "=")
			c.add(path, fmt.Sprintf("%s would show a credential to everybody on the machine", quoted(flag)), "give it in the command's environment, such as TRIVY_PASSWORD, and take it out here")
		}
	})
	if c.written(at + ".format") {
		c.choice(at+".format", s.Format, FormatAuto, FormatSARIF, FormatTrivy, FormatGrype)
	}
	for i, code := range s.FindingsExitCodes {
		c.between(fmt.Sprintf("%s.findingsExitCodes[%d]", at, i), code, 1, maxExitCode)
	}
}

// words checks a command that no shell reads.
func (c *checker) words(at string, command []string) {
	if len(command) == 0 {
		return
	}
	switch {
	case strings.TrimSpace(command[0]) == "":
		c.add(at+"[0]", "is empty", "the first word is the program")
	case len(command) == 1 && strings.ContainsAny(command[0], " \t"):
		c.add(at+"[0]", fmt.Sprintf("%s is several words in one, and no shell parts them", quoted(command[0])), "write each word as an entry: ["+strings.Join(strings.Fields(command[0]), ", ")+"]")
	}
}

func (c *checker) allowances(at string, allow []Allowance, image string) {
	type key struct{ id, pkg, image string }
	first := map[key]int{}
	for i := range allow {
		a, path := &allow[i], fmt.Sprintf("%s[%d]", at, i)
		if c.required(path+".id", a.ID, "the finding as the scanner names it, such as "+findingForm.example) {
			c.matches(path+".id", a.ID, findingForm)
		}
		if strings.TrimSpace(a.Reason) == "" {
			c.required(path+".reason", "", "say why it is harmless, or who works on it")
		}
		if c.required(path+".expires", a.Expires, "the last day on which it holds, such as 2026-12-31") {
			if _, err := time.Parse(time.DateOnly, a.Expires); err != nil {
				c.add(path+".expires", fmt.Sprintf("%s is not a day", quoted(a.Expires)), "write it like 2026-12-31")
			}
		}
		c.allowanceImage(path+".image", a.Image, image)
		k := key{strings.ToUpper(a.ID), a.Package, a.Image}
		if other, twice := first[k]; twice && a.ID != "" {
			c.add(path, fmt.Sprintf("permits %s again, after entry %d", a.ID, other), "keep one")
			continue
		}
		first[k] = i
	}
}

// allowanceImage checks the image that an allowance names; of is the image in whose gate it stands, "" for the registry's.
func (c *checker) allowanceImage(path, name, of string) {
	switch {
	case name == "" || name == of:
	case of != "":
		c.add(path, fmt.Sprintf("is %s, but the gate is that of image %q", quoted(name), of), "take it out, or move the entry to that image, or to registry.gate")
	case c.Image(name) == nil:
		c.add(path, fmt.Sprintf("there is no image %q", name), suggest(name, c.imageNames()))
	}
}
