package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/ciworkflow"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/term"
)

// initCI are those whose workflows a new deployment may have.
var initCI = append(slices.Clone(ciworkflow.Forges), none)

// newDeployment is what a person says of a new deployment.
type newDeployment struct {
	name, account, owner, region, zone, auth string
	envs, admins                             []string
	domains                                  map[string]string
	settings                                 map[string]any // of auth, by their keys
	sandbox                                  bool
	wrong                                    []string // what is wrong with it, by flag
}

func (n *newDeployment) add(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(n.wrong, text) {
		n.wrong = append(n.wrong, text)
	}
}

func (a *app) init() *cli.Command {
	return verb("init", "a new deployment directory, which validates and deploys in the sandbox at once", "[DIR]", append([]cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "the deployment's `NAME`, which begins the names of all that is made"},
		&cli.StringFlag{Name: "account", Usage: "the AWS account's `ID`"},
		&cli.StringFlag{Name: "region", Usage: "the AWS `REGION`"},
		&cli.StringFlag{Name: "owner", Usage: "the `OWNER`, as tags have it (default: you)"},
		&cli.StringFlag{Name: "zone", Usage: "the Route 53 `ZONE` of the hub's domains (default: none; the records are entered by hand)"},
		&cli.StringSliceFlag{Name: "env", Usage: "an environment's `NAME` (default: staging and prod)"},
		&cli.StringSliceFlag{Name: "domain", Usage: "an environment's domain, as `ENV=NAME` (default: <name>-<env>.<zone>, prod <name>.<zone>)"},
		&cli.StringFlag{Name: "auth", Usage: "who logs users in: `TYPE` of " + strings.Join(initAuth, ", ") + ", or in the sandbox " + config.AuthDummy},
		&cli.StringSliceFlag{Name: "admin", Usage: "a `USER` who may log in and administer the hub"},
		&cli.StringFlag{Name: "ci", Value: ciworkflow.GitHub, Usage: "whose CI the workflows are for: `FORGE` of " + strings.Join(initCI, ", ")},
	}, initAuthFlags()...), func(c *cli.Context, g globals) error {
		if c.Args().Len() > 1 {
			return usage("init: one directory, not %d", c.Args().Len())
		}
		dir := c.Args().First()
		if dir == "" {
			dir = "."
		}
		if ci := c.String("ci"); !slices.Contains(initCI, ci) {
			return usage("--ci: %q is none of %s%s", ci, strings.Join(initCI, ", "), nearest(ci, initCI))
		}
		n, err := a.askForDeployment(c, g, dir)
		if err != nil {
			return err
		}
		files, err := n.files()
		if err != nil {
			return err
		}
		if len(n.wrong) > 0 {
			return usage("%s", strings.Join(n.wrong, "\n"))
		}
		_, err = files.Write(dir, false)
		if err := overwriting(err, "name another directory, or take them away"); err != nil {
			return err
		}
		if err := a.initWorkflows(c.Context, dir, c.String("ci")); err != nil {
			return err
		}
		a.Say("%s %s is a deployment with the environments %s. Next:", a.Paint(term.Green, "done:"), dir, strings.Join(n.envs, ", "))
		a.Say("  hubwright up %s -C %s --sandbox        # on simulated services", n.envs[0], dir)
		if n.auth == config.AuthDummy {
			a.Say("%s it lets anybody in, and so it is for the sandbox alone: auth, in Pulumi.yaml, has to name another type before there is an account", a.Paint(term.Yellow, "note:"))
			return nil
		}
		a.Say("in your account, in this order:")
		a.Say("  hubwright doctor %s -C %s              # what is still needed", n.envs[0], dir)
		a.Say("  hubwright bootstrap %s -C %s --write   # a place for the state", n.envs[0], dir)
		a.Say("  hubwright up %s -C %s                  # all but the hub, the key of its secrets among it", n.envs[0], dir)
		a.Say("  hubwright secrets init %s -C %s        # then set what it says is missing, and `up` again completes", n.envs[0], dir)
		return nil
	})
}

