package secretfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/getsops/sops/v3/age"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// Machine is what this machine has of AWS credentials. Where there are none, that is remembered, since finding it out takes a second or more: who has a
// hundred files to open waits once. It is safe for concurrent use; the zero value is ready.
type Machine struct {
	mu      sync.Mutex
	lacking error
}

// open is the way to AWS in a region, with credentials that are there.
func (m *Machine) open(ctx context.Context, region string) (aws.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lacking != nil {
		return aws.Config{}, m.lacking
	}
	cfg, err := awsapi.Open(ctx, region)
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	if awsapi.NoCredentials(err) && ctx.Err() == nil {
		m.lacking = err
	}
	return cfg, err
}

// mostIdentities is the most that is read of a file of age identities, in bytes: each is a line of some 75, or of some 2,000 for those against quantum
// computers.
const mostIdentities = 1 << 20

// identityFaults is what is wrong with the places where this machine's age identities are said to be, "" when nothing is. Nothing of what is in them is in it.
// https://getsops.io/docs/#encrypting-using-age
func identityFaults() string {
	var faults []string
	if file, set := os.LookupEnv(age.SopsAgeKeyFileEnv); set {
		if fault := fileFault(file); fault != "" {
			faults = append(faults, fmt.Sprintf("%s names %q, which %s", age.SopsAgeKeyFileEnv, file, fault))
		}
	}
	if text := os.Getenv(age.SopsAgeKeyEnv); text != "" {
		if fault := identitiesFault(words(text), "word"); fault != "" {
			faults = append(faults, age.SopsAgeKeyEnv+" "+fault)
		}
	}
	if dir, err := os.UserConfigDir(); err == nil {
		file := filepath.Join(dir, filepath.FromSlash(age.SopsAgeKeyUserConfigPath))
		if _, err := os.Lstat(file); err == nil {
			if fault := fileFault(file); fault != "" {
				faults = append(faults, file+" "+fault)
			}
		}
	}
	return strings.Join(faults, "; ")
}

// words are those of a text, each on a line, without the lines that are comments.
func words(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.Fields(line)...)
		}
	}
	return strings.Join(out, "\n")
}

// fileFault is what is wrong with a file of age identities.
func fileFault(file string) string {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case err == nil && !info.Mode().IsRegular():
		return "is no file"
	}
	var text []byte
	f, err := os.Open(file)
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, mostIdentities))
		err = errors.Join(err, f.Close())
	}
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err
	}
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err)
	}
	return identitiesFault(string(text), "line")
}

// identitiesFault is what is wrong with a text of age identities, each on a line, which part calls what it counts.
func identitiesFault(text, part string) string {
	if strings.HasPrefix(text, "age-encryption") || strings.HasPrefix(text, "-----BEGIN AGE") {
		return "" // encrypted with a passphrase, which is asked for
	}
	n, some := 0, false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		n++
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var one age.ParsedIdentities
		switch {
		case one.Import(line) == nil:
			some = true
		case strings.HasPrefix(line, "age1"):
			return fmt.Sprintf("has a recipient on %s %d, which encrypts and does not open: an identity begins with AGE-SECRET-KEY-1, as age-keygen writes it", part, n)
		default:
			return fmt.Sprintf("has on %s %d what is no age identity: one begins with AGE-SECRET-KEY-1, as age-keygen writes it", part, n)
		}
	}
	if !some {
		return "holds no age identity"
	}
	return ""
}
