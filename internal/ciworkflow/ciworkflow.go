// Package ciworkflow writes the files by which GitHub's or GitLab's CI previews, deploys, promotes and watches a deployment.
//
// A file that it writes begins with a hash of what follows, so that one which a person has edited is told apart from one that is only older: the latter
// may be written anew, the former is the person's.
package ciworkflow

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// The forges whose CI is served.
const (
	GitHub = "github"
	GitLab = "gitlab"
)

// Forges are all of them.
var Forges = []string{GitHub, GitLab}

// GoVersion is the Go that builds the program.
const GoVersion = "1.26"

// Deployment is what the files are made of.
type Deployment struct {
	// Command is how they are written again, for their first lines.
	Command string
	// Prefix is the deployment directory, from the top of the repository: "" or "hubs-of-physics/".
	Prefix string
	// Source says that the deployment directory holds the program's source, which is what is run then.
	Source bool
	// Version is the version of the program that is run otherwise; "" leaves it to the variable HUBWRIGHT_VERSION of the repository.
	Version string
	// Branch is the branch that is deployed.
	Branch string
	// Schedule is when drift is looked for, as cron has it, in UTC.
	Schedule string
	// Image is the image of GitLab's jobs.
	Image string
	// Environments are all of them, by name.
	Environments []Environment
	// Deployed are those that a merge deploys.
	Deployed []string
	// Promotions are the ways between the others.
	Promotions []Promotion
	// Secrets are the names of the secrets that a job with credentials gets as variables of those names, besides them.
	Secrets []string
}

// Environment is one of the deployment's.
type Environment struct {
	Name, Account, Region string
	// After is the environment on whose cluster it runs; "" for a cluster of its own.
	After string
	// Images says that it has images, which a gate stands before: docs/gate.md.
	Images bool
	// File is its Pulumi.<env>.yaml, relative to the deployment directory.
	File string
}

// Promotion is a way from one environment to another.
type Promotion struct{ From, To string }

//go:embed github/*.tmpl gitlab/*.tmpl
var texts embed.FS

var functions = template.FuncMap{"uses": uses, "join": strings.Join, "yaml": quoted, "id": identifier, "goVersion": func() string { return GoVersion }}

// templates are those of all files. What is between [[ and ]] is the template's, since ${{ }} is GitHub's.
var templates = template.Must(template.New("").Delims("[[", "]]").Funcs(functions).ParseFS(texts, "github/*.tmpl", "gitlab/*.tmpl"))

// Files are the files of a forge by their paths from the top of the repository.
func (d *Deployment) Files(forge string) (map[string][]byte, error) {
	names := d.paths(forge)
	out := map[string][]byte{}
	for _, name := range []string{"action.yml", "preview.yml", "deploy.yml", "promote.yml", "drift.yml", "hubwright.yml", "gitlab-ci.yml"} {
		at, ok := names[name]
		if !ok || name == "deploy.yml" && len(d.Deployed) == 0 || name == "promote.yml" && len(d.Promotions) == 0 {
			continue
		}
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, name+".tmpl", d); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		out[at] = signed(d.Command, b.Bytes())
	}
	return out, nil
}

// paths are where a forge's files are, by the names of their templates.
func (d *Deployment) paths(forge string) map[string]string {
	name := d.Slug()
	if forge == GitLab {
		return map[string]string{"hubwright.yml": path.Join(".gitlab", name+".yml"), "gitlab-ci.yml": ".gitlab-ci.yml"}
	}
	out := map[string]string{"action.yml": path.Join(".github", "actions", name, "action.yml")}
	for _, w := range []string{"preview.yml", "deploy.yml", "promote.yml", "drift.yml"} {
		out[w] = path.Join(".github", "workflows", name+"-"+w)
	}
	return out
}

// Versions are the paths of those that say which version of the program is run.
func Versions(prefix string) []string {
	d := &Deployment{Prefix: prefix}
	return []string{d.paths(GitHub)["action.yml"], d.paths(GitLab)["hubwright.yml"]}
}

