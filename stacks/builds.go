package stacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
)

// cache is where an image's build may take layers over from: what the configuration says, else the image that the last update ended with. For as long
// as the tag stays it is what it was when that was built, since another would be a change of the build; nil for one of before there were caches.
func (d *deployment) cache(i *images.Image) *image.Cache {
	if tag, _ := d.before(buildsOutput, i.Name); tag == i.Tag {
		recorded, _ := d.before(cachesOutput, i.Name)
		list, is := recorded.([]any)
		if !is {
			return nil
		}
		c := &image.Cache{}
		for _, ref := range list {
			c.From = append(c.From, fmt.Sprint(ref))
		}
		return c
	}
	if i.CacheFrom != nil {
		return &image.Cache{From: i.CacheFrom}
	}
	reference, _ := d.before(imagesOutput, i.Name)
	repository, is := d.before(repositoriesOutput, i.Name)
	if ref, _ := reference.(string); is && strings.HasPrefix(ref, fmt.Sprintf("%v@", repository)) {
		return &image.Cache{From: []string{ref}}
	}
	return &image.Cache{}
}

// buildSecrets are the values of an image's build secrets by their ids. Where one is not to be had, an image that has to be built cannot be: a preview
// says so and an update fails, as without a Docker daemon. One that is built needs none, and the sandbox, which builds nothing, makes them up.
func (d *deployment) buildSecrets(i *images.Image, built bool) (map[string]pulumi.StringInput, error) {
	values := map[string]pulumi.StringInput{}
	var missing []error
	for _, s := range i.Secrets {
		value, err := d.buildSecret(&s)
		if err != nil {
			missing = append(missing, fmt.Errorf("secret %s: %w", s.ID, err))
		}
		if err != nil && d.opts.Sandbox {
			value = "sandbox"
		}
		values[s.ID] = pulumi.String(value)
	}
	if len(missing) == 0 || built || d.opts.Sandbox {
		return values, nil
	}
	err := fmt.Errorf("image %s has to be built, and this machine lacks what its build takes:\n%w", i.Name, errors.Join(missing...))
	if d.ctx.DryRun() {
		return values, d.ctx.Log.Warn(err.Error(), nil)
	}
	return nil, err
}

// maxBuildSecret is the most that BuildKit passes on as a secret, in bytes:
// https://github.com/moby/buildkit/blob/v0.31.0/session/secrets/secretsprovider/secretsprovider.go
const maxBuildSecret = 500 * 1024

// buildSecret is a build secret's value. The error never holds it.
func (d *deployment) buildSecret(s *config.BuildSecret) (string, error) {
	var value string
	switch {
	case s.Env != "":
		if value = os.Getenv(s.Env); value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", s.Env)
		}
	case s.File != "":
		data, err := readSecret(s.File)
		if err != nil {
			return "", err
		}
		value = string(data)
	default:
		text, _ := d.ctx.GetConfig("hubwright:buildSecrets")
		secrets, err := config.ParseBuildSecrets(text)
		if err != nil {
			return "", err
		}
		if value = secrets[s.ID]; value == "" {
			return "", fmt.Errorf("hubwright:buildSecrets has none of that id: %s", config.SetBuildSecret(s.ID))
		}
	}
	switch {
	case len(value) > maxBuildSecret:
		return "", fmt.Errorf("it is %d bytes long, and BuildKit passes on at most %d", len(value), maxBuildSecret)
	case !utf8.ValidString(value):
		return "", errors.New("it is not UTF-8 text: encode it, as base64 say, and decode it in the Dockerfile")
	}
	return value, nil
}

// readSecret reads a file of the machine.
func readSecret(name string) ([]byte, error) {
	if rest, below := strings.CutPrefix(name, "~/"); below {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		name = filepath.Join(home, rest)
	}
	data, err := os.ReadFile(name)
	if err == nil && len(data) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	return data, err
}
