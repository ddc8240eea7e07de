package hubploy

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// Options say what the source does not.
type Options struct {
	// Owner is the deployment's owner. Required.
	Owner string
	// Account, Region are used when the source has none.
	Account, Region string
	// Domains are the hub's domains by environment.
	Domains map[string]string
	// ChartVersion is the version of the JupyterHub chart for the wrapper that is made when the source has none.
	ChartVersion string
	// Schema is where editors find the configuration's schema.
	Schema string
}

// Plan is a deployment directory in the making.
type Plan struct {
	scaffold.Files
	// Notes are the report.
	Notes []Note
}

// HubName is the hub's name. A deployment of hubploy has one.
const HubName = "hub"

// Where things go.
const (
	hubFolder = "hubs/hub"
	// sharedLayer and commonLayer are the layers of all deployments and of all environments.
	sharedLayer = "hubs/all.yaml"
	commonLayer = hubFolder + "/common.yaml"
	chartPath   = "charts/hub"
	chartKey    = "jupyterhub"
	repository  = "https://hub.jupyter.org/helm-chart/"
)

// Plan makes the deployment directory's files.
func (s *Source) Plan(o Options) (*Plan, error) {
	p := &planner{Source: s, opts: o, plan: &Plan{Files: scaffold.NewFiles()}}
	for _, step := range []func() error{p.values, p.secrets, p.manifests, p.images, p.chart, p.claims, p.fileLeaves, p.project, p.stacks} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.plan.Notes = s.Notes
	return p.plan, nil
}

type planner struct {
	*Source
	opts  Options
	plan  *Plan
	hub   scaffold.Hub
	built []scaffold.Image
}