// Slug begins the names of files and groups, so that several deployments get on in one repository: hubwright, or hubwright-<directory>.
func (d *Deployment) Slug() string {
	if d.Prefix == "" {
		return "hubwright"
	}
	return "hubwright-" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.':
			return r
		}
		return '-'
	}, strings.Trim(d.Prefix, "/"))
}

// Dir is the deployment directory as a step's working directory.
func (d *Deployment) Dir() string { return strings.TrimSuffix(d.Prefix, "/") }

// Accounts are the accounts of the environments, each once.
func (d *Deployment) Accounts() []string {
	var out []string
	for _, e := range d.Environments {
		out = append(out, e.Account)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// PreviewRoles are the variables of the repository with the ARNs of the roles that look at AWS: one, or one for each account where there are several.
func (d *Deployment) PreviewRoles() []string {
	accounts := d.Accounts()
	if len(accounts) < 2 {
		return []string{"HUBWRIGHT_PREVIEW_ROLE"}
	}
	for i := range accounts {
		accounts[i] = "HUBWRIGHT_PREVIEW_ROLE_" + accounts[i]
	}
	return accounts
}

// PreviewRole is that variable for an environment's account.
func (d *Deployment) PreviewRole(account string) string {
	if len(d.Accounts()) < 2 {
		return "HUBWRIGHT_PREVIEW_ROLE"
	}
	return "HUBWRIGHT_PREVIEW_ROLE_" + account
}

// Env is an environment by its name.
func (d *Deployment) Env(name string) Environment {
	i := slices.IndexFunc(d.Environments, func(e Environment) bool { return e.Name == name })
	if i < 0 {
		return Environment{Name: name}
	}
	return d.Environments[i]
}

// Needs is the job that has to end before an environment is deployed: that of the environment on whose cluster it runs, where a merge deploys that too.
func (d *Deployment) Needs(name string) string {
	after := d.Env(name).After
	if after == "" || !slices.Contains(d.Deployed, after) {
		return ""
	}
	return "deploy-" + identifier(after)
}

// China says that an environment is in AWS's partition for China, whose STS has a name of its own.
func (d *Deployment) China() bool {
	return slices.ContainsFunc(d.Environments, func(e Environment) bool { return strings.HasPrefix(e.Region, "cn-") })
}

// Audience is whom a token for AWS is meant for in an environment's region:
// https://github.com/aws-actions/configure-aws-credentials/tree/v6.2.3#oidc-audience.
func (e Environment) Audience() string {
	if strings.HasPrefix(e.Region, "cn-") {
		return "sts.amazonaws.com.cn"
	}
	return "sts.amazonaws.com"
}

var plain = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*([./-][A-Za-z0-9_]+)*$`)

// words are those that YAML 1.1 takes for something else: https://yaml.org/type/bool.html, https://yaml.org/type/null.html.
var words = []string{"y", "yes", "n", "no", "true", "false", "on", "off", "null"}

// quoted is a text as a scalar of YAML, in quotes where it needs them.
func quoted(text string) string {
	if plain.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// identifier is an environment's name as part of a job's: letters, digits, - and _.
func identifier(name string) string { return strings.ReplaceAll(name, ".", "_") }

const (
	mark  = "# hubwright-ci sha256:"
	again = "# Made by: "
)

// signed is a text with a head that says how it was made and what its hash is.
func signed(command string, text []byte) []byte {
	head := again + command + "\n# Run that again instead of editing it: a file whose hash is another is taken for edited, and left alone.\n"
	body := append([]byte(head), text...)
	sum := sha256.Sum256(body)
	return append([]byte(mark+hex.EncodeToString(sum[:])+"\n"), body...)
}

// Edited says whether a file's text is not as it was written: it has been edited, or was never written by this package.
func Edited(text []byte) bool {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // which git may make of them
	first, body, _ := bytes.Cut(text, []byte("\n"))
	hash, ok := strings.CutPrefix(string(first), mark)
	sum := sha256.Sum256(body)
	return !ok || hash != hex.EncodeToString(sum[:])
}
