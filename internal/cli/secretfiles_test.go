package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/stacks"
)

// inRepository is a deployment whose files of secrets are in a repository, with further keys of secretstore.files, and the recipient whose identity
// this machine has. configure writes those keys anew.
func inRepository(t *testing.T, url string) (dir, recipient string, configure func(files string)) {
	t.Helper()
	dir, recipient = withAge(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, name := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+name+"_NAME", "Bob")
		t.Setenv("GIT_"+name+"_EMAIL", "bob@example.org")
	}
	file := filepath.Join(dir, "Pulumi.staging.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	configure = func(files string) {
		t.Helper()
		added := fmt.Sprintf("  hubwright:secretstore:\n    files:\n      git: %s\n      folder: deploy\n%s", url, files)
		if err := os.WriteFile(file, append(append([]byte{}, text...), added...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("")
	return dir, recipient, configure
}

const secretsInRepository = "deploy/hubs/hub/secrets/staging.yaml"

func TestSecretsInARepository(t *testing.T) {
	bare := gittest.New(t)
	dir, recipient, configure := inRepository(t, bare.URL())
	head := func() string { return bare.Git("rev-parse", "main") }
	wants(t, secretsRun(t, dir, "", exitDone, "validate", "staging"), "the secrets of staging are those of "+bare.URL()+", where nothing is yet", "secrets.hub.oauth.clientSecret: is missing")

	said := secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient)
	wants(t, said, "pushed: "+secretsInRepository+" to main of "+bare.URL()+", commit "+head(), "encrypted for "+recipient, "hub.oauth.clientSecret is missing")
	first := head()
	secretsRun(t, dir, "planted-secret\n", exitDone, "secrets", "set", "staging", "oauth.clientSecret")
	secretsRun(t, dir, "planted-id\n", exitDone, "secrets", "set", "staging", "oauth.clientId")
	if log := bare.Git("log", "--format=%an: %s", "main"); log != "Bob: "+secretsInRepository+": set oauth.clientId of staging\nBob: "+secretsInRepository+": set oauth.clientSecret of staging\nBob: "+secretsInRepository+": init of staging" {
		t.Errorf("the log is\n%s", log)
	}
	if text := bare.Git("show", "main:"+secretsInRepository); strings.Contains(text, "planted") || !secretfile.Encrypted([]byte(text)) {
		t.Errorf("what was pushed is not encrypted:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "hubs", "hub", "secrets")); err == nil {
		t.Error("a file is in the deployment directory")
	}

	name := "secrets@" + head()[:10] + ":" + secretsInRepository
	wants(t, secretsRun(t, dir, "", exitDone, "values", "staging", "--origin"), "hub.config.GenericOAuthenticator.client_secret", name+":12", "at "+head()+", the head of main")
	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging"), "the secrets of staging are those of "+bare.URL()+" at "+head(), "secrets.hub.tls.key: is missing")
	a, out, _ := testApp(t)
	stack, err := config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if row := a.checkSecretFiles(t.Context(), globals{}, stack); row.State != doctor.OK || !strings.HasPrefix(row.Seen, bare.URL()+" at "+head()) {
		t.Errorf("doctor says %+v", row)
	}
	if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "values", "staging", "-o", "json"}); code != exitDone || !strings.Contains(out.String(), `"file": "`+name+`"`) {
		t.Errorf("exit %d: %s", code, out)
	}
	reference.Fits(t, out.Bytes())

	// What is pinned is read, and needs no repository any more; what is written goes on top of what is there now.
	configure("      commit: " + first + "\n")
	wants(t, secretsRun(t, dir, "", exitDone, "values", "staging", "--origin"), "at "+first+", as pinned", "proxy.secretToken")
	if said := secretsRun(t, dir, "", exitDone, "values", "staging"); strings.Contains(said, "client_secret") {
		t.Errorf("what is pinned is not what is read:\n%s", said)
	}
	said = secretsRun(t, dir, "planted-db\n", exitDone, "secrets", "set", "staging", "hub.db.password")
	wants(t, said, "Pulumi.staging.yaml:10 still pins commit "+first[:10]+": deployed is what it says. Set it to\n  commit: "+head())
	configure("      commit: " + head() + "\n")
	if err := os.Rename(bare.Dir, bare.Dir+".away"); err != nil {
		t.Fatal(err)
	}
	wants(t, secretsRun(t, dir, "", exitDone, "values", "staging"), "client_secret: '[secret]'", "password: '[secret]'")
	configure("      commit: " + strings.Repeat("a", 40) + "\n")
	wants(t, secretsRun(t, dir, "", exitUsage, "validate", "staging"), "Pulumi.staging.yaml:8: secretstore.files.git: "+bare.URL()+": there is no such repository")
}

