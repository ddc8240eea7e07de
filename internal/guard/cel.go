package guard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Own is a rule of the user's own.
type Own struct {
	// Name is the rule's: lower-case letters, digits and hyphens.
	Name string
	// When is a CEL expression (https://cel.dev) over the JSON form of the change, as the variable change: the rule finds something when it is true.
	When string
	// Message says what it found, Hint what to do.
	Message, Hint string
	// Severity is stop, warn or off. Default: stop.
	Severity string
}

// compiled is a rule of the user's own, ready to be asked.
type compiled struct {
	Own
	program cel.Program
}

// costLimit bounds how long an expression may take, in CEL's own units of work: https://pkg.go.dev/github.com/google/cel-go/cel#CostLimit. A change of
// 5,000 steps takes about a fiftieth of it with an expression that looks at each property.
const costLimit = 50_000_000

var ruleName = lazyregexp.New(`^[a-z][a-z0-9-]*$`)

// compileOwn makes the user's rules ready.
func (s *Set) compileOwn(rules []Own, add func(path, message, hint string)) {
	if len(rules) == 0 {
		return
	}
	env, err := cel.NewEnv(cel.Variable("change", cel.DynType), ext.Strings(), ext.Lists(), ext.Sets())
	if err != nil {
		add("rules", err.Error(), "")
		return
	}
	for i, r := range rules {
		path := fmt.Sprintf("rules[%d]", i)
		if r.Severity == "" {
			r.Severity = Stop
		}
		switch {
		case r.Name == "":
			add(path+".name", "is missing", "the rule is configured and overridden by it")
		case !ruleName.MatchString(r.Name):
			add(path+".name", fmt.Sprintf("%q is no name", r.Name), "use lower-case letters, digits and hyphens, beginning with a letter")
		case s.severity[r.Name] != "":
			add(path+".name", fmt.Sprintf("there is a guard %q already", r.Name), "use another name")
		}
		if !slices.Contains([]string{Stop, Warn, Off}, r.Severity) {
			add(path+".severity", fmt.Sprintf("%q is no severity", r.Severity), "use stop, warn or off")
		}
		if r.Message == "" {
			add(path+".message", "is missing", "say what the rule found, for those who are stopped by it")
		}
		if r.When == "" {
			add(path+".when", "is missing", `a CEL expression over the change, such as change.summary.delete > 10`)
			continue
		}
		ast, issues := env.Compile(r.When)
		if issues.Err() != nil {
			for _, e := range issues.Errors() {
				line, column := e.Location.Line(), e.Location.Column()+1
				where := fmt.Sprintf("column %d", column)
				if strings.Contains(strings.TrimSpace(r.When), "\n") {
					where = fmt.Sprintf("line %d, column %d", line, column)
				}
				add(path+".when", fmt.Sprintf("does not compile: %s: %s", where, strings.TrimSpace(e.Message)), "see https://cel.dev; the change's form is docs/reference/results/change.schema.json")
			}
			continue
		}
		if t := ast.OutputType(); !t.IsAssignableType(cel.BoolType) && t != cel.DynType {
			add(path+".when", fmt.Sprintf("gives %s", t), "it has to be true or false")
			continue
		}
		program, err := env.Program(ast, cel.CostLimit(costLimit))
		if err != nil {
			add(path+".when", "does not compile: "+err.Error(), "")
			continue
		}
		s.severity[r.Name] = r.Severity
		s.own = append(s.own, compiled{Own: r, program: program})
	}
}

// applyOwn asks the user's rules. One that cannot be answered finds something: a rule that is there to stop what is wrong does not let pass what it cannot see.
func (s *Set) applyOwn(c *change.Change) (out []change.Guard) {
	if len(s.own) == 0 {
		return nil
	}
	data, err := plain(c)
	if err != nil {
		return []change.Guard{{Rule: s.own[0].Name, Message: err.Error(), Blocking: true}}
	}
	for _, r := range s.own {
		result, _, err := r.program.Eval(map[string]any{"change": data})
		switch {
		case err != nil:
			out = append(out, change.Guard{Rule: r.Name, Blocking: true, Message: fmt.Sprintf("%s: it cannot be answered: %v", r.Message, err), Hint: "mend the rule's expression: has(…) asks whether there is a field"})
		case result == types.True:
			out = append(out, change.Guard{Rule: r.Name, Blocking: true, Message: r.Message, Hint: r.Hint})
		case result != types.False:
			out = append(out, change.Guard{Rule: r.Name, Blocking: true, Message: fmt.Sprintf("%s: it gives %v in place of true or false", r.Message, result.Type()), Hint: "mend the rule's expression"})
		}
	}
	return out
}

// plain is a change in the form of its JSON.
func plain(c *change.Change) (map[string]any, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(data, &out)
}
