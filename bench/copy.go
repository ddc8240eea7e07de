package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

const (
	copyLayers    = 4
	copyLayerSize = 256 << 20 // bytes
	copyRounds    = 3
)

// benchCopy compares a copy of an image of 1 GiB between two registries on this machine with Docker's pull and push of it. Each takes it from the same
// registry to a new one, so that none finds anything there.
func benchCopy(ctx context.Context, b *bed) ([]row, error) {
	if why := noDocker(ctx); why != "" {
		return []row{{"copy of an image of 1 GiB against docker pull && docker push, time", "skipped: " + why, "at most 0.5"}}, nil
	}
	dir := filepath.Join(b.dir, "copy")
	from, err := startRegistry(filepath.Join(dir, "from"))
	if err != nil {
		return nil, err
	}
	defer from.Stop()
	image := from.Host + "/bench/image:v1"
	if err := pushRandom(ctx, filepath.Join(dir, "context"), image); err != nil {
		return nil, err
	}
	var ours, theirs, ratios []float64
	for round := range copyRounds {
		say("copies in turn: round %d of %d", round+1, copyRounds)
		us, err := toNew(dir, func(host string) error {
			_, err := oci.New(oci.Options{}).Copy(ctx, image, host+"/bench/image:v1", oci.CopyOptions{})
			return err
		})
		if err != nil {
			return nil, err
		}
		they, err := toNew(dir, func(host string) error {
			to := host + "/bench/image:v1"
			return errors.Join(docker(ctx, "pull", "--quiet", image), docker(ctx, "tag", image, to), docker(ctx, "push", "--quiet", to))
		})
		if err != nil {
			return nil, err
		}
		ours, theirs, ratios = append(ours, us.Seconds()), append(theirs, they.Seconds()), append(ratios, us.Seconds()/they.Seconds())
	}
	return []row{{
		"copy of an image of 1 GiB against docker pull && docker push, time",
		fmt.Sprintf("%.2f (%.1f / %.1f s)", median(ratios), median(ours), median(theirs)), "at most 0.5",
	}}, nil
}

// noDocker says what is missing to compare with Docker; "" is nothing.
func noDocker(ctx context.Context) string {
	for _, program := range []string{"docker", "docker-registry"} {
		if _, err := exec.LookPath(program); err != nil {
			return "there is no " + program
		}
	}
	if err := docker(ctx, "version"); err != nil {
		return "no Docker daemon answers"
	}
	return ""
}

func startRegistry(dir string) (*registrytest.Registry, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return registrytest.Start(dir, registrytest.Options{})
}

// toNew times something that fills a new registry, and removes that with what Docker kept of its images.
func toNew(dir string, fill func(host string) error) (took time.Duration, err error) {
	to := filepath.Join(dir, "to")
	registry, err := startRegistry(to)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	err = fill(registry.Host)
	took = time.Since(start)
	registry.Stop()
	return took, errors.Join(err, forget("*/bench/image"), os.RemoveAll(to))
}

// pushRandom builds an image of random layers, pushes it, and has Docker forget it.
func pushRandom(ctx context.Context, dir, image string) error {
	say("building and pushing an image of %d MiB", copyLayers*copyLayerSize>>20)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	recipe := "FROM scratch\n"
	for i := range copyLayers {
		name := fmt.Sprintf("layer-%d", i)
		recipe += fmt.Sprintf("COPY %s /%s\n", name, name)
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		_, err = io.CopyN(f, rand.Reader, copyLayerSize)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(recipe), 0o600),
		docker(ctx, "build", "--quiet", "--tag", image, dir), docker(ctx, "push", "--quiet", image), forget("*/bench/image"), os.RemoveAll(dir),
	)
}

// forget removes Docker's copies of the images whose names fit.
func forget(pattern string) error {
	out, err := exec.Command("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+pattern).Output()
	if err != nil || len(out) == 0 {
		return err
	}
	return docker(context.Background(), append([]string{"image", "rm", "--force"}, strings.Fields(string(out))...)...)
}

func docker(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
