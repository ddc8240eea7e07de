package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/impact"
	"github.com/hubwright/hubwright/internal/nodocker"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/stacks"
)

// session is an environment of a deployment with an engine ready to work on it.
type session struct {
	*driver.Driver
	app     *app
	globals globals
	env     string
	stack   *config.Stack
	sandbox *sandbox.Sandbox // nil against real services
	reader  *stacks.Reader   // of the hubs' values, for the program and for what is looked at beside it
	charts  *render.Source   // see chartSource

	overrides  []string // guards that are let pass, as RULE=REASON
	verb, from string   // what the session is for, and which environment or deployment it takes from: see bundle.Record
	progress   *term.Progress
	lines      bool // show a line for what is done
	brief      bool // show of a change only how much it is
	unverified bool // do not look whether what was updated is healthy
	quit       chan struct{}
	nodocker   *nodocker.Provider // where there is no Docker daemon
}

// findProject returns the folder of the nearest Pulumi.yaml: dir itself when it is named, else the working directory or one above it.
func findProject(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(filepath.Join(abs, "Pulumi.yaml")); err != nil {
			return "", usage("%s holds no Pulumi.yaml, so it is no deployment", abs)
		}
		return abs, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := wd; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "Pulumi.yaml")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", usage("neither %s nor a folder above it holds a Pulumi.yaml", wd)
		}
	}
}

// sandboxSecretsEnv says with "none" that the sandbox makes up no secrets.
const sandboxSecretsEnv = "HUBWRIGHT_SANDBOX_SECRETS"

