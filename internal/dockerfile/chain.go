package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/problem"
)

// Image is an image that is built here.
type Image struct {
	// Name is its name, unique.
	Name string
	// Dockerfile is what its Dockerfile is called in messages.
	Dockerfile string
	// References are the images that it takes something from.
	References []Reference
}

// Links say which images are built of which others.
type Links struct {
	// Order are the names of all images, each after those that it is built of; otherwise as they were given.
	Order []string
	// Parents are, by the name of an image, the names of those that it is built of, in the order of its references.
	Parents map[string][]string
}

// ByName takes for one of ours what is called by nothing but the name of one: no registry, no path, no tag but latest, and no digest. Whatever else
// there is comes from a registry.
func ByName(images []Image) func(reference string) (name string, ours bool) {
	names := map[string]bool{}
	for _, i := range images {
		names[i.Name] = true
	}
	return func(reference string) (string, bool) {
		name := strings.TrimSuffix(reference, ":latest")
		return name, names[name]
	}
}

// Link finds which images are built of one another. ours says whether a reference means one of them, and which: ByName, or a rule that can tell of
// one that it is ours though there is no such image. An unknown image and images that are built of themselves, by whatever way round, are
// problem.Problems, all of them at once.
func Link(images []Image, ours func(reference string) (name string, ours bool)) (Links, error) {
	l := linker{links: Links{Parents: map[string][]string{}}, images: map[string]*Image{}, state: map[string]state{}, ours: ours}
	for i := range images {
		l.images[images[i].Name] = &images[i]
		l.names = append(l.names, images[i].Name)
	}
	for _, name := range l.names {
		l.visit(name)
	}
	return l.links, l.problems.Err()
}

type state int

const (
	unseen state = iota
	open         // its parents are being visited
	done
)

type linker struct {
	links    Links
	images   map[string]*Image
	names    []string
	state    map[string]state
	path     []step // from the image that was visited first to the one that is being visited
	ours     func(string) (string, bool)
	problems problem.Problems
}

// step is an image on the way, and its reference to the next.
type step struct {
	image *Image
	to    Reference
}

func (l *linker) visit(name string) {
	if l.state[name] != unseen {
		return
	}
	l.state[name] = open
	image := l.images[name]
	for _, ref := range image.References {
		parent, ours := l.ours(ref.Image)
		if !ours || slices.Contains(l.links.Parents[name], parent) {
			continue
		}
		if l.images[parent] == nil {
			hint := "make it an image of the configuration, or name another"
			if near := problem.Nearest(parent, l.names); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			l.problems = append(l.problems, problem.Problem{
				File: image.Dockerfile, Line: ref.Line, Message: fmt.Sprintf("%s %s: there is no image %q here", ref.Instruction, ref.Image, parent), Hint: hint,
			})
			continue
		}
		l.links.Parents[name] = append(l.links.Parents[name], parent)
		l.path = append(l.path, step{image, ref})
		if l.state[parent] == open {
			l.circle(parent)
		} else {
			l.visit(parent)
		}
		l.path = l.path[:len(l.path)-1]
	}
	l.state[name] = done
	l.links.Order = append(l.links.Order, name)
}

// circle says that the way from an image leads back to it.
func (l *linker) circle(to string) {
	from := slices.IndexFunc(l.path, func(s step) bool { return s.image.Name == to })
	var names, where []string
	for _, s := range l.path[from:] {
		names = append(names, s.image.Name)
		where = append(where, fmt.Sprintf("%s:%d", s.image.Dockerfile, s.to.Line))
	}
	first := l.path[from]
	message := fmt.Sprintf("image %s is built of itself", to)
	if len(names) > 1 {
		message = fmt.Sprintf("images are built of one another in a circle: %s → %s (%s)", strings.Join(names, " → "), to, strings.Join(where, ", "))
	}
	l.problems = append(l.problems, problem.Problem{File: first.image.Dockerfile, Line: first.to.Line, Message: message, Hint: "let one of them start from an image of a registry"})
}
