package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/ciworkflow"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// workflows is what a person says of them.
type workflows struct {
	forge                               string
	envs, deployed, promotions, secrets []string
	branch, schedule, version, image    string
	set                                 func(flag string) bool
}

// none is the value of a flag that wants nothing of what it would list.
const none = "none"

var (
	// What a stack may be called: https://www.pulumi.com/docs/iac/concepts/stacks/
	stackName = lazyregexp.New(`^[A-Za-z0-9_.-]{1,100}$`)
	refName   = lazyregexp.New(`^[A-Za-z0-9_.][A-Za-z0-9_./-]*$`)
	cronLine  = lazyregexp.New(`^[0-9*,/-]+( [0-9A-Za-z*,/-]+){4}$`)
	version   = lazyregexp.New(`^(v[0-9]+\.[0-9]+\.[0-9]+([.+-][0-9A-Za-z.+-]*)?|[0-9a-f]{12,40})$`)
	variable  = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imageName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
)

// check says what is wrong with the flags, all of it.
func (w *workflows) check(known []string) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	environment := func(flag, env string) {
		if !slices.Contains(known, env) {
			say("--%s: there is no environment %q: there are %s%s", flag, env, strings.Join(known, ", "), nearest(env, known))
		}
	}
	for _, env := range w.envs {
		environment("env", env)
	}
	for _, env := range w.deployed {
		if env != none {
			environment("deploy", env)
		}
	}
	for _, p := range w.promotions {
		from, to, ok := strings.Cut(p, "=")
		switch {
		case p == none:
		case !ok || from == to:
			say("--promote: %q is not FROM=TO, of two environments", p)
		default:
			environment("promote", from)
			environment("promote", to)
		}
	}
	for _, name := range w.secrets {
		if !variable.MatchString(name) || strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "CI_") {
			say("--secret: %q is no name of a variable that a job could get: letters, digits and _, not beginning with GITHUB_ or CI_", name)
		}
	}
	for _, name := range known {
		if !stackName.MatchString(name) {
			say("%q cannot be an environment's name: a stack's has letters, digits, -, _ and .", name)
		}
	}
	if !refName.MatchString(w.branch) || strings.Contains(w.branch, "..") {
		say("--branch: %q is no branch's name that a workflow could go by: letters, digits, -, _, . and /", w.branch)
	}
	if !cronLine.MatchString(w.schedule) {
		say("--schedule: %q is not the five fields of cron, such as \"23 5 * * 1-5\"", w.schedule)
	}
	if w.version != "" && !version.MatchString(w.version) {
		say("--hubwright: %q is no version of a module, such as v1.2.3, nor a commit", w.version)
	}
	if w.image != "" && !imageName.MatchString(w.image) {
		say("--image: %q is no image's name", w.image)
	}
	if len(wrong) > 0 {
		return usage("%s", strings.Join(wrong, "\n  "))
	}
	return nil
}

// command is how the same is written again.
func (w *workflows) command() string {
	words := []string{"hubwright ci " + w.forge}
	list := func(flag string, values []string) {
		for _, v := range values {
			words = append(words, "--"+flag+" "+v)
		}
	}
	list("env", w.envs)
	list("deploy", w.deployed)
	list("promote", w.promotions)
	list("secret", w.secrets)
	for _, f := range []struct{ flag, value string }{{"branch", w.branch}, {"schedule", "'" + w.schedule + "'"}, {"hubwright", w.version}, {"image", w.image}} {
		if w.set(f.flag) {
			words = append(words, "--"+f.flag+" "+f.value)
		}
	}
	return strings.Join(words, " ")
}

// deployment is what the files are made of: the configuration of the deployment in dir, which is at prefix in its repository.
func (w *workflows) deployment(dir, prefix string) (*ciworkflow.Deployment, error) {
	all, err := config.Environments(dir)
	if err != nil {
		return nil, err
	}
	if err := w.check(all); err != nil {
		return nil, err
	}
	if prefix != "" && !refName.MatchString(prefix) {
		return nil, usage("%q cannot be a deployment's directory in a repository with workflows: its path has letters, digits, -, _, . and /", prefix)
	}
	d := &ciworkflow.Deployment{Command: w.command(), Prefix: prefix, Version: w.version, Branch: w.branch, Schedule: w.schedule, Image: w.image, Secrets: w.secrets}
	if d.Version == "" {
		d.Version = ownVersion()
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		d.Source = true
	}
	names := all
	if len(w.envs) > 0 {
		names = w.envs
	}
	for _, env := range names {
		s, err := config.Load(dir, env, nil, config.Options{Sandbox: true}) // of one that lets anybody in, the sandbox's jobs are of use, too
		if err != nil {
			return nil, err
		}
		_, file := s.ConfigFiles()
		d.Environments = append(d.Environments, ciworkflow.Environment{
			Name: env, Account: s.Deployment.AccountID, Region: s.Region(), After: s.Cluster.From, Images: len(s.Images) > 0, File: filepath.ToSlash(file),
		})
		d.Secrets = append(d.Secrets, jobSecrets(s)...)
	}
	slices.Sort(d.Secrets)
	d.Secrets = slices.Compact(d.Secrets)
	if len(names) == 0 {
		return nil, usage("there is no environment yet: an environment is a file Pulumi.<env>.yaml")
	}
	w.ways(d, names)
	return d, nil
}

// ways are what is deployed, and what is promoted from where to where.
func (w *workflows) ways(d *ciworkflow.Deployment, names []string) {
	for _, p := range w.promotions {
		if from, to, ok := strings.Cut(p, "="); ok {
			d.Promotions = append(d.Promotions, ciworkflow.Promotion{From: from, To: to})
		}
	}
	if len(w.promotions) == 0 && slices.Contains(names, "prod") {
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "prod" })
		switch {
		case slices.Contains(others, "staging"):
			d.Promotions = []ciworkflow.Promotion{{From: "staging", To: "prod"}}
		case len(others) == 1:
			d.Promotions = []ciworkflow.Promotion{{From: others[0], To: "prod"}}
		}
	}
	if len(w.deployed) > 0 {
		d.Deployed = slices.DeleteFunc(slices.Clone(w.deployed), func(n string) bool { return n == none })
		return
	}
	for _, env := range names {
		if !slices.ContainsFunc(d.Promotions, func(p ciworkflow.Promotion) bool { return p.To == env }) {
			d.Deployed = append(d.Deployed, env)
		}
	}
}

// jobSecrets are the secrets that an environment's jobs need besides AWS credentials: of its backend, of what encrypts its state, of its images' builds.
func jobSecrets(s *config.Stack) (names []string) {
	if strings.HasPrefix(s.Backend(), "https://") { // https://www.pulumi.com/docs/iac/cli/environment-variables/
		names = append(names, "PULUMI_ACCESS_TOKEN")
	}
	if s.Passphrase() || s.SecretsProvider() == "passphrase" {
		names = append(names, "PULUMI_CONFIG_PASSPHRASE")
	}
	for _, i := range s.Images {
		for _, secret := range i.Secrets {
			if secret.Env != "" && s.Pins.Images[i.Name] == "" {
				names = append(names, secret.Env)
			}
		}
	}
	return names
}

// ownVersion is the version of the module that this program was built of; "" of one that was built of source that has none.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != "github.com/hubwright/hubwright" || !version.MatchString(info.Main.Version) || strings.Contains(info.Main.Version, "dirty") {
		return ""
	}
	return info.Main.Version
}
