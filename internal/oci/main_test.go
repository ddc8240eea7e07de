package oci_test

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"
)

var discard = log.New(io.Discard, "", 0)

// TestMain gives the tests a home of their own, so that no test reads a person's Docker configuration.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "oci-test-home-")
	if err != nil {
		panic(err)
	}
	for variable, value := range map[string]string{"HOME": home, "DOCKER_CONFIG": filepath.Join(home, ".docker"), "XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "", "REGISTRY_AUTH_FILE": ""} {
		if err := os.Setenv(variable, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}
