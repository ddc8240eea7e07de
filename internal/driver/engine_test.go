package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// script writes an executable shell script.
func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func locator(t *testing.T) (l Locator, path string, said *[]string) {
	t.Helper()
	path = t.TempDir()
	t.Setenv("PATH", path)
	said = &[]string{}
	var mu sync.Mutex
	return Locator{Cache: t.TempDir(), Tools: t.TempDir(), Offline: true, Say: func(f string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		*said = append(*said, fmt.Sprintf(f, args...))
	}}, path, said
}

func TestEngineOnPathIsTakenWhenItsVersionFits(t *testing.T) {
	for _, test := range []struct {
		version string
		fits    bool
	}{{"v" + EngineVersion, true}, {"v3.999.1", true}, {"v3.100.0", false}, {"v4.0.0", false}, {"nonsense", false}} {
		l, path, _ := locator(t)
		script(t, filepath.Join(path, "pulumi"), "echo "+test.version)
		e, err := l.Locate(context.Background())
		if test.fits && (err != nil || e.From != "PATH" || "v"+e.Version.String() != test.version) {
			t.Errorf("%s: %+v, %v", test.version, e, err)
		}
		var none *NoEngineError
		if !test.fits && (!errors.As(err, &none) || !strings.Contains(none.Path.Error(), strings.TrimPrefix(test.version, "v"))) {
			t.Errorf("%s: %+v, %v", test.version, e, err)
		}
	}
}