// overwriting is what keeps files from being written, as what stopped a verb.
func overwriting(err error, hint string) error {
	var others *scaffold.OverwriteError
	var blocked *scaffold.BlockedError
	switch {
	case errors.As(err, &others):
		return stopped(hint, "%s", others)
	case errors.As(err, &blocked):
		return stopped("name another directory, or take away what is in the way", "%s", blocked)
	}
	return err
}

// askForDeployment takes from flags what there is, and asks for the rest where there is a terminal. What is wrong with it is all told at once.
func (a *app) askForDeployment(c *cli.Context, g globals, dir string) (*newDeployment, error) {
	me := ""
	if u, err := user.Current(); err == nil {
		me = u.Username
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	n := &newDeployment{envs: c.StringSlice("env"), admins: c.StringSlice("admin"), domains: map[string]string{}, settings: map[string]any{}, sandbox: g.sandbox}
	for _, q := range []struct {
		into                *string
		flag, ask, fallback string
	}{
		{&n.name, "name", "The deployment's name", filepath.Base(abs)},
		{&n.account, "account", "The AWS account's id", ""},
		{&n.region, "region", "The AWS region", "us-east-1"},
		{&n.owner, "owner", "The owner", me},
		{&n.zone, "zone", "The Route 53 zone of its domains, or - for none", "-"},
		{&n.auth, "auth", "Who logs users in: " + strings.Join(initAuth, ", "), ""},
	} {
		if *q.into, err = a.answer(c, n, q.flag, q.ask, q.fallback); err != nil {
			return nil, err
		}
	}
	if n.zone == "-" {
		n.zone = ""
	}
	if err := a.askForAuth(c, n); err != nil {
		return nil, err
	}
	if len(n.admins) == 0 {
		admin, err := a.answer(c, n, "admin", "A user who may log in and administer the hub", "")
		if err != nil {
			return nil, err
		}
		n.admins = append(n.admins, admin)
	}
	if len(n.envs) == 0 {
		n.envs = []string{"staging", "prod"}
	}
	n.checkEnvironments()
	given := c.StringSlice("domain")
	if n.zone == "" && len(given) == 0 && a.Interactive { // nothing else says what they are
		for _, env := range n.envs {
			domain, err := a.Ask("The domain of " + env + ":")
			if err != nil {
				return nil, err
			}
			given = append(given, env+"="+domain)
		}
	}
	n.readDomains(given)
	return n, nil
}

// answer is a flag's value, a person's answer, or where nobody can be asked the default. One that is needed and not given is noted as wrong.
func (a *app) answer(c *cli.Context, n *newDeployment, flag, question, fallback string) (string, error) {
	if c.IsSet(flag) {
		if c.String(flag) == "" && fallback == "" {
			n.add("--%s is empty", flag)
		}
		return c.String(flag), nil
	}
	if !a.Interactive {
		if fallback == "" {
			n.add("--%s is needed, since there is no terminal to ask on", flag)
		}
		return fallback, nil
	}
	if fallback != "" {
		question += " [" + fallback + "]"
	}
	text, err := a.Ask(question + ":")
	if err != nil {
		return "", err
	}
	if text == "" {
		text = fallback
	}
	if text == "" {
		n.add("--%s was not answered", flag)
	}
	return text, nil
}

// checkEnvironments checks the environments' names, which are those of files, too.
func (n *newDeployment) checkEnvironments() {
	for i, env := range n.envs {
		if message, hint := config.EnvironmentName(env); message != "" {
			n.add("--env: %s; %s", message, hint)
		}
		if slices.Index(n.envs, env) != i {
			n.add("--env: %q is there twice; name each once", env)
		}
	}
}

// readDomains gives each environment its domain.
func (n *newDeployment) readDomains(given []string) {
	for _, text := range given {
		env, domain, ok := strings.Cut(text, "=")
		switch {
		case !ok || domain == "" || !slices.Contains(n.envs, env):
			n.add("--domain: %q is not ENV=NAME, with an environment of %s", text, strings.Join(n.envs, ", "))
		case n.domains[env] != "":
			n.add("--domain: %s has two, %s and %s", env, n.domains[env], domain)
		default:
			n.domains[env] = domain
		}
	}
	for _, env := range n.envs {
		if n.domains[env] != "" {
			continue
		}
		if n.zone == "" {
			n.add("--domain %s=NAME is needed: without a zone nothing says what the domain of %s is", env, env)
			n.domains[env] = env + ".example.org" // so that the rest can be looked at
			continue
		}
		n.domains[env] = n.name + "-" + env + "." + n.zone
		if env == "prod" {
			n.domains[env] = n.name + "." + n.zone
		}
	}
}

// files are the deployment directory's. They are held to the configuration's own checks before anything is written; what these say is noted as wrong.
func (n *newDeployment) files() (*scaffold.Files, error) {
	files, err := n.scaffold()
	if err != nil || slices.ContainsFunc(n.envs, func(env string) bool { message, _ := config.EnvironmentName(env); return message != "" }) {
		return files, err // which would be files elsewhere
	}
	return files, n.check(files)
}

func (n *newDeployment) scaffold() (*scaffold.Files, error) {
	d := scaffold.Deployment{
		Schema: schemaURL, Name: n.name, Account: n.account, Owner: n.owner, CredsMode: config.CredsAmbient, Zone: n.zone,
		Hubs: []scaffold.Hub{{Name: "hub", ChartVersion: defaultChart, HTTPS: config.HTTPSManual, Auth: n.auth, AuthSettings: n.settings, AdminUsers: n.admins}},
	}
	files := scaffold.NewFiles()
	var err error
	if files.Texts["Pulumi.yaml"], err = d.Project(); err != nil {
		return nil, err
	}
	for _, env := range n.envs {
		e := scaffold.Environment{Schema: schemaURL, Region: n.region, Domains: map[string]string{"hub": n.domains[env]}}
		if files.Texts["Pulumi."+env+".yaml"], err = e.Stack(); err != nil {
			return nil, err
		}
		files.Texts["hubs/hub/"+env+".yaml"] = fmt.Appendf(nil, "# What the hub of %s has of its own, over common.yaml.\n", env)
	}
	files.Texts["hubs/hub/common.yaml"] = scaffold.CommonValues
	files.Texts[".gitignore"] = []byte("# What hubwright and Pulumi keep beside a deployment.\n.hubwright/\n")
	return &files, nil
}

// flagOf are the flags that values of the configuration come from.
var flagOf = map[string]string{
	"": "env", "deployment.name": "name", "deployment.accountId": "account", "deployment.region": "region", "aws:region": "region", "deployment.owner": "owner", "dns.zone": "zone",
	"hubs[hub].domain": "domain", "hubs[hub].auth.type": "auth", "hubs[hub].auth.adminUsers": "admin",
}

// check holds the files to the configuration's own checks. What a flag is missing for is told of already.
func (n *newDeployment) check(files *scaffold.Files) (err error) {
	dir, err := os.MkdirTemp("", "hubwright-init-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := files.Write(dir, false); err != nil {
		return err
	}
	for _, env := range n.envs {
		var problems config.Problems
		if _, err := config.Load(dir, env, nil, config.Options{Sandbox: n.sandbox}); errors.As(err, &problems) {
			for _, p := range problems {
				n.problem(p)
			}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// problem notes what the configuration says against a flag's value.
func (n *newDeployment) problem(p config.Problem) {
	path, _, _ := strings.Cut(strings.Replace(p.Path, "[hub]", "(hub)", 1), "[")
	path = strings.Replace(path, "(hub)", "[hub]", 1)
	flag, known := flagOf[path]
	if !known {
		flag, known = initSettings.flag(path)
	}
	switch {
	case !known:
		n.add("%s", p)
	case !slices.ContainsFunc(n.wrong, func(w string) bool { return strings.HasPrefix(w, "--"+flag+" ") }): // it is there, at least
		n.add("--%s: %s", flag, strings.TrimPrefix(config.Problem{Message: p.Message, Hint: p.Hint}.String(), ": "))
	}
}
