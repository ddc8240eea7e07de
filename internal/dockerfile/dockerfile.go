// Package dockerfile finds the images that a Dockerfile builds from, so that images that build from one another can be built in their order. It reads
// Dockerfiles with BuildKit's own parser, and resolves arguments as BuildKit does.
package dockerfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/hubwright/hubwright/internal/problem"
)

// Options are what is given to a build and decides what its Dockerfile refers to.
type Options struct {
	// Target is the stage that is built; empty means the last.
	Target string
	// Platform is the platform that is built for, such as linux/amd64. Empty leaves TARGETPLATFORM and its kin unset.
	Platform string
	// Args are the build arguments.
	Args map[string]string
}

// File is a Dockerfile.
type File struct {
	// Name is what it is called in messages.
	Name string
	// Stages are its stages, in their order.
	Stages []Stage

	target int
}

// Stage is a stage of a Dockerfile: a FROM and what follows it.
type Stage struct {
	// Name is the name after AS, in lower case; empty without one.
	Name string
	// From is what it starts from, with arguments resolved: an image, a stage before it, or scratch.
	From string
	// Line is that of its FROM.
	Line int

	uses []use
}

// use is something that a stage takes from elsewhere: another stage or an image.
type use struct {
	stage int // -1 for an image
	Reference
}

// Reference is an image that a build takes something from.
type Reference struct {
	// Image is the image as the Dockerfile has it, with arguments resolved.
	Image string
	// Line is the line of the instruction.
	Line int
	// Instruction is FROM, COPY or RUN (of --mount=from=…).
	Instruction string
}

// scratch is the image that is none: https://docs.docker.com/reference/dockerfile/#from
const scratch = "scratch"