// An engine on PATH is asked for its version once for as long as its file is the same; a script is asked each time.
func TestEngineOnPathIsAskedOnce(t *testing.T) {
	l, path, _ := locator(t)
	asked := filepath.Join(path, "asked")
	engine := filepath.Join(path, "pulumi")
	times := func() int {
		data, _ := os.ReadFile(asked)
		return strings.Count(string(data), "x")
	}
	ask := func(want int) {
		t.Helper()
		if _, err := l.Locate(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := times(); got != want {
			t.Errorf("it was asked %d times, want %d", got, want)
		}
	}
	script(t, engine, "printf x >> "+asked+"\necho v"+EngineVersion)
	ask(1)
	ask(2)
	script(t, engine, "printf x >> "+asked+"\necho v"+EngineVersion+"\nexit 0\n"+strings.Repeat("#\n", leastBinary))
	ask(3)
	ask(3)
	script(t, engine, "printf x >> "+asked+"\necho v3.999.9\nexit 0\n"+strings.Repeat("##\n", leastBinary))
	ask(4)
}

func TestEngineInCacheIsTakenWithoutAWord(t *testing.T) {
	l, _, said := locator(t)
	bin := filepath.Join(l.Cache, "v"+EngineVersion, "bin", "pulumi")
	script(t, bin, "exit 0")
	e, err := l.Locate(context.Background())
	if err != nil || e.Path != bin || e.From != "cache" || len(*said) != 0 {
		t.Errorf("%+v, %v, said %q", e, err, *said)
	}
}

func TestEngineIsBuiltOnceForAllWhoWait(t *testing.T) {
	l, path, said := locator(t)
	// A go that takes its time, notes each call, and "builds" what -o names.
	script(t, filepath.Join(path, "go"), `echo built >> "`+path+`/calls"; /bin/sleep 0.3; while [ "$1" != -o ]; do shift; done; echo '#!/bin/sh' > "$2"; /bin/chmod +x "$2"`)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if e, err := l.Locate(context.Background()); err != nil || e.Version.String() != EngineVersion {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
	wg.Wait()
	calls, err := os.ReadFile(filepath.Join(path, "calls"))
	if err != nil || strings.Count(string(calls), "built") != 1 {
		t.Errorf("built %q, %v", calls, err)
	}
	if !strings.Contains(strings.Join(*said, "\n"), "building Pulumi "+EngineVersion) {
		t.Errorf("the build was not announced: %q", *said)
	}
}

func TestNoEngineSaysWhyEachWayFailed(t *testing.T) {
	l, path, _ := locator(t)
	_, err := l.Locate(context.Background())
	for _, want := range []string{"on PATH: no pulumi there", "in the cache: " + l.Cache, "fetched: not tried", "built from tools/: there is no go on PATH"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	script(t, filepath.Join(path, "go"), "echo first; echo no such host >&2; exit 1")
	if _, err = l.Locate(context.Background()); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("a failed build says %v", err)
	}
}

func TestClassify(t *testing.T) {
	d := New(Engine{}, Options{})
	d.opts.Target.Account = "162808325377"
	for _, test := range []struct {
		name string
		f    failure
		kind Kind
		want string
	}{
		{
			"lock",
			failure{ended: ended{stderr: "error: the stack is currently locked by 1 lock(s). Either wait\n  created by ann@host (pid 4711) at 2026-01-05T09:00:00Z"}},
			Busy,
			"staging is busy: ann@host (process 4711) has held it since 2026-01-05T09:00:00Z",
		},
		{"missing stack", failure{ended: ended{code: 6}}, NoStack, "staging: nothing is deployed there"},
		{
			"account",
			failure{diagnostics: []diagnostic{{"", "configuring provider: AWS account ID not allowed: 999999999999"}}},
			WrongAccount,
			"staging belongs to AWS account 162808325377, but these credentials are of account 999999999999; nothing was touched",
		},
		{"expired", failure{diagnostics: []diagnostic{{"", "operation error STS: ExpiredToken: The security token included in the request is expired"}}}, NoCredentials, "ExpiredToken"},
		{"no backend", failure{ended: ended{stderr: "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions"}}, NoCredentials, "no place for the state of staging"},
		{"passphrase", failure{ended: ended{stderr: "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE"}}, Secrets, "passphrase must be set"},
		{"cancelled", failure{ended: ended{code: 8}}, Interrupted, "interrupted; what was under way has ended"},
		{"killed", failure{ended: ended{code: -1, stopped: true, killed: true}}, Killed, "pending operations"},
		{"protected", failure{diagnostics: []diagnostic{{"", "unable to replace resource \"urn\" as it is currently marked for protection"}}}, Protected, "marked for protection"},
		{"resource", failure{diagnostics: []diagnostic{
			{"urn:pulumi:s::p::aws:ec2/vpc:Vpc::net-vpc", "1 error occurred:\n\t* creating Vpc (x): rpc error: code = Unknown desc = VpcLimitExceeded: too many"}, {"urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "update failed"},
		}}, Failed, "staging: net-vpc: VpcLimitExceeded: too many"},
		{"foreign record", failure{diagnostics: []diagnostic{{
			"urn:pulumi:s::p::aws:route53/record:Record::hub-dns-cname",
			"creating Record: InvalidChangeBatch: [Tried to create resource record set [name='hub.example.org.', type='CNAME'] but it already exists]",
		}}}, Failed, "staging: hub.example.org has a DNS record of type CNAME already, which this deployment did not make (hub-dns-cname)"},
		{
			"gate",
			failure{diagnostics: []diagnostic{{"", "an unhandled error occurred: program failed: \n1 error occurred:\n\t* the gate of staging does not admit image base, sha256:1: no admission is recorded of it\n"}}},
			NotAdmitted, "staging: the gate of staging does not admit image base, sha256:1: no admission is recorded of it",
		},
		{"panic", failure{diagnostics: []diagnostic{{"", "an unhandled error occurred: boom\ngoroutine 7 [running]:\nmain.main()"}}}, Failed, "staging: boom"},
		{"nothing", failure{ended: ended{code: 255}}, Failed, "code 255"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.f.err = errors.New("exit")
			err := d.classify("staging", test.f)
			var known *Error
			if !errors.As(err, &known) || known.Kind != test.kind || !strings.Contains(known.Message, test.want) {
				t.Errorf("got %#v\nwant %s with %q", err, test.kind, test.want)
			}
			if strings.Contains(err.Error(), "goroutine") {
				t.Errorf("a stack trace is shown: %v", err)
			}
		})
	}
}

func TestLookupFollowsTheEnginesPaths(t *testing.T) {
	props := map[string]any{
		"a": map[string]any{"b": []any{"x", map[string]any{"c.d": 1.0}}}, "s": "[secret]",
		"secret": map[string]any{secretSignature: secretMark, "ciphertext": "v1:x"},
	}
	for path, want := range map[string]any{
		"a.b[0]": "x", `a.b[1]["c.d"]`: 1.0, "a.b[7]": nil, "s.anything": "[secret]", "secret": "[secret]", "secret.below": "[secret]", "a.b": `["x",{"c.d":1}]`,
	} {
		if got := lookup(props, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

func TestIDsFollowFromInputs(t *testing.T) {
	for _, test := range []struct {
		token, want string
		in          map[string]any
	}{
		{"aws:iam/role:Role", "r", map[string]any{"name": "r"}},
		{"aws:iam/policy:Policy", "arn:aws:iam::1:policy/p", map[string]any{"name": "p"}},
		{"aws:eks/nodeGroup:NodeGroup", "c:g", map[string]any{"clusterName": "c", "nodeGroupName": "g"}},
		{"aws:eks/nodeGroup:NodeGroup", "", map[string]any{"clusterName": "c"}},
		{"aws:autoscaling/tag:Tag", "asg,k", map[string]any{"autoscalingGroupName": "asg", "tag": map[string]any{"key": "k"}}},
		{"aws:iam/openIdConnectProvider:OpenIdConnectProvider", "arn:aws:iam::1:oidc-provider/h/id/X", map[string]any{"url": "https://h/id/X"}},
		{"kubernetes:core/v1:Secret", "ns/s", map[string]any{"metadata": map[string]any{"namespace": "ns", "name": "s"}}},
		{"kubernetes:core/v1:Namespace", "ns", map[string]any{"metadata": map[string]any{"name": "ns"}}},
		{"kubernetes:helm.sh/v3:Release", "ns/r", map[string]any{"namespace": "ns", "name": "r"}},
		{"aws:ec2/vpc:Vpc", "", map[string]any{"cidrBlock": "10.0.0.0/16"}},
	} {
		if got := idFromInputs(test.token, test.in, "1"); got != test.want {
			t.Errorf("%s %v: %q, want %q", test.token, test.in, got, test.want)
		}
	}
}