// copyFile carries a file over.
func (p *planner) copyFile(from, to string) error {
	data, err := p.read(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	p.plan.Texts[to] = data
	p.note(Carried, from, "%s", to)
	return nil
}

// copyFolder carries a folder over. Links are left out.
func (p *planner) copyFolder(from, to string) error {
	return filepath.WalkDir(filepath.Join(p.Root, filepath.FromSlash(from)), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(p.Root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			p.note(Left, rel, "is a link or no file, and is not followed")
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		dest := to + strings.TrimPrefix(rel, from)
		p.plan.Texts[dest] = data
		if info.Mode()&0o111 != 0 {
			p.plan.Modes[dest] = 0o755
		}
		return nil
	})
}

// values carries the layers over. A key that is there twice is mended as Helm reads it: the last counts.
func (p *planner) values() error {
	carry := func(from, to string) error {
		if from == "" {
			return nil
		}
		if err := p.copyFile(from, to); err != nil {
			return err
		}
		mended, gone := mend(p.plan.Texts[to])
		for _, key := range gone {
			p.note(Changed, from, "line %d: %s is there twice; %s keeps the last, which is the one that Helm takes", key.line, key.name, to)
		}
		p.plan.Texts[to] = mended
		return nil
	}
	if err := carry(p.Shared, sharedLayer); err != nil {
		return err
	}
	if err := carry(p.Common, commonLayer); err != nil {
		return err
	}
	for _, env := range p.Environments {
		if err := carry(p.Values[env], hubFolder+"/"+env+".yaml"); err != nil {
			return err
		}
	}
	if p.Shared != "" {
		p.hub.Values = append(p.hub.Values, scaffold.File{File: sharedLayer})
	}
	if p.Common != "" {
		p.hub.Values = append(p.hub.Values, scaffold.File{File: commonLayer})
	}
	p.hub.Values = append(p.hub.Values, scaffold.File{File: hubFolder + "/${env}.yaml"})
	return nil
}

// secrets carries the encrypted files over as they are. The folder that the checkout has becomes the hub's; of two, the higher one stands below it.
func (p *planner) secrets() error {
	var from []string
	carried := map[string]bool{}
	for _, env := range p.Environments {
		own := false
		for _, file := range p.Secrets[env] {
			carried[file] = true
			own = own || path.Base(file) == env+".yaml"
		}
		if !own {
			p.note(Left, "secrets of "+env, "there are none in the checkout: hubploy skips a missing file in silence, hubwright says what is missing")
		}
	}
	for _, folder := range secretFolders(path.Join("deployments", p.Name)) {
		if slices.ContainsFunc(slices.Collect(maps.Keys(carried)), func(file string) bool { return path.Dir(file) == folder }) {
			from = append(from, folder)
		}
	}
	for i, to := range []string{hubFolder + "/secrets", hubFolder + "/secrets/repository"}[:max(len(from), 1)] {
		if i < len(from) && carried[path.Join(from[i], common+".yaml")] {
			p.hub.SecretFiles = append(p.hub.SecretFiles, scaffold.File{File: to + "/" + common + ".yaml"})
		}
		p.hub.SecretFiles = append(p.hub.SecretFiles, scaffold.File{File: to + "/${env}.yaml", Optional: true})
		for _, file := range slices.Sorted(maps.Keys(carried)) {
			if i >= len(from) || path.Dir(file) != from[i] {
				continue
			}
			if err := p.copyFile(file, to+"/"+path.Base(file)); err != nil {
				return err
			}
			if !secretfile.Encrypted(p.plan.Texts[to+"/"+path.Base(file)]) {
				p.note(Changed, file, "is in plaintext: `hubwright secrets init %s` encrypts it; what it holds is known to whoever could read it", p.ofEnvironment(file))
			}
		}
	}
	return nil
}

// ofEnvironment is an environment that a file of secrets belongs to.
func (p *planner) ofEnvironment(file string) string {
	for _, env := range p.Environments {
		if path.Base(file) == env+".yaml" {
			return env
		}
	}
	return p.Environments[0]
}

// manifests carries the page templates over, which are applied beside the chart.
func (p *planner) manifests() error {
	any := false
	for _, env := range p.Environments {
		var all [][]byte
		to := fmt.Sprintf("%s/manifests/%s.yaml", hubFolder, env)
		for _, from := range p.Manifests[env] {
			data, err := p.read(from)
			if err != nil {
				return fmt.Errorf("%s: %w", from, err)
			}
			if link, content := p.linked(from, data); link != "" {
				data = content
				p.note(Changed, from, "is a link to %s that a checkout made a text of; %s is a copy of what it names", path.Base(link), to)
			} else {
				p.note(Carried, from, "%s", to)
			}
			all = append(all, data)
		}
		if len(all) > 0 {
			p.plan.Texts[to] = bytes.Join(all, []byte("\n---\n"))
			any = true
		}
	}
	if any {
		p.hub.Manifests = []scaffold.File{{File: hubFolder + "/manifests/${env}.yaml", Optional: true}}
	}
	return nil
}

// chart carries the wrapper chart over, or makes one, since the values are those of a wrapper.
func (p *planner) chart() error {
	p.hub.Name, p.hub.HTTPS, p.hub.Auth = HubName, "values", "values"
	p.note(Changed, "https and auth", "stay in the values (https.type and auth.type are values); the types of hubwright check more: see docs/reference/configuration.md")
	p.hub.ChartPath, p.hub.ValuesKey = chartPath, chartKey
	if p.Wrapper != "" {
		p.note(Carried, p.Wrapper, "%s", chartPath)
		return p.copyFolder(p.Wrapper, chartPath)
	}
	p.plan.Texts[chartPath+"/Chart.yaml"] = fmt.Appendf(nil, `apiVersion: v2
name: hub
description: JupyterHub, with the values below the key jupyterhub as the deployment's files have them
version: 0.1.0
dependencies:
  - name: %s
    version: %s
    repository: %s
`, chartKey, p.opts.ChartVersion, repository)
	p.note(Changed, "chart", "the checkout has no wrapper chart: %s is one around the JupyterHub chart %s", chartPath, p.opts.ChartVersion)
	return nil
}

// computed are an environment's values as its plain files come to.
func (p *planner) computed(env string) (*values.Computed, error) {
	var layers []values.Layer
	for _, f := range p.hub.Values {
		file := strings.ReplaceAll(f.File, "${env}", env)
		layers = append(layers, values.Layer{Name: values.LayerName(file), File: file, Data: p.plan.Texts[file]})
	}
	return values.Compute(values.Options{Layers: layers})
}

// fileLeaves carries over the files whose text a script put into the values.
func (p *planner) fileLeaves() error {
	found := map[string]string{}
	for _, env := range p.Environments {
		c, err := p.computed(env)
		if err != nil {
			return err
		}
		maps.Copy(found, textLeaves(c))
	}
	for _, at := range slices.Sorted(maps.Keys(found)) {
		to := hubFolder + "/files/" + found[at]
		if p.hub.ValuesFromFiles == nil {
			p.hub.ValuesFromFiles = map[string]string{}
		}
		p.hub.ValuesFromFiles[at] = to
		from := p.find(found[at])
		if from == "" {
			p.note(Left, at, "takes the text of a file %s that the checkout does not have: put it at %s", found[at], to)
			continue
		}
		if err := p.copyFile(from, to); err != nil {
			return err
		}
	}
	return nil
}

// textLeaves are values that have to be the text of a file, because a file that the hub is to have has none of its own: the files' names by the values'
// paths. The script gives them to Helm with --set-file.
func textLeaves(c *values.Computed) map[string]string {
	found := map[string]string{}
	extra, _ := c.At(values.Path{chartKey, "hub", "extraFiles"})
	entries, _ := extra.(map[string]any)
	for key, v := range entries {
		entry, _ := v.(map[string]any)
		mount, _ := entry["mountPath"].(string)
		if entry["data"] != nil || entry["stringData"] != nil || entry["binaryData"] != nil || mount == "" {
			continue
		}
		found[values.Path{chartKey, "hub", "extraFiles", key, "stringData"}.String()] = path.Base(mount)
	}
	return found
}

// find looks for a file of a name near the deployment's values; "" without one.
func (s *Source) find(name string) string {
	for _, of := range []string{s.Name, common} {
		for _, folder := range []string{"config", "services", "."} {
			if file := path.Join("deployments", of, folder, name); s.has(file) {
				return file
			}
		}
	}
	if s.has(name) {
		return name
	}
	return ""
}

// project makes Pulumi.yaml.
func (p *planner) project() error {
	account := cmp.Or(p.Settings.Account, p.opts.Account)
	if account == "" {
		return &SourceError{fmt.Sprintf("the checkout does not name the AWS account: looked for account_id or project in deployments/%s/hubploy.yaml", p.Name), "give --account with its twelve digits"}
	}
	d := scaffold.Deployment{
		Schema: p.opts.Schema, Name: p.Name, Account: account, Owner: p.opts.Owner, CredsMode: "ambient", Images: p.built, Hubs: []scaffold.Hub{p.hub},
	}
	p.note(Carried, "account", "deployment.accountId: %s", account)
	for _, role := range p.Settings.Roles {
		p.note(Left, role, "is not assumed: creds.mode is ambient; create makes a deployer role of its own, assume takes one that is there")
	}
	if p.Settings.Cluster != "" {
		p.note(Left, "cluster "+p.Settings.Cluster, "%s: is not taken over: each environment makes its own cluster and file system. cluster.existing and storage.fileSystemId adopt what is there, cluster.from shares one", p.Settings.ClusterAt)
	}
	text, err := d.Project()
	p.plan.Texts["Pulumi.yaml"] = text
	return err
}

var callback = lazyregexp.New(`^https://([^/]+)/(?:[^/]+/)*hub/oauth_callback$`)

// stacks makes a file for each environment.
func (p *planner) stacks() error {
	for _, env := range p.Environments {
		domain := p.opts.Domains[env]
		if domain == "" {
			c, err := p.computed(env)
			if err != nil {
				return err
			}
			for _, leaf := range c.Leaves(nil) {
				text, _ := leaf.Value.(string)
				if m := callback.FindStringSubmatch(text); m != nil {
					domain = m[1]
					p.note(Carried, leaf.Path.String(), "domain of %s: %s", env, domain)
				}
			}
		}
		if domain == "" {
			domain = fmt.Sprintf("%s-%s.invalid", p.Name, env)
			p.note(Left, "domain of "+env, "is not in the checkout: Pulumi.%s.yaml says %s, which can never be one; give --domain %s=… or write it there", env, domain, env)
		}
		e := scaffold.Environment{
			Schema: p.opts.Schema, Region: cmp.Or(p.Settings.Region, p.opts.Region, "us-east-1"), Domains: map[string]string{HubName: domain},
		}
		text, err := e.Stack()
		if err != nil {
			return err
		}
		p.plan.Texts["Pulumi."+env+".yaml"] = text
	}
	return nil
}