// Parse reads a Dockerfile. What is wrong with it is problem.Problems.
func Parse(name string, text []byte, opts Options) (*File, error) {
	f := &File{Name: name}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, f.wrong(err)
	}
	stages, global, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, f.wrong(err)
	}
	lex := shell.NewLex(parsed.EscapeToken)
	if len(stages) == 0 {
		return nil, problem.Problems{{File: name, Message: "it has no FROM", Hint: "begin it with FROM and the image to start from"}}
	}
	args, err := globalArgs(lex, global, cmp.Or(opts.Target, stages[len(stages)-1].Name, "default"), opts)
	if err != nil {
		return nil, f.wrong(err)
	}
	var problems problem.Problems
	for i := range stages {
		if err := f.addStage(lex, args, &stages[i]); err != nil {
			problems = append(problems, f.problem(err))
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	for i := range stages {
		f.addUses(&f.Stages[i], stages[i].Commands)
	}
	return f, f.choose(opts.Target)
}

// env are arguments, as the parser's lexer asks for them.
type env map[string]string

func (e env) Get(name string) (string, bool) { v, ok := e[name]; return v, ok }
func (e env) Keys() []string                 { return slices.Sorted(maps.Keys(e)) }

// globalArgs are the arguments that FROM may use: those before the first FROM, with what the build gives, and those of the platform
// (dockerfile2llb, defaultArgs and buildMetaArgs: https://github.com/moby/buildkit/blob/v0.31.0/frontend/dockerfile/dockerfile2llb/convert.go).
func globalArgs(lex *shell.Lex, global []instructions.ArgCommand, stage string, opts Options) (env, error) {
	args := env{"TARGETSTAGE": stage}
	if parts := strings.SplitN(opts.Platform, "/", 3); len(parts) >= 2 {
		parts = append(parts, "")
		for _, which := range []string{"BUILD", "TARGET"} {
			args[which+"PLATFORM"], args[which+"OS"], args[which+"ARCH"], args[which+"VARIANT"] = opts.Platform, parts[0], parts[1], parts[2]
		}
	}
	for name := range args {
		if v, given := opts.Args[name]; given {
			args[name] = v
		}
	}
	for _, command := range global {
		for _, arg := range command.Args {
			if v, given := opts.Args[arg.Key]; given {
				args[arg.Key] = v
			} else if arg.Value != nil {
				v, err := lex.ProcessWordWithMatches(*arg.Value, args)
				if err != nil {
					return nil, parser.WithLocation(err, command.Location())
				}
				args[arg.Key] = v.Result
			}
		}
	}
	return args, nil
}

// addStage adds a stage and what it starts from.
func (f *File) addStage(lex *shell.Lex, args env, s *instructions.Stage) error {
	from, err := lex.ProcessWordWithMatches(s.BaseName, args)
	if err != nil {
		return parser.WithLocation(err, s.Location)
	}
	if from.Result == "" {
		return parser.WithLocation(fmt.Errorf("%s names no image: %s", s.SourceCode, unset(from.Unmatched)), s.Location)
	}
	stage := Stage{Name: s.Name, From: from.Result, Line: line(s.Location)}
	stage.use(f, from.Result, stage.Line, "FROM")
	f.Stages = append(f.Stages, stage)
	return nil
}

// addUses adds what a stage's instructions take from elsewhere. Unlike FROM, they may name a stage by its number, or one that comes later.
func (f *File) addUses(s *Stage, commands []instructions.Command) {
	for _, c := range commands {
		at := line(c.Location())
		switch c := c.(type) {
		case *instructions.CopyCommand:
			s.use(f, c.From, at, "COPY")
		case *instructions.RunCommand:
			for _, m := range instructions.GetMounts(c) {
				s.use(f, m.From, at, "RUN")
			}
		}
	}
}

// unset says which arguments have no value.
func unset(names map[string]struct{}) string {
	return fmt.Sprintf("%s has no value; give it in the image's args, or a default with ARG before the first FROM", strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

// use adds what an instruction takes from, unless that is nothing. A stage goes before an image of the same name.
func (s *Stage) use(f *File, from string, at int, instruction string) {
	if from == "" || from == scratch {
		return
	}
	stage := f.stage(from)
	if n, err := strconv.Atoi(from); err == nil && instruction == "COPY" && n >= 0 && n < len(f.Stages) {
		stage = n
	}
	s.uses = append(s.uses, use{stage, Reference{Image: from, Line: at, Instruction: instruction}})
}

// stage is the last stage of that name, -1 without one.
func (f *File) stage(name string) int {
	for i, s := range slices.Backward(f.Stages) {
		if s.Name != "" && strings.EqualFold(s.Name, name) {
			return i
		}
	}
	return -1
}

// choose sets the stage that is built.
func (f *File) choose(target string) error {
	if target == "" {
		f.target = len(f.Stages) - 1
		return nil
	}
	if f.target = f.stage(target); f.target >= 0 {
		return nil
	}
	var names []string
	for _, s := range f.Stages {
		names = append(names, s.Name)
	}
	hint := "name a stage of it as the image's target"
	if near := problem.Nearest(target, names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return problem.Problems{{File: f.Name, Message: fmt.Sprintf("it has no stage %q to build", target), Hint: hint}}
}

// References are the images that the build of the target takes something from, in the order of their lines, each image once. Stages that the target
// does not need are not built, and what they refer to does not count.
func (f *File) References() []Reference {
	needed := make([]bool, len(f.Stages))
	var found []Reference
	var need func(stage int)
	need = func(stage int) {
		if needed[stage] {
			return
		}
		needed[stage] = true
		for _, u := range f.Stages[stage].uses {
			if u.stage >= 0 {
				need(u.stage)
			} else {
				found = append(found, u.Reference)
			}
		}
	}
	need(f.target)
	slices.SortStableFunc(found, func(a, b Reference) int { return cmp.Compare(a.Line, b.Line) })
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(r Reference) bool {
		defer func() { seen[r.Image] = true }()
		return seen[r.Image]
	})
}

// problem is an error of the parser as a problem, with its line.
func (f *File) problem(err error) problem.Problem {
	p := problem.Problem{File: f.Name, Message: err.Error()}
	if located, ok := errors.AsType[*parser.LocationError](err); ok && len(located.Locations) > 0 {
		p.Line = line(located.Locations[0])
		p.Message = strings.TrimPrefix(p.Message, fmt.Sprintf("dockerfile parse error on line %d: ", p.Line)) // the problem says where
	}
	return p
}

func (f *File) wrong(err error) error { return problem.Problems{f.problem(err)} }

func line(where []parser.Range) int {
	if len(where) == 0 {
		return 0
	}
	return where[0].Start.Line
}
