// Package doctor looks at what a deployment needs of a machine and of an account before the first update, and says of each whether it holds, what was
// seen, and what helps. It changes nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/dockerd"
)

// Row is one prerequisite.
type Row struct {
	// Check names what was looked at.
	Check string `json:"check"`
	// State is ok, warning, fail or skipped.
	State string `json:"state"`
	// Seen is what was found.
	Seen string `json:"seen"`
	// Remedy is what helps; empty when nothing has to be done.
	Remedy string `json:"remedy,omitempty"`
}

// States of a Row, the gravest first.
const (
	Fail    = "fail"
	Warning = "warning"
	OK      = "ok"
	Skipped = "skipped"
)

// Machine is where it is looked. The zero value is this machine.
type Machine struct {
	// DockerSockets are where a Docker daemon may listen; without any it is where Pulumi's Docker provider looks.
	DockerSockets []string
	// AWS gives the way to AWS; nil is the SDK's own.
	AWS awsapi.Opener
	// Now is the time that certificates are held to; nil is the machine's.
	Now func() time.Time
	// Resolver answers questions of DNS; nil is the system's.
	Resolver interface {
		LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	}
}

// patience limits each look.
const patience = 10 * time.Second

// Docker asks the Docker daemon whether it is there.
func (m Machine) Docker(ctx context.Context) Row {
	daemon, err := dockerd.Ping(ctx, m.DockerSockets...)
	if err != nil {
		return Row{"Docker daemon", Warning, err.Error(), "start it (`systemctl start docker`): it builds the images. Without it an update works when the registry has them"}
	}
	return Row{"Docker daemon", OK, "API " + daemon.API + " at " + daemon.Socket, ""}
}

// leastCLI is what pulumi-eks asks for, in each of the CLI's two major versions: https://github.com/pulumi/pulumi-eks/blob/master/nodejs/eks/dependencies.ts
// From these on `aws eks get-token` answers in client.authentication.k8s.io/v1beta1: https://github.com/aws/aws-cli/pull/6940
var (
	leastCLI, leastCLI1 = semver.MustParse("2.7.0"), semver.MustParse("1.24.0")
	cliVersion          = regexp.MustCompile(`aws-cli/(\d+\.\d+\.\d+)`)
)

// AWSCLI looks for the AWS CLI, which pulumi-eks calls even in a preview.
func (m Machine) AWSCLI(ctx context.Context) Row {
	r := Row{Check: "AWS CLI", Remedy: "install it, version " + leastCLI.String() + " or later (of the first version, " + leastCLI1.String() + "): docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"}
	path, err := exec.LookPath("aws")
	if err != nil {
		r.State, r.Seen = Fail, "there is no aws on PATH"
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version") //nolint:gosec // what PATH says
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	found := cliVersion.FindStringSubmatch(string(out))
	if err != nil || found == nil {
		r.State, r.Seen = Fail, path+" does not say its version"
		return r
	}
	v, err := semver.NewVersion(found[1])
	if err != nil || v.LessThan(leastCLI1) || v.Major() > 1 && v.LessThan(leastCLI) {
		r.State, r.Seen = Fail, found[1]+" at "+path
		return r
	}
	return Row{r.Check, OK, found[1] + " at " + path, ""}
}

func (m Machine) open(ctx context.Context, region string) (aws.Config, error) {
	if m.AWS != nil {
		return m.AWS(ctx, region)
	}
	return awsapi.Open(ctx, region)
}

func (m Machine) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// Identity asks AWS whose credentials these are, and holds the account to the one that is configured.
func (m Machine) Identity(ctx context.Context, account, region string) Row {
	r := Row{Check: "AWS identity", State: Fail, Remedy: "sign in (`aws sso login`, AWS_PROFILE)"}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg, err := m.open(ctx, region)
	if err != nil {
		r.Seen = err.Error()
		return r
	}
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		r.Seen = awsapi.InWords(err)
		return r
	}
	if got := aws.ToString(me.Account); got != account {
		r.Seen, r.Remedy = fmt.Sprintf("%s, but the deployment is of account %s", aws.ToString(me.Arn), account), "use that account's credentials, or mend deployment.accountId"
		return r
	}
	return Row{r.Check, OK, aws.ToString(me.Arn), ""}
}

// Delegation asks DNS whether the world knows a zone.
func (m Machine) Delegation(ctx context.Context, zone string) Row {
	r := Row{Check: "DNS zone", State: Fail, Remedy: "enter the zone's name servers at whoever holds the domain above it"}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var resolver interface {
		LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	} = net.DefaultResolver
	if m.Resolver != nil {
		resolver = m.Resolver
	}
	servers, err := resolver.LookupNS(ctx, strings.TrimSuffix(zone, ".")+".")
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		r.Seen = zone + " is delegated to nobody"
		return r
	case err != nil:
		return Row{r.Check, Warning, zone + ": " + err.Error(), "look again from where DNS can be asked"}
	}
	var names []string
	for _, s := range servers {
		names = append(names, strings.TrimSuffix(s.Host, "."))
	}
	return Row{r.Check, OK, zone + " is at " + strings.Join(names, ", "), ""}
}

// reserved are domains that no name server of the world knows: RFC 2606, https://www.rfc-editor.org/rfc/rfc2606
var reserved = []string{"test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"}

// Reserved says whether a domain is kept for examples and tests.
func Reserved(domain string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool { return domain == r || strings.HasSuffix(domain, "."+r) })
}
