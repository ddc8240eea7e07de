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

// initAuth are the ways to log in that a new deployment may have from the beginning. The others need more than a name; the configuration has them.
var initAuth = []string{config.AuthMAST, config.AuthGitHub, config.AuthGoogle}

// initCI are those whose workflows a new deployment may have.
var initCI = append(slices.Clone(ciworkflow.Forges), none)

// newDeployment is what a person says of a new deployment.
type newDeployment struct {
	name, account, owner, region, zone, auth string
	envs, admins                             []string
	domains                                  map[string]string
}

func (a *app) init() *cli.Command {
	return verb("init", "a new deployment directory, which validates and deploys in the sandbox at once", "[DIR]", []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "the deployment's `NAME`, which begins the names of all that is made"},
		&cli.StringFlag{Name: "account", Usage: "the AWS account's `ID`"},
		&cli.StringFlag{Name: "region", Usage: "the AWS `REGION`"},
		&cli.StringFlag{Name: "owner", Usage: "the `OWNER`, as tags have it (default: you)"},
		&cli.StringFlag{Name: "zone", Usage: "the Route 53 `ZONE` of the hub's domains (default: none; the records are entered by hand)"},
		&cli.StringSliceFlag{Name: "env", Usage: "an environment's `NAME` (default: staging and prod)"},
		&cli.StringSliceFlag{Name: "domain", Usage: "an environment's domain, as `ENV=NAME` (default: <name>-<env>.<zone>, prod <name>.<zone>)"},
		&cli.StringFlag{Name: "auth", Usage: "who logs users in: `TYPE` of " + strings.Join(initAuth, ", ")},
		&cli.StringSliceFlag{Name: "admin", Usage: "a `USER` who may log in and administer the hub"},
		&cli.StringFlag{Name: "ci", Value: ciworkflow.GitHub, Usage: "whose CI the workflows are for: `FORGE` of " + strings.Join(initCI, ", ")},
	}, func(c *cli.Context, _ globals) error {
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
		n, err := a.askForDeployment(c, dir)
		if err != nil {
			return err
		}
		files, err := n.files()
		if err != nil {
			return err
		}
		if err := n.check(files); err != nil {
			return err
		}
		_, err = files.Write(dir, false)
		var others *scaffold.OverwriteError
		if errors.As(err, &others) {
			return stopped("name another directory, or take them away", "%s", others)
		}
		if err != nil {
			return err
		}
		if err := a.initWorkflows(c.Context, dir, c.String("ci")); err != nil {
			return err
		}
		a.Say("%s %s is a deployment with the environments %s. Next:", a.Paint(term.Green, "done:"), dir, strings.Join(n.envs, ", "))
		a.Say("  hubwright up %s -C %s --sandbox        # on simulated services", n.envs[0], dir)
		a.Say("in your account, in this order:")
		a.Say("  hubwright doctor %s -C %s              # what is still needed", n.envs[0], dir)
		a.Say("  hubwright bootstrap %s -C %s --write   # a place for the state", n.envs[0], dir)
		a.Say("  hubwright up %s -C %s                  # all but the hub, the key of its secrets among it", n.envs[0], dir)
		a.Say("  hubwright secrets init %s -C %s        # then set what it says is missing, and `up` again completes", n.envs[0], dir)
		return nil
	})
}

// askForDeployment takes from flags what there is, and asks for the rest where there is a terminal.
func (a *app) askForDeployment(c *cli.Context, dir string) (*newDeployment, error) {
	me := ""
	if u, err := user.Current(); err == nil {
		me = u.Username
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	n := &newDeployment{envs: c.StringSlice("env"), admins: c.StringSlice("admin"), domains: map[string]string{}}
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
		if *q.into, err = a.answer(c, q.flag, q.ask, q.fallback); err != nil {
			return nil, err
		}
	}
	if n.zone == "-" {
		n.zone = ""
	}
	if !slices.Contains(initAuth, n.auth) {
		return nil, usage("--auth: %q is none of %s%s; docs/reference/configuration.md has the others", n.auth, strings.Join(initAuth, ", "), nearest(n.auth, initAuth))
	}
	if len(n.admins) == 0 {
		admin, err := a.answer(c, "admin", "A user who may log in and administer the hub", "")
		if err != nil {
			return nil, err
		}
		n.admins = []string{admin}
	}
	if len(n.envs) == 0 {
		n.envs = []string{"staging", "prod"}
	}
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
	return n, n.readDomains(given)
}

// answer is a flag's value, a person's answer, or where nobody can be asked the default.
func (a *app) answer(c *cli.Context, flag, question, fallback string) (string, error) {
	if c.IsSet(flag) {
		return c.String(flag), nil
	}
	if !a.Interactive {
		if fallback == "" {
			return "", usage("init: --%s is needed, since there is no terminal to ask on", flag)
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
		return "", usage("init: --%s was not answered", flag)
	}
	return text, nil
}

// readDomains gives each environment its domain.
func (n *newDeployment) readDomains(given []string) error {
	for _, text := range given {
		env, domain, ok := strings.Cut(text, "=")
		if !ok || !slices.Contains(n.envs, env) {
			return usage("--domain: %q is not ENV=NAME, with an environment of %s", text, strings.Join(n.envs, ", "))
		}
		n.domains[env] = domain
	}
	for _, env := range n.envs {
		if n.domains[env] != "" {
			continue
		}
		if n.zone == "" {
			return usage("--domain %s=NAME is needed: without a zone nothing says what the domain of %s is", env, env)
		}
		n.domains[env] = n.name + "-" + env + "." + n.zone
		if env == "prod" {
			n.domains[env] = n.name + "." + n.zone
		}
	}
	return nil
}

// files are the deployment directory's.
func (n *newDeployment) files() (*scaffold.Files, error) {
	d := scaffold.Deployment{
		Schema: schemaURL, Name: n.name, Account: n.account, Owner: n.owner, CredsMode: config.CredsAmbient, Zone: n.zone,
		Hubs: []scaffold.Hub{{Name: "hub", ChartVersion: defaultChart, HTTPS: config.HTTPSManual, Auth: n.auth, AdminUsers: n.admins}},
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

// check holds the files to the configuration's own checks before anything is written.
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
		if _, err := config.Load(dir, env, nil, config.Options{}); err != nil {
			return err
		}
	}
	return nil
}
