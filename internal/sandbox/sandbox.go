// Package sandbox runs deployments against simulated services: no account, no network, no cluster. The Pulumi engine is the real one; the
// providers are served from this process over a world that persists between commands.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/dockersim"
	"github.com/hubwright/hubwright/internal/sandbox/ekssim"
	"github.com/hubwright/hubwright/internal/sandbox/helmsim"
	"github.com/hubwright/hubwright/internal/sandbox/hubsim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/kuberest"
	"github.com/hubwright/hubwright/internal/sandbox/kubesim"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Options say where a sandbox lives and how it behaves.
type Options struct {
	// Root is the deployment's folder, the one with Pulumi.yaml.
	Root string
	// Home is where the sandbox keeps everything. Default: .hubwright/sandbox in Root.
	Home string
	// Charts is the folder in which fetched charts are cached. Default: hubwright/charts in the user's cache folder.
	Charts string
	// Offline keeps it from looking for a chart in its repository.
	Offline bool
	World   world.Options
}

// Sandbox is an open sandbox.
type Sandbox struct {
	World *world.World
	opts  Options
	clock *clockDoor
	aws   *awsDoor
	parts []*provider.Served
	// Tether is between the providers and the engine that is launched next.
	Tether provider.Tether
	// Charts is where the charts of releases come from.
	Charts *render.Source
}

// StandIn gives the sandbox's outline of a chart that cannot be reached, for render.Source.
var StandIn = helmsim.Outline

// Home is the default home of the sandbox of the deployment in root.
func Home(root string) string { return filepath.Join(root, ".hubwright", "sandbox") }

func (o *Options) defaults() error {
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return err
	}
	o.Root = root
	if o.Home == "" {
		o.Home = Home(root)
	}
	if o.Charts == "" {
		if o.Charts = render.DefaultCache(); o.Charts == "" {
			o.Charts = filepath.Join(o.Home, "charts")
		}
	}
	return nil
}

// whole finds out whether a part of the sandbox is gone: what the engine has recorded is of no use without the world that it is about, and cannot be
// read without the passphrase.
func (o *Options) whole() error {
	s := &Sandbox{opts: *o}
	stacks, err := filepath.Glob(filepath.Join(s.backend(), ".pulumi", "stacks", "*", "*.json"))
	if err != nil || len(stacks) == 0 {
		return err
	}
	for path, what := range map[string]string{
		WorldDir(o.Home): "is gone, while stacks have recorded what was in it", s.passFile(): "is gone, without which the stacks' secrets cannot be read",
	} {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return &world.DamagedError{File: path, Reason: what}
		}
	}
	return nil
}

// WorldDir is where the sandbox in home keeps its world.
func WorldDir(home string) string { return filepath.Join(home, "world") }

// Open opens the sandbox, making it when there is none, and starts its providers.
func Open(opts Options) (*Sandbox, error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	if err := opts.whole(); err != nil {
		return nil, err
	}
	s := &Sandbox{opts: opts, Charts: &render.Source{Dir: opts.Root, Cache: opts.Charts, Offline: opts.Offline, StandIn: StandIn}}
	for _, dir := range []string{s.Mirror(), s.backend(), s.pulumiHome()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the sandbox: %w", err)
		}
	}
	if err := errors.Join(s.passphrase(), s.noEngineLogs()); err != nil {
		return nil, err
	}
	var err error
	if s.World, err = world.Open(WorldDir(opts.Home), opts.World); err != nil {
		return nil, err
	}
	if s.clock, err = openClockDoor(s.World.Clock); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.aws, err = openAWSDoor(s.World); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, p := range []*provider.Provider{
		awssim.New(s.World),
		ekssim.New(s.World),
		kubesim.New(s.World, s.Charts),
		dockersim.New(s.World, dockersim.Options{Root: opts.Root}),
		dockersim.NewBuildx(s.World, dockersim.Options{Root: opts.Root}),
	} {
		served, err := provider.Serve(p, &s.Tether)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.parts = append(s.parts, served)
	}
	return s, nil
}

// Close stops the providers and releases the world.
func (s *Sandbox) Close() error {
	for _, p := range s.parts {
		p.Stop()
	}
	var err error
	if s.clock != nil {
		err = s.clock.l.Close()
	}
	if s.aws != nil {
		err = errors.Join(err, s.aws.server.Close())
	}
	return errors.Join(err, s.World.Close())
}

// Mirror is the folder of the mirrored project, in which the engine works.
func (s *Sandbox) Mirror() string { return filepath.Join(s.opts.Home, "project") }

func (s *Sandbox) backend() string    { return filepath.Join(s.opts.Home, "state") }
func (s *Sandbox) pulumiHome() string { return filepath.Join(s.opts.Home, "pulumi") }
func (s *Sandbox) passFile() string   { return filepath.Join(s.opts.Home, "passphrase") }

// passphrase makes the passphrase of the sandbox's stacks, so that nobody is asked for one.
func (s *Sandbox) passphrase() error {
	if _, err := os.Stat(s.passFile()); err == nil {
		return nil
	}
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	if err := os.WriteFile(s.passFile(), []byte(base64.RawURLEncoding.EncodeToString(b)), 0o600); err != nil {
		return fmt.Errorf("making the sandbox's passphrase: %w", err)
	}
	return nil
}

