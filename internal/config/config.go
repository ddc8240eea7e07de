// Package config reads the configuration of a deployment: Pulumi.yaml, with what all environments share, and Pulumi.<env>.yaml, with what
// is an environment's own.
//
// The engine takes a key's value from either the stack's file or, when that has none, the project's default; it never merges the two.
// This package does: code defaults < Pulumi.yaml < Pulumi.<env>.yaml, key by key. Lists of a higher layer replace those of a lower one, but
// for cluster.nodeGroups, images and hubs, whose entries merge by name.
//
// Reading is strict. Every problem is found at once, with its file, line, path and what would be right.
package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/deploydir"
)

//go:generate go test . -run ^TestSchema$ -update

// setSecret is how a secret gets into the configuration.
const setSecret = "pulumi config set --secret --path 'hubwright:secrets.<hub>.oauth.clientSecret'"

// setBuildSecret is how a secret of a build does.
const setBuildSecret = "pulumi config set --secret --path 'hubwright:buildSecrets.%s'"

// secretsKey and buildSecretsKey are the keys that hold encrypted values. They are no part of Settings: see ParseSecrets and ParseBuildSecrets.
const (
	secretsKey      = "secrets"
	buildSecretsKey = "buildSecrets"
)

// Options say how to read.
type Options struct {
	// Sandbox permits what only a simulated cloud should see: logins without a password, hubs without TLS.
	Sandbox bool
	// Over are files that count in the place of those that are there: see deploydir.Dir.
	Over map[string][]byte
	// Partial returns what could be read beside the problems, for those who look at it; nothing may be deployed of it.
	Partial bool
}

// Stack is the complete configuration of one environment, defaults included.
type Stack struct {
	// Dir is the deployment directory.
	Dir string
	// Environment is the stack's name.
	Environment string
	// Project is the Pulumi project's name.
	Project string
	Settings

	awsRegion       string
	secretsProvider string
	passphrase      bool
	backend         string
	projectFile     string
	stackFile       string
	sandbox         bool
	over            map[string][]byte
	places          map[string]place
	secrets         *tree // the value of hubwright:secrets, as it is written; nil without one
}

// Keys are the configuration keys, without the project's name before them. The key of the secrets is not among them.
func Keys() []string { return keysOf(reflect.TypeFor[Settings]()) }

// Load reads the configuration of an environment of the deployment in dir.
//
// engine may be nil. In a running program it holds the project's configuration as the engine gives it, "hubwright:cluster" to JSON: where
// that differs from what the files say, because an ESC environment or a command line says otherwise, it counts.
//
// The error is Problems when the configuration is wrong, *UnknownEnvironmentError when there is no such environment.
func Load(dir, env string, engine map[string]string, opts Options) (*Stack, error) {
	files, err := openFiles(dir, env)
	if err != nil {
		return nil, err
	}
	d := &decoder{places: map[string]place{}}
	project := files.project(d)
	stack := files.stack(d, project)
	if len(engine) > 0 {
		stack.overlay(project, engine)
	}
	s := &Stack{
		Dir: dir, Environment: env, Project: project.name, sandbox: opts.Sandbox, over: opts.Over, places: d.places,
		secretsProvider: stack.secretsProvider, passphrase: stack.passphrase, backend: project.backend,
		projectFile: files.projectName, stackFile: files.stackName,
		awsRegion: cmp.Or(engine["aws:region"], stack.awsRegion, project.awsRegion),
	}
	merged := merge("", project.values, stack.values)
	if secrets := merged.field(secretsKey); secrets != nil {
		d.places[secretsKey], s.secrets = secrets.place, secrets
		checkEncrypted(d, secrets, secretsKey, setSecret)
	}
	if secrets := merged.field(buildSecretsKey); secrets != nil {
		d.places[buildSecretsKey] = secrets.place
		checkEncrypted(d, secrets, buildSecretsKey, SetBuildSecret("<id>"))
	}
	applyDefaults(reflect.ValueOf(&s.Settings).Elem())
	d.decode(without(merged, secretsKey, buildSecretsKey), reflect.ValueOf(&s.Settings).Elem(), "")
	d.places[""] = stack.config
	s.complete()
	if err := s.validate(d.problems).Err(); err != nil {
		if opts.Partial {
			return s, err
		}
		return nil, err
	}
	return s, nil
}

// without is an object but for some keys.
func without(t *tree, keys ...string) *tree {
	out := &tree{place: t.place, kind: object}
	for _, f := range t.fields {
		if !slices.Contains(keys, f.key) {
			out.fields = append(out.fields, f)
		}
	}
	return out
}

// checkEncrypted says of each secret whether it stands in the file in plain text. What is public anyway may.
func checkEncrypted(d *decoder, t *tree, path, set string) {
	switch {
	case t.kind == object && t.field("secure") != nil:
	case t.kind == object:
		for _, f := range t.fields {
			checkEncrypted(d, f.value, join(path, f.key), set)
		}
	case t.kind == null || strings.HasSuffix(path, ".oauth.clientId") || strings.HasSuffix(path, ".tls.certificate"):
	default:
		d.add(t.place, path, "is not encrypted", "take it out, consider it known, and set a new one: "+set)
	}
}

