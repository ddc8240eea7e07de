package driver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Kind classifies what went wrong; it decides the exit code and what a person is advised to do.
type Kind string

// The kinds of failures that are told apart.
const (
	Failed        Kind = "failed"           // the engine or a resource failed
	Busy          Kind = "busy"             // somebody else holds the stack
	NoStack       Kind = "no-stack"         // the environment was never deployed
	WrongAccount  Kind = "wrong-account"    // the credentials are of another account, or the stack is in another region
	Configuration Kind = "configuration"    // the program says that the configuration or the secrets are wrong
	NoCredentials Kind = "no-credentials"   // there are none, or they have expired
	CutOff        Kind = "pending"          // an earlier operation was cut off
	Protected     Kind = "protected"        // what is protected would be deleted
	Interrupted   Kind = "interrupted"      // a person stopped it; the state is consistent
	Broken        Kind = "broken-state"     // the state itself cannot be read
	Killed        Kind = "killed"           // a person ended it at once
	Secrets       Kind = "secrets-provider" // the stack's secrets cannot be decrypted
	NotAdmitted   Kind = "not-admitted"     // the program says that the gate does not admit an image
)

// Error is a failure in words: a sentence, and what to do.
type Error struct {
	Kind     Kind
	Message  string
	Hint     string
	Resource string   // the name of the resource that failed, if one did
	More     []string // further failures of the same operation
}

func (e *Error) Error() string {
	if len(e.More) == 0 {
		return e.Message
	}
	return e.Message + "\n" + strings.Join(e.More, "\n")
}

// failure is what is known of a failed launch before it is classified.
type failure struct {
	ended
	err         error
	diagnostics []diagnostic
	recorded    bool
}

// The engine's exit codes that matter here (pkg/cmd/pulumi, cmdutil exit codes).
const (
	exitNoStack   = 6
	exitCancelled = 8
)

func (f failure) noSuchStack() bool {
	return f.code == exitNoStack || strings.Contains(f.stderr, "no stack named")
}

func existsAlready(stderr string) bool { return strings.Contains(stderr, "already exists") }

var (
	lockHolder   = lazyregexp.New(`created by (\S+) \(pid (\d+)\) at (\S+)`)
	wrongAccount = lazyregexp.New(`AWS account ID not allowed: (\d+)`)
	// recordTaken is Route 53's refusal to create what exists (InvalidChangeBatch).
	recordTaken = lazyregexp.New(`Tried to create resource record set \[name='([^']+)', type='([A-Z]+)'\] but it already exists`)
)

// wrongAccountError says that the credentials are of another account than the target. recorded says that something was done before it was seen.
func wrongAccountError(env, want, got string, recorded bool) *Error {
	outcome := "nothing was touched"
	if recorded {
		outcome = "what was done before that was seen is recorded"
	}
	return &Error{
		Kind: WrongAccount, Message: fmt.Sprintf("%s belongs to AWS account %s, but these credentials are of account %s; %s", env, orUnknown(want), orUnknown(got), outcome),
		Hint: "use that account's credentials (AWS_PROFILE), or mend deployment.accountId",
	}
}