// noEngineLogs keeps the engine from its automatic log, with all that it does and all properties, encrypted, in the folder logs of its home. It
// is a third of what a preview costs and of no use here. The engine has no switch for it, and goes on without when the folder cannot be made.
func (s *Sandbox) noEngineLogs() error {
	logs := filepath.Join(s.pulumiHome(), "logs")
	if info, err := os.Stat(logs); err == nil && !info.IsDir() {
		return nil
	}
	if err := os.RemoveAll(logs); err != nil {
		return fmt.Errorf("taking the engine's logs away: %w", err)
	}
	if err := os.WriteFile(logs, []byte("in place of a folder, so that the engine writes no automatic logs\n"), 0o400); err != nil {
		return fmt.Errorf("keeping the engine from its logs: %w", err)
	}
	return nil
}

// Refresh brings the mirror of the project and of one stack's file up to date with the user's own files.
func (s *Sandbox) Refresh(env string) error {
	if err := mirrorProject(s.opts.Root, s.Mirror()); err != nil {
		return fmt.Errorf("mirroring the project: %w", err)
	}
	if err := mirrorStack(s.opts.Root, s.Mirror(), env); err != nil {
		return fmt.Errorf("mirroring the stack: %w", err)
	}
	return nil
}

// Env is the environment that makes an engine work in the sandbox, whoever starts it.
func (s *Sandbox) Env() map[string]string {
	var attach []string
	for _, p := range s.parts {
		attach = append(attach, fmt.Sprintf("%s:%d", p.Package, p.Port))
	}
	return map[string]string{
		"HUBWRIGHT_SANDBOX":             "1",
		ClockEnv:                        s.clock.addr(),
		AWSEnv:                          s.aws.addr,
		CodeCommitEnv:                   s.codecommit(),
		"PULUMI_DEBUG_PROVIDERS":        strings.Join(attach, ","),
		"PULUMI_BACKEND_URL":            "file://" + s.backend(),
		"PULUMI_CONFIG_PASSPHRASE_FILE": s.passFile(),
		"PULUMI_HOME":                   s.pulumiHome(),
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
	}
}

// AWS is where the APIs of the sandbox's services are, for AWSConfig.
func (s *Sandbox) AWS() string { return s.aws.addr }

// Wait waits until the virtual clock shows a time.
func (s *Sandbox) Wait(ctx context.Context, until time.Time) error {
	return s.World.Clock.Until(ctx, until)
}

// Secrets gives access to the Secrets of the simulated cluster that a kubeconfig names, as release.Connect does to those of a real one.
func (s *Sandbox) Secrets(ctx context.Context, kubeconfig string) (typedv1.SecretsGetter, error) {
	_, cluster, err := s.cluster(kubeconfig)
	if err != nil {
		return nil, err
	}
	return helmsim.Secrets(ctx, kubeapi.Of(s.World, cluster)), nil
}

// cluster is the simulated cluster that a kubeconfig names, and the address that it has there.
func (s *Sandbox) cluster(kubeconfig string) (server, cluster string, err error) {
	if server, err = kubeapi.Server(kubeconfig); err != nil {
		return "", "", err
	}
	cluster, err = kubeapi.Connect(s.World, server)
	return server, cluster, err
}

// Kube leads client-go to the simulated cluster that a kubeconfig names.
func (s *Sandbox) Kube(kubeconfig string) (*rest.Config, error) {
	server, cluster, err := s.cluster(kubeconfig)
	if err != nil {
		return nil, err
	}
	return kuberest.Config(s.World, server, cluster), nil
}

// Network is the network in which the simulated hubs answer.
func (s *Sandbox) Network() hubsim.Network { return hubsim.Network{World: s.World} }

// Services are what exists in an account before anybody deploys, and what the caller is.
type Services struct {
	Account, Region string
	Caller          string   // ARN of the identity that the commands run with
	Zones           []string // hosted zones, by domain name
	Users           []string // IAM users, by name
	Certificates    []Certificate
	Keys            []string // KMS keys, by ARN
}

// Certificate is an issued certificate of ACM.
type Certificate struct{ ARN, Domain string }

// Identity is whose credentials the sandbox's services take these for.
func (s *Sandbox) Identity() (account, caller string, err error) {
	err = s.World.View(func(tx *world.Tx) error {
		account, caller, err = awssim.Caller(tx)
		return err
	})
	return account, caller, err
}

// Zone says whether there is a hosted zone of a name.
func (s *Sandbox) Zone(name string) (there bool, err error) {
	err = s.World.View(func(tx *world.Tx) error {
		there = awssim.HasZone(tx, name)
		return nil
	})
	return there, err
}

// Provide makes sure that the services hold what a deployment expects to find. What is there already stays; the account that a person has
// set by hand counts more.
func (s *Sandbox) Provide(sv Services) error {
	return s.World.Update(func(tx *world.Tx) error {
		for key, value := range map[string]string{"account": sv.Account, "region": sv.Region, "caller": sv.Caller} {
			if tx.Setting(key) == "" && value != "" {
				if err := tx.Set(key, value); err != nil {
					return err
				}
			}
		}
		for _, z := range sv.Zones {
			if err := awssim.EnsureZone(tx, z); err != nil {
				return err
			}
		}
		for _, c := range sv.Certificates {
			if err := awssim.EnsureCertificateAs(tx, c.ARN, c.Domain); err != nil {
				return err
			}
		}
		for _, k := range sv.Keys {
			if err := awssim.EnsureKeyAs(tx, k); err != nil {
				return err
			}
		}
		for _, u := range sv.Users {
			if err := awssim.EnsureUser(tx, u); err != nil {
				return err
			}
		}
		return nil
	})
}