// What others do to the same file meanwhile is not undone, and what could not be pushed is not lost.
func TestSecretsThatCannotBePushed(t *testing.T) {
	bare := gittest.New(t)
	dir, recipient, configure := inRepository(t, bare.URL())
	secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient)
	mine := bare.Git("show", "main:"+secretsInRepository) + "\n"
	var theirs string
	a, _, errs := testApp(t)
	a.In = io.MultiReader(strings.NewReader("planted-se"), during(func() {
		theirs = bare.Commit("main", map[string]string{secretsInRepository: "# looked at\n" + mine})
	}), strings.NewReader("cret\n"))
	if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "secrets", "set", "staging", "oauth.clientSecret"}); code != exitFailed {
		t.Fatalf("exit %d: %s", code, errs)
	}
	wants(t, errs.String(), secretsInRepository+" was not pushed: "+bare.URL()+": somebody else has changed "+secretsInRepository+" on main meanwhile (commit "+theirs[:10]+")", "do it again: it then goes on top of theirs")
	if got := bare.Git("rev-parse", "main"); got != theirs {
		t.Errorf("the branch is at %s, not at %s", got, theirs)
	}
	kept, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "hubwright", "unpushed", "*.yaml"))
	if err != nil || len(kept) != 1 || !strings.Contains(errs.String(), kept[0]) {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	text, err := os.ReadFile(kept[0])
	if err != nil || strings.Contains(string(text), "planted") {
		t.Errorf("kept is %s, %v", text, err)
	}
	f, err := secretfile.Keys{}.Open(t.Context(), kept[0], text)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Get("hub", "config", "GenericOAuthenticator", "client_secret"); v != "planted-secret" {
		t.Errorf("in it is %v", v)
	}

	bare.Hook("pre-receive", "echo only reviewed commits >&2; exit 1")
	wants(t, secretsRun(t, dir, "", exitFailed, "secrets", "rotate", "staging", "cookieSecret", "--yes"), "pre-receive hook declined", "only reviewed commits", "secretstore.files.branch", "encrypted, is ")
	configure("      branch: mian\n")
	wants(t, secretsRun(t, dir, "x\n", exitUsage, "secrets", "set", "staging", "oauth.clientId"), "Pulumi.staging.yaml:10: secretstore.files.branch: "+bare.URL()+": it has no branch mian: there are main")
}

// during does something when it is read.
type during func()

func (d during) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}

// Plaintext that was ever pushed is found, however old, and init encrypts what is there.
func TestPlaintextInARepository(t *testing.T) {
	bare := gittest.New(t)
	leak := bare.Commit("main", map[string]string{secretsInRepository: "proxy: {secretToken: planted}\n"})
	dir, recipient, _ := inRepository(t, bare.URL())
	wants(t, secretsRun(t, dir, "", exitUsage, "validate", "staging"), "secrets@"+leak[:10]+":"+secretsInRepository+": is not encrypted, but stands where an encrypted file belongs")
	wants(t, secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient), "is in the history of git in plaintext (commit "+leak[:10]+")", "pushed: ")
	bare.Commit("main", map[string]string{"other": "x"})
	said := secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging")
	wants(t, said, "is in the history of git in plaintext (commit "+leak[:10]+")")
	if strings.Contains(said, "is not encrypted") || strings.Contains(said, "planted") {
		t.Errorf("said is\n%s", said)
	}
}

// A repository out of reach keeps nobody from validating the rest, and is no puzzle where it is needed.
func TestRepositoryOutOfReach(t *testing.T) {
	needs.Command(t, "git", "git")
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/secrets.git"
	_ = l.Close()
	dir, _, _ := inRepository(t, url)
	said := secretsRun(t, dir, "", exitDone, "validate", "staging")
	wants(t, said, "the secrets of staging are left out: "+url+": it cannot be reached", "staging ok")
	if strings.Contains(said, "is missing") {
		t.Errorf("what cannot be looked at is missed:\n%s", said)
	}
	for _, args := range [][]string{{"secrets", "check", "staging"}, {"secrets", "set", "staging", "oauth.clientId"}, {"secrets", "init", "staging"}} {
		wants(t, secretsRun(t, dir, "x", exitFailed, args...), "error: "+url+": it cannot be reached (git: ", "hint: look at the network and the proxy", "A commit that is pinned")
	}
}

// Ctrl-C ends the waiting for a repository that takes the connection and says nothing.
func TestCtrlCWhileWaitingForARepository(t *testing.T) {
	needs.Command(t, "git", "git")
	a, _, errs := testApp(t)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a.signals.deliver(os.Interrupt)
		<-r.Context().Done()
	}))
	defer server.Close()
	dir, _, _ := inRepository(t, server.URL+"/secrets.git")
	if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "secrets", "check", "staging"}); code != exitInterrupted || !strings.Contains(errs.String(), "interrupted; nothing was changed") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Whose secrets the sandbox makes up is said in one line, however many hubs there are, and not of those whose files have them.
func TestMadeUpSecretsAreNamed(t *testing.T) {
	dir, recipient := withAge(t)
	var hubs strings.Builder
	hubs.WriteString("    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, values: []}\n")
	for i := range 100 {
		fmt.Fprintf(&hubs, "    - {name: h%02d, domain: h%02d.science.stsci.edu, templates: null, image: null, values: [], auth: {type: mast, allowAll: true}, https: {type: manual}, chart: {version: 4.4.0}}\n", i, i)
	}
	text := "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" + hubs.String()
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.staging.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func() string {
		stack, err := config.Load(dir, "staging", nil, config.Options{Sandbox: true})
		if err != nil {
			t.Fatal(err)
		}
		a, _, errs := testApp(t)
		s := &session{app: a, env: "staging", stack: stack, sandbox: &sandbox.Sandbox{}, reader: &stacks.Reader{}}
		s.noteMadeUp(t.Context())
		s.noteMadeUp(t.Context())
		return errs.String()
	}
	before := said()
	if strings.Count(before, "\n") != 1 || !strings.HasPrefix(before, "note: the sandbox makes up what the secrets of 10") || !strings.Contains(before, "(oauth.clientId, oauth.clientSecret, tls.certificate, tls.key)") || !strings.Contains(before, " more; with real services") {
		t.Fatalf("said is\n%s", before)
	}
	secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--hub", "h00", "--age", recipient)
	pem := "x"
	for _, key := range []string{"oauth.clientId", "oauth.clientSecret", "tls.certificate", "tls.key"} {
		secretsRun(t, dir, pem, exitDone, "secrets", "set", "staging", key, "--hub", "h00")
	}
	after := said()
	if !strings.Contains(before, "h00") || strings.Contains(after, "h00") || !strings.Contains(after, "h01") {
		t.Errorf("after h00 has its own:\n%s", after)
	}
}
