package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// bootstrapper is a new deployment whose backend nothing names, and the program run in it.
type bootstrapper struct {
	t   *testing.T
	dir string
}

func newBootstrapper(t *testing.T) bootstrapper {
	t.Helper()
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("PULUMI_BACKEND_URL", "")
	t.Setenv("PULUMI_HOME", t.TempDir())
	b := bootstrapper{t, filepath.Join(t.TempDir(), "sky")}
	b.run(exitDone, "init", b.dir, "--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org", "--region", "eu-west-1")
	return b
}

func (b bootstrapper) run(code int, args ...string) (out, errs string) {
	b.t.Helper()
	a, o, e := testApp(b.t)
	if got := a.run(b.t.Context(), append([]string{"hubwright"}, args...)); got != code {
		b.t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, code, o, e)
	}
	return o.String(), e.String()
}

func (b bootstrapper) bootstrap(code int, args ...string) (out, errs string) {
	b.t.Helper()
	return b.run(code, append([]string{"-C", b.dir, "bootstrap", "staging"}, args...)...)
}

func (b bootstrapper) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

const (
	wantBackend  = "backend:\n  url: s3://hubwright-state-162808325377-eu-west-1?region=eu-west-1\n"
	wantProvider = "secretsprovider: awskms://alias/sky-pulumi?region=eu-west-1\n"
)

func TestBootstrapInTheSandbox(t *testing.T) {
	b := newBootstrapper(t)
	project, stack := b.read("Pulumi.yaml"), b.read("Pulumi.staging.yaml")
	out, errs := b.bootstrap(exitStopped, "--sandbox")
	wants(t, errs, "key alias/sky-pulumi\n  missing    a symmetric key in eu-west-1", "bucket hubwright-state-162808325377-eu-west-1\n  missing    a bucket in eu-west-1", "add --yes")
	if out != "" {
		t.Errorf("stdout %q", out)
	}
	out, errs = b.bootstrap(exitDone, "--sandbox", "--yes", "--write")
	wants(t, errs, "done: key alias/sky-pulumi, existence", "done: bucket hubwright-state-162808325377-eu-west-1, transport", "this belongs into Pulumi.yaml:", "this belongs into Pulumi.staging.yaml:", "are simulated", "note: nothing was written into Pulumi's files, which are for real services: --write does it without --sandbox")
	if out != wantBackend+wantProvider {
		t.Errorf("stdout %q", out)
	}
	if b.read("Pulumi.yaml") != project || b.read("Pulumi.staging.yaml") != stack {
		t.Error("the sandbox has written into a person's files")
	}
	out, _ = b.bootstrap(exitDone, "--sandbox", "-o", "json")
	var found result.Bootstrap
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	if found.Schema != "hubwright/bootstrap/v1" || !found.Sandbox || len(found.Steps) != 10 || found.Done != 0 || len(found.Lines) != 2 || found.Lines[0].Text+"\n" != wantBackend || found.Lines[0].Written {
		t.Errorf("%+v", found)
	}
	b.run(exitDone, "-C", b.dir, "sandbox", "set", "account=999999999999")
	_, errs = b.bootstrap(exitStopped, "--sandbox", "-y")
	wants(t, errs, "not of account 162808325377", "hint: use that account's credentials")
}

// The real thing, but for AWS: the SDK finds the sandbox's services in AWS's place.
func TestBootstrapWrites(t *testing.T) {
	b := newBootstrapper(t)
	box, err := sandbox.Open(sandbox.Options{Root: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	if err := box.World.Update(func(tx *world.Tx) error { return tx.Set("account", "162808325377") }); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://" + box.AWS(), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"), "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	project, stack := b.read("Pulumi.yaml"), b.read("Pulumi.staging.yaml")
	_, errs := b.bootstrap(exitDone, "--yes", "--write")
	wants(t, errs, "this is written into Pulumi.yaml:", "this is written into Pulumi.staging.yaml:")
	if got := b.read("Pulumi.yaml"); got != project+wantBackend {
		t.Errorf("Pulumi.yaml:\n%s", got)
	}
	if got := b.read("Pulumi.staging.yaml"); got != stack+wantProvider {
		t.Errorf("Pulumi.staging.yaml:\n%s", got)
	}
	out, errs := b.bootstrap(exitDone, "--write")
	wants(t, errs, "nothing is to be made", "Pulumi's files say it already")
	if out != "" || b.read("Pulumi.yaml") != project+wantBackend {
		t.Errorf("a second time: %q", out)
	}
	b.run(exitDone, "-C", b.dir, "validate", "staging")

	_, errs = b.bootstrap(exitUsage, "--bucket", "other")
	wants(t, errs, "the project's file names another backend")
	_, errs = b.bootstrap(exitUsage, "--key", "alias/other")
	wants(t, errs, "`pulumi stack change-secrets-provider`")
	_, errs = b.bootstrap(exitUsage, "--key", "other")
	wants(t, errs, `"other" is not of the form alias/NAME`)
	t.Setenv("PULUMI_BACKEND_URL", "s3://Wrong_Name")
	_, errs = b.bootstrap(exitUsage)
	wants(t, errs, `"Wrong_Name" cannot be the name of a bucket`)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, errs = b.bootstrap(exitFailed)
	wants(t, errs, "there are no valid AWS credentials", "hint: sign in")
}

func TestBootstrapOfOtherPlaces(t *testing.T) {
	b := newBootstrapper(t)
	t.Setenv("PULUMI_BACKEND_URL", "file://~/states")
	text := b.read("Pulumi.staging.yaml") + "encryptionsalt: v1:abc\n"
	if err := os.WriteFile(filepath.Join(b.dir, "Pulumi.staging.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs := b.bootstrap(exitDone) // needs neither credentials nor a question
	wants(t, errs, "no bucket is made: file://~/states is a folder", "they are encrypted with a passphrase")
	if out != "" {
		t.Errorf("stdout %q", out)
	}
	t.Setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")
	_, errs = b.bootstrap(exitDone)
	wants(t, errs, "https://api.pulumi.com keeps states itself")
}

// An interrupt ends what waits for AWS, and says how it goes on.
func TestBootstrapInterrupted(t *testing.T) {
	a, _, _ := testApp(t)
	err := a.withAWS(t.Context(), globals{}, nil, func(ctx context.Context, _ awsapi.Opener) error {
		a.signals.deliver(os.Interrupt)
		<-ctx.Done()
		return ofBootstrap(ctx.Err())
	})
	if err == nil || codeOf(err) != exitInterrupted || !strings.Contains(err.Error(), "what was made stays") {
		t.Errorf("exit %d: %v", codeOf(err), err)
	}
	if err := a.withAWS(t.Context(), globals{}, nil, func(context.Context, awsapi.Opener) error { return ofBootstrap(errors.New("x")) }); codeOf(err) != exitFailed {
		t.Error(err)
	}
}