// classify turns a failure into an *Error. Order matters: the most telling cause first.
func (d *Driver) classify(env string, f failure) error {
	text := f.stderr
	for _, diag := range f.diagnostics {
		text += "\n" + diag.message
	}
	switch {
	case strings.Contains(text, "the stack is currently locked by"), strings.Contains(text, "Another update is currently in progress"):
		return &Error{Kind: Busy, Message: busyMessage(env, text), Hint: fmt.Sprintf(
			"wait until it has ended; if its process is gone, `hubwright recover %s` says so and takes the lock away", env)}
	case matches(text, "failed to load checkpoint", "snapshot integrity", "refers to missing"):
		return &Error{
			Kind: Broken, Message: env + ": the state cannot be read: " + firstLine(f, "checkpoint", "snapshot", "missing"),
			Hint: fmt.Sprintf("its writer may have been killed at it; `hubwright recover %s` goes back to the last whole one", env),
		}
	case f.noSuchStack():
		return NothingThere(env)
	case wrongAccount.MatchString(text):
		return wrongAccountError(env, d.opts.Target.Account, wrongAccount.FindStringSubmatch(text)[1], f.recorded)
	case strings.Contains(text, "the configuration of "+env+":"), strings.Contains(text, "the secrets of "+env+":"):
		return &Error{Kind: Configuration, Message: env + ": " + programError(f), Hint: fmt.Sprintf("mend these and run the same command again; `hubwright validate %s` looks at the files alone", env)}
	case strings.Contains(text, "the gate of "+env+" does not admit"):
		return &Error{Kind: NotAdmitted, Message: env + ": " + programError(f), Hint: fmt.Sprintf(
			"promote an image that is admitted, or build, push and scan it first: `hubwright images build --push --env %s`, `hubwright images scan %s`", env, env)}
	case matches(text, "PULUMI_ACCESS_TOKEN must be set", "could not be logged in"):
		return &Error{
			Kind: NoCredentials, Message: "Pulumi is logged in to no backend, so there is no place for the state of " + env,
			Hint: fmt.Sprintf("`hubwright bootstrap %s` makes a bucket for it and says how Pulumi's files name it; any other backend does too (`pulumi login`, PULUMI_BACKEND_URL); to try it without an account, add --sandbox", env),
		}
	case matches(text, "ExpiredToken", "failed to refresh cached credentials", "No valid credential sources found", "no EC2 IMDS role found", "InvalidClientTokenId"):
		return &Error{
			Kind: NoCredentials, Message: "there are no valid AWS credentials: " + firstLine(f, "InvalidClientTokenId", "ExpiredToken", "credential"),
			Hint: "sign in (`aws sso login`, AWS_PROFILE) and run it again; without an account, add --sandbox",
		}
	case matches(text, "incorrect passphrase", "passphrase must be set", "failed to decrypt", "could not decrypt"):
		return &Error{
			Kind: Secrets, Message: env + ": the stack's secrets cannot be decrypted: " + firstLine(f, "passphrase", "decrypt"),
			Hint: "check the stack's secrets provider: `secretsprovider` in its file, and your right to use that key",
		}
	case f.killed:
		return &Error{
			Kind: Killed, Message: env + ": the engine was killed; what was under way is left as pending operations",
			Hint: fmt.Sprintf("`hubwright recover %s` finds out what became of it and mends the state", env),
		}
	case f.stopped, f.code == exitCancelled, strings.Contains(text, "update canceled"):
		return &Error{
			Kind: Interrupted, Message: env + ": interrupted; what was under way has ended and the state is consistent",
			Hint: "run the same command again to go on",
		}
	case matches(text, "as it is currently marked for protection", "is protected"):
		return &Error{
			Kind: Protected, Message: env + ": this would delete or replace what is protected: " + firstLine(f, "protect"),
			Hint: "what holds data is protected; see `hubwright destroy --with-data`, or change the configuration so that it stays",
		}
	}
	return d.ordinary(env, f, text)
}

// NothingThere says that the environment is not deployed.
func NothingThere(env string) error {
	return &Error{Kind: NoStack, Message: env + ": nothing is deployed there", Hint: fmt.Sprintf("`hubwright up %s` deploys it", env)}
}

// stuckRelease is what Helm says while the newest revision of a release is pending (its package action, errPending).
const stuckRelease = "another operation (install/upgrade/rollback) is in progress"