// Prefix begins the names of the environment's cloud resources: <deployment>-<environment>.
func (s *Stack) Prefix() string { return s.Deployment.Name + "-" + s.Environment }

// ReleaseName is the name of a hub's Helm release, and of its namespace unless that is set: <deployment>-<environment> for the hub named
// "hub", as hubploy has it, and <deployment>-<hub>-<environment> for any other.
func (s *Stack) ReleaseName(hub string) string {
	if hub == "hub" {
		return s.Prefix()
	}
	return s.Deployment.Name + "-" + hub + "-" + s.Environment
}

// ChartVersion is the version of a hub's chart: the pinned one, when a promotion has pinned it.
func (s *Stack) ChartVersion(h *Hub) string { return cmp.Or(s.Pins.Charts[h.Name], h.Chart.Version) }

// HomesDirectory is the part of the file system that a hub's homes are in; "" is all of it.
func (s *Stack) HomesDirectory(h *Hub) string {
	if h.Homes.Directory == WholeFileSystem {
		return ""
	}
	return cmp.Or(h.Homes.Directory, "/hubs/"+s.ReleaseName(h.Name))
}

// ClusterName is the name of the cluster the environment runs on. With cluster.from it is the name that environment's cluster has by
// default: what it really is, its stack's outputs say.
func (s *Stack) ClusterName() string {
	switch {
	case s.Cluster.Existing != "":
		return s.Cluster.Existing
	case s.Cluster.From != "":
		return s.Deployment.Name + "-" + s.Cluster.From
	default:
		return s.Cluster.Name
	}
}

// Files are the files that the deployment may be made of.
func (s *Stack) Files() deploydir.Dir {
	return deploydir.Dir{Path: s.Dir, Outside: s.Deployment.Outside, Over: s.over}
}

// Region is the AWS region.
func (s *Stack) Region() string { return s.Deployment.Region }

// Partition is the part of AWS that the region is in, as ARNs name it: aws, aws-cn or aws-us-gov.
func (s *Stack) Partition() string {
	switch region := s.Region(); {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// Sandbox says that the services are simulated.
func (s *Stack) Sandbox() bool { return s.sandbox }

// SecretsProvider is what encrypts the stack's secrets, as the stack's file names it; "" leaves it to the engine.
func (s *Stack) SecretsProvider() string { return s.secretsProvider }

// Passphrase says that the stack's secrets are encrypted with a passphrase, without its file naming that as its provider.
func (s *Stack) Passphrase() bool { return s.secretsProvider == "" && s.passphrase }

// Backend is where the project's file says that states are kept; "" leaves it to the environment or the last login.
func (s *Stack) Backend() string { return s.backend }

// ConfigFiles are the project's file and the stack's, relative to the deployment directory.
func (s *Stack) ConfigFiles() (project, stack string) { return s.projectFile, s.stackFile }

// Tags are put on everything that can be tagged.
func (s *Stack) Tags() map[string]string {
	tags := map[string]string{}
	for k, v := range s.Deployment.Tags {
		tags[k] = v
	}
	tags["deployment"] = s.Deployment.Name
	tags["environment"] = s.Environment
	tags["owner"] = s.Deployment.Owner
	tags["managed-by"] = "hubwright"
	return tags
}

// Image is the image of that name, nil without one.
func (s *Stack) Image(name string) *Image {
	for i := range s.Images {
		if s.Images[i].Name == name {
			return &s.Images[i]
		}
	}
	return nil
}

// Hub is the hub of that name, nil without one.
func (s *Stack) Hub(name string) *Hub {
	for i := range s.Hubs {
		if s.Hubs[i].Name == name {
			return &s.Hubs[i]
		}
	}
	return nil
}

// URL is the address users type.
func (s *Stack) URL(h *Hub) string {
	if h.HTTPS.Type == HTTPSOff {
		return "http://" + h.Domain
	}
	return "https://" + h.Domain
}

// CallbackURL is what the hub's OAuth client has to be registered with: https://oauthenticator.readthedocs.io/en/stable/tutorials/install.html
func (s *Stack) CallbackURL(h *Hub) string { return s.URL(h) + "/hub/oauth_callback" }

// decode reads a file's path, or an object that also says whether it may be absent.
func (f *File) decode(d *decoder, t *tree, path string) {
	switch t.kind {
	case null:
	case object:
		d.object(t, reflect.ValueOf(f).Elem(), path)
	case text:
		f.File = t.scalar
	default:
		d.wrong(t, path, "a path, or an object with file and optional")
	}
}

// decode reads a number of zones, or their names.
func (z *Zones) decode(d *decoder, t *tree, path string) {
	switch t.kind {
	case null:
	case list:
		d.list(t, reflect.ValueOf(&z.Names).Elem(), path)
	case integer:
		d.integer(t, reflect.ValueOf(&z.Count).Elem(), path)
		if z.Count < 1 {
			d.add(t.place, path, fmt.Sprintf("is %s", t.scalar), fmt.Sprintf("use %d to %d zones", minZones, maxZones))
		}
	default:
		d.wrong(t, path, "a number of zones or a list of their names")
	}
}