// open makes an environment ready for what runs the program: as look does, and in the sandbox with secrets for hubs that have none.
func (a *app) open(ctx context.Context, g globals, env string) (*session, error) {
	s, err := a.look(ctx, g, env)
	if err == nil && g.sandbox && a.getenv(sandboxSecretsEnv) != "none" {
		if err := s.trialSecrets(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, err
}

// look checks the configuration, before any engine starts, and makes the engine ready. The stack's state is left as it is.
func (a *app) look(ctx context.Context, g globals, env string) (*session, error) {
	a.flagged = g.sandbox && a.getenv("HUBWRIGHT_SANDBOX") == ""
	root, err := findProject(g.dir)
	if err != nil {
		return nil, err
	}
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox, Over: g.over})
	if err != nil {
		return nil, err
	}
	engine, err := a.locator.Locate(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{app: a, globals: g, env: env, stack: stack, quit: make(chan struct{})}
	opts := driver.Options{
		Dir: root, SecretsProvider: stack.SecretsProvider(), OnEvent: s.onEvent, Inspect: []string{impact.ReleaseType}, Interrupts: a.interrupts(s.quit),
		Target: change.Target{Account: stack.Deployment.AccountID, Region: stack.Region(), Cluster: stack.ClusterName(), Sandbox: g.sandbox},
	}
	if g.verbose {
		opts.Log = a.Err
	}
	program := programOptions(root, a.getenv)
	program.Over, program.Again = g.over, g.again
	program.Reader.Git, program.Reader.Keys.Machine = a.git, a.machine
	if g.sandbox {
		if s.sandbox, err = a.openSandbox(root, stack); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		opts.Dir, opts.Env, opts.SecretsProvider, opts.Tied = s.sandbox.Mirror(), s.sandbox.Env(), "passphrase", true
		opts.OnLaunch, opts.Tether = s.sandbox.World.Clock.Watch, s.sandbox.Tether.Renew
		program.Sandbox, program.Wait, program.Reader = true, s.sandbox.Wait, &stacks.Reader{Secrets: a.sandboxSecrets(s.sandbox)}
		program.Images = sandboxImages(s.sandbox.AWS())
	}
	if opts.Env, err = s.withoutDocker(ctx, opts.Env); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.reader, opts.Program = program.Reader, stacks.New(program)
	s.Driver = driver.New(engine, opts)
	return s, nil
}

// debugProviders is the engine's variable that names providers which are running already.
const debugProviders = "PULUMI_DEBUG_PROVIDERS"

// withoutDocker has something stand in for the Docker provider, which does not start without a daemon, when images are built here and there is none.
func (s *session) withoutDocker(ctx context.Context, env map[string]string) (map[string]string, error) {
	running := s.app.getenv(debugProviders)
	builds := slices.ContainsFunc(s.stack.Images, func(i config.Image) bool { return s.stack.Pins.Images[i.Name] == "" })
	if s.sandbox != nil || !builds || strings.Contains(running, "docker:") {
		return env, nil
	}
	_, absent := dockerd.Ping(ctx)
	if absent == nil {
		return env, nil
	}
	var err error
	if s.nodocker, err = nodocker.Serve(absent); err != nil {
		return nil, err
	}
	out := maps.Clone(env)
	if out == nil {
		out = map[string]string{}
	}
	out[debugProviders] = strings.TrimPrefix(running+","+s.nodocker.Address(), ",")
	return out, nil
}

// openSandbox opens the deployment's sandbox and gives its services what the stack expects to find.
func (a *app) openSandbox(root string, stack *config.Stack) (*sandbox.Sandbox, error) {
	box, err := a.box.open(func() (*sandbox.Sandbox, error) {
		return sandbox.Open(sandbox.Options{Root: root, Offline: a.getenv("HUBWRIGHT_OFFLINE") != "", World: worldOptions(a.getenv)})
	})
	if err != nil {
		return nil, err
	}
	services := sandbox.Services{Account: stack.Deployment.AccountID, Region: stack.Region(), Users: stack.Creds.Users}
	for _, arn := range stack.Creds.TrustedPrincipals {
		if _, user, found := strings.Cut(arn, ":user/"); found {
			services.Users = append(services.Users, user)
		}
	}
	if len(stack.Creds.TrustedPrincipals) > 0 {
		services.Caller = stack.Creds.TrustedPrincipals[0]
	}
	if stack.DNS.Zone != "" {
		services.Zones = []string{stack.DNS.Zone}
	}
	for _, key := range []string{stack.SecretStore.KeyArn, stack.Storage.KmsKeyArn} {
		if key != "" {
			services.Keys = append(services.Keys, key)
		}
	}
	for _, h := range stack.Hubs {
		if h.HTTPS.Type == config.HTTPSOffload && h.HTTPS.CertificateArn != "" {
			services.Certificates = append(services.Certificates, sandbox.Certificate{ARN: h.HTTPS.CertificateArn, Domain: h.Domain})
		}
	}
	if err := errors.Join(box.Provide(services), box.Refresh(stack.Environment)); err != nil {
		return nil, errors.Join(err, a.leave(box))
	}
	return box, nil
}

// worldOptions reads how fast virtual time may pass: HUBWRIGHT_SANDBOX_PACE is the real time a virtual minute takes ("2s"), and
// HUBWRIGHT_SANDBOX_QUIET for how long nothing may happen before the clock moves on; HUBWRIGHT_SANDBOX_TRACE is a file that notes every call.
func worldOptions(getenv func(string) string) world.Options {
	duration := func(name string) time.Duration {
		d, err := time.ParseDuration(getenv(name))
		if err != nil {
			return 0
		}
		return d
	}
	return world.Options{
		Pace: duration("HUBWRIGHT_SANDBOX_PACE"), Quiet: duration("HUBWRIGHT_SANDBOX_QUIET"), Trace: getenv("HUBWRIGHT_SANDBOX_TRACE"),
	}
}

// Close ends the session.
func (s *session) Close() error {
	close(s.quit)
	if s.nodocker != nil {
		s.nodocker.Stop()
	}
	if s.sandbox != nil {
		return s.app.leave(s.sandbox)
	}
	return nil
}

// trialSecrets gives the sandbox's stack secrets of the sandbox's own making for hubs that have none. HUBWRIGHT_SANDBOX_SECRETS=none leaves them to a
// person, as it is with real services.
func (s *session) trialSecrets(ctx context.Context) error {
	var hubs []sandbox.Hub
	for _, h := range s.stack.Hubs {
		hubs = append(hubs, sandbox.Hub{Name: h.Name, Domain: h.Domain})
	}
	missing, err := s.sandbox.MissingSecrets(s.env, hubs)
	if err != nil || !missing {
		return err
	}
	if err := s.Init(ctx, s.env); err != nil {
		return err
	}
	old, err := s.Secret(ctx, s.env, "hubwright:secrets")
	if err != nil {
		return err
	}
	text, err := s.sandbox.TrialSecrets(s.env, old, hubs)
	if err != nil {
		return err
	}
	return s.SetSecret(ctx, s.env, "hubwright:secrets", text)
}

// interrupts turns a person's Ctrl-C into what the engine is asked: the first stops cleanly, the second only warns, the third kills.
func (a *app) interrupts(quit <-chan struct{}) <-chan driver.Interrupt {
	out := make(chan driver.Interrupt, 1)
	caught, stop := a.signals.listen()
	go func() {
		defer stop()
		for n := 1; ; n++ {
			select {
			case <-quit:
				return
			case <-caught:
			}
			switch n {
			case 1:
				a.Say("\nstopping: nothing new is begun, what is under way ends first")
				out <- driver.Stop
			case 2:
				a.Say("\nstill stopping. Another Ctrl-C kills the engine and leaves unfinished operations behind, which `hubwright recover` must then mend")
			default:
				out <- driver.Kill
			}
		}
	}()
	return out
}

// onEvent shows progress.
func (s *session) onEvent(e driver.Event) {
	p := s.progress
	if p == nil {
		return
	}
	id := e.Op + e.URN
	switch e.Phase {
	case driver.Begin:
		if e.Op != "same" {
			p.Begin(id, e.Name)
		}
	case driver.End:
		if !s.lines || past(e.Op) == "" {
			p.End(id, "")
			return
		}
		p.End(id, fmt.Sprintf("  %s %s  %s", paintOp(s.app.Term, e.Op, past(e.Op)), e.Name, s.app.Paint(term.Dim, e.Type)))
	case driver.Fail:
		p.Fail(id, s.app.Paint(term.Red, fmt.Sprintf("  failed   %s  %s", e.Name, e.Type)))
	case driver.Message:
		if s.globals.verbose {
			p.Note("  " + e.Message)
		}
	}
}

// showing runs an operation with its progress on show, a line for each thing done.
func (s *session) showing(op func() (*driver.Result, error)) (*driver.Result, error) {
	s.lines = true
	defer func() { s.lines = false }()
	return s.waiting(op)
}

// waiting runs an operation that changes nothing: a terminal shows that it is at work, anything else shows nothing.
func (s *session) waiting(op func() (*driver.Result, error)) (*driver.Result, error) {
	s.progress = s.app.NewProgress()
	defer func() {
		s.progress.Stop()
		s.progress = nil
	}()
	return op()
}

// past is an operation that changes something in the past tense, in words of one width; "" for any other.
func past(op string) string {
	switch op {
	case "create":
		return "created "
	case "update":
		return "updated "
	case "delete":
		return "deleted "
	case "replace":
		return "replaced"
	}
	return ""
}

func paintOp(t *term.Term, op, text string) string {
	switch op {
	case "create":
		return t.Paint(term.Green, text)
	case "delete":
		return t.Paint(term.Red, text)
	case "update", "replace":
		return t.Paint(term.Yellow, text)
	}
	return text
}

// Program is the program as the engine starts it in a process of its own (`pulumi up`).
func Program() pulumi.RunFunc { return stacks.New(programOptions(".", os.Getenv)) }

// sandboxKeys are the ways to the keys of files of secrets whose KMS is the sandbox's; age identities are the machine's own.
func sandboxKeys(addr string) secretfile.Keys {
	return secretfile.Keys{KMS: &secretfile.KMS{Client: sandbox.AWSClient(addr), Credentials: sandbox.AWSCredentials, Identity: "the sandbox"}}
}

// sandboxAWS is the way to a sandbox's services of AWS.
func sandboxAWS(box *sandbox.Sandbox) awsapi.Opener {
	return func(_ context.Context, region string) (aws.Config, error) {
		return sandbox.AWSConfig(box.AWS(), region), nil
	}
}

// programOptions are the program's options for a deployment's folder. Services that another process simulates (`hubwright sandbox serve`)
// have a clock of their own, which the environment names.
func programOptions(dir string, getenv func(string) string) stacks.Options {
	opts := stacks.Options{Dir: dir, Reader: &stacks.Reader{}}
	if addr := getenv(sandbox.ClockEnv); addr != "" {
		opts.Sandbox = true
		opts.Wait = func(ctx context.Context, until time.Time) error { return sandbox.WaitAt(ctx, addr, until) }
	}
	if addr := getenv(sandbox.AWSEnv); addr != "" {
		opts.Reader.Keys, opts.Images = sandboxKeys(addr), sandboxImages(addr)
	}
	if folder := getenv(sandbox.CodeCommitEnv); folder != "" {
		opts.Reader.CodeCommit = func(_ context.Context, name string) (gitsource.Remote, error) {
			return gitsource.Remote{URL: sandbox.CodeCommitURL(folder, name)}, nil
		}
	}
	return opts
}