// ordinary words the failure of a resource or of the program.
func (d *Driver) ordinary(env string, f failure, text string) error {
	e := &Error{Kind: Failed}
	var lines []string
	for _, diag := range f.diagnostics {
		line := sentence(diag.message)
		if line == "" || strings.HasPrefix(line, "update failed") || strings.HasPrefix(line, "preview failed") {
			continue
		}
		if name := nameOf(diag.urn); diag.urn != "" && !strings.Contains(diag.urn, stackType) {
			line = name + ": " + line
			if e.Resource == "" {
				e.Resource = name
			}
		}
		lines = append(lines, line)
	}
	if len(lines) > 1 { // what a failure takes down with it says nothing of its own
		if real := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.Contains(l, "the client connection is closing") }); len(real) > 0 {
			lines = real
		}
	}
	if len(lines) == 0 {
		lines = engineLines(f.stderr)
	}
	if len(lines) == 0 {
		lines = []string{fmt.Sprintf("the engine ended with code %d and said nothing", f.code)}
	}
	e.Message, e.More = env+": "+lines[0], lines[1:]
	if m := recordTaken.FindStringSubmatch(text); m != nil {
		e.Message = fmt.Sprintf("%s: %s has a DNS record of type %s already, which this deployment did not make", env, strings.TrimSuffix(m[1], "."), m[2])
		if e.Resource != "" {
			e.Message += " (" + e.Resource + ")"
		}
		e.Hint = "delete that record, or take it over with `dns.overwrite: true`; then run the same command again to go on from there"
		return e
	}
	switch {
	case strings.Contains(text, "due to atomic being set"):
		e.Hint = "the hub did not become ready in time, and Helm took the change back; `kubectl get pods,events -n <namespace>` shows which pod waits for what while it is tried; mend the values and run the same command again"
	case strings.Contains(text, stuckRelease):
		e.Hint = fmt.Sprintf("if nobody else is at work on that release, an earlier operation on it was cut off; `hubwright recover %s` frees it", env)
	case f.recorded:
		e.Hint = "what succeeded is recorded; mend the cause and run the same command again to go on from there"
	}
	return e
}

// programError is what the program itself said was wrong, each problem on its line.
func programError(f failure) string {
	for _, diag := range f.diagnostics {
		_, said, ok := strings.Cut(diag.message, "an unhandled error occurred: ")
		if !ok {
			continue
		}
		for _, begins := range saidByProgram {
			if i := strings.Index(said, begins); i >= 0 {
				said = said[i:]
				break
			}
		}
		var lines []string
		for line := range strings.SplitSeq(said, "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "exit status") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "\n  ")
	}
	return firstLine(f, saidByProgram...)
}

// saidByProgram are how errors of the program begin that are told apart.
var saidByProgram = []string{"the configuration of ", "the secrets of ", "the gate of "}

// sentence takes the engine's own framing off a message: "1 error occurred: * …", gRPC codes, stack traces.
func sentence(message string) string {
	for _, marker := range []string{"\ngoroutine ", "\nruntime.", "\nstack trace"} {
		message, _, _ = strings.Cut(message, marker)
	}
	var out []string
	for line := range strings.SplitSeq(message, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
		line = strings.TrimSpace(strings.TrimPrefix(line, "an unhandled error occurred:"))
		if line == "" || strings.HasSuffix(line, "occurred:") {
			continue
		}
		if _, rest, found := strings.Cut(line, "rpc error: code = "); found {
			if _, desc, ok := strings.Cut(rest, "desc = "); ok {
				line = desc
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, " ")
}

func engineLines(stderr string) []string {
	var out []string
	for line := range strings.SplitSeq(stderr, "\n") {
		line = strings.TrimSpace(plainText(line))
		line = strings.TrimPrefix(line, "error: ")
		if line != "" && !strings.HasPrefix(line, "warning:") {
			out = append(out, line)
		}
	}
	return out
}

func busyMessage(env, text string) string {
	if m := lockHolder.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%s is busy: %s (process %s) has held it since %s", env, m[1], m[2], m[3])
	}
	return env + " is busy: another update holds it"
}

func orUnknown(s string) string {
	if s == "" {
		return "(not configured)"
	}
	return s
}

func matches(text string, any ...string) bool {
	for _, a := range any {
		if strings.Contains(text, a) {
			return true
		}
	}
	return false
}

// firstLine finds the first message that mentions one of the words.
func firstLine(f failure, words ...string) string {
	lines := engineLines(f.stderr)
	for _, d := range f.diagnostics {
		lines = append(lines, sentence(d.message))
	}
	for _, w := range words {
		for _, l := range lines {
			if strings.Contains(l, w) {
				return l
			}
		}
	}
	return "the engine did not say more"
}
