package nodocker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/nodocker"
	"github.com/hubwright/hubwright/internal/sandbox/dockersim"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const repository = "111122223333.dkr.ecr.us-east-1.amazonaws.com/user-image"

// image is a program with one image.
func image(tag, token string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		made, err := docker.NewImage(ctx, "image", &docker.ImageArgs{
			ImageName: pulumi.String(repository + ":" + tag), Build: docker.DockerBuildArgs{Context: pulumi.String("image"), Dockerfile: pulumi.String("image/Dockerfile")},
			Registry: docker.RegistryArgs{Server: pulumi.String("111122223333.dkr.ecr.us-east-1.amazonaws.com"), Username: pulumi.String("AWS"), Password: pulumi.String(token)},
		})
		if err != nil {
			return err
		}
		ctx.Export("digest", made.RepoDigest)
		return nil
	}
}

// An image that was built where there is a daemon is no change where there is none; one that has to be built is previewed, and refused in an update.
func TestWithoutDocker(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the engine")
	}
	engine := enginetest.Engine(t)
	w, dir := simtest.World(t), t.TempDir()
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "image"), 0o700), os.WriteFile(filepath.Join(dir, "image", "Dockerfile"), []byte("FROM scratch\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: images\nruntime: go\n"), 0o600),
		w.Update(func(tx *world.Tx) error {
			return tx.Put(&world.Object{Kind: "aws:ecr/repository:Repository", ID: "user-image", Props: map[string]any{"repositoryUrl": repository}})
		}),
	); err != nil {
		t.Fatal(err)
	}
	real, err := provider.Serve(dockersim.New(w, dockersim.Options{Root: dir}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Stop()
	standIn, err := nodocker.Serve(errors.New("no answer at /var/run/docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer standIn.Stop()
	with := func(address string, program pulumi.RunFunc) *driver.Driver {
		return driver.New(engine, driver.Options{Dir: dir, Program: program, SecretsProvider: "passphrase", Env: map[string]string{
			"PULUMI_DEBUG_PROVIDERS": address, "PULUMI_BACKEND_URL": "file://" + dir, "PULUMI_CONFIG_PASSPHRASE": "test",
			"PULUMI_HOME": filepath.Join(dir, "home"), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		}})
	}
	ctx := context.Background()

	preview, err := with(standIn.Address(), image("v1", "a")).Preview(ctx, "staging")
	if err != nil || preview.Change.Summary.Create == 0 {
		t.Fatalf("a preview of the first build: %+v, %v", preview, err)
	}
	if _, err := with("docker:"+strconv.Itoa(real.Port), image("v1", "a")).Up(ctx, "staging", ""); err != nil {
		t.Fatal(err)
	}
	for name, op := range map[string]func(context.Context, string) (*driver.Result, error){
		"preview": with(standIn.Address(), image("v1", "b")).Preview, "update": func(ctx context.Context, env string) (*driver.Result, error) {
			return with(standIn.Address(), image("v1", "c")).Up(ctx, env, "")
		},
	} {
		if res, err := op(ctx, "staging"); err != nil || res.Change.Summary.Changes() != 0 {
			t.Errorf("%s of an image that is built: %+v, %v", name, res, err)
		}
	}
	if res, err := with(standIn.Address(), image("v2", "c")).Preview(ctx, "staging"); err != nil || res.Change.Summary.Changes() != 1 {
		t.Errorf("preview of a new image: %+v, %v", res, err)
	}
	_, err = with(standIn.Address(), image("v2", "c")).Up(ctx, "staging", "")
	if err == nil || !strings.Contains(err.Error(), repository+":v2 has to be built, and there is no Docker daemon: no answer at /var/run/docker.sock") {
		t.Errorf("update to a new image: %v", err)
	}
}
