package driver

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Where a backend is named.
const (
	BackendOfEnvironment = "PULUMI_BACKEND_URL"
	BackendOfProject     = "the project's file"
	BackendOfLogin       = "the last login"
)

// Backend is the backend that the engine will use, in its own order: the environment, the project's file, whose entry is given, the last login. It is
// "" when nobody is logged in, or the engine has sealed what it knows of that. pkg/workspace/creds.go of github.com/pulumi/pulumi
func Backend(project string, getenv func(string) string) (url, from string) {
	if url := getenv("PULUMI_BACKEND_URL"); url != "" {
		return url, BackendOfEnvironment
	}
	if project != "" {
		return project, BackendOfProject
	}
	dir := getenv("PULUMI_CREDENTIALS_PATH")
	if dir == "" {
		dir = getenv("PULUMI_HOME")
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", ""
		}
		dir = filepath.Join(home, ".pulumi")
	}
	// Read here, since the SDK's own reader makes the folder.
	data, err := os.ReadFile(filepath.Join(dir, "credentials.json"))
	var known struct {
		Current string `json:"current"`
	}
	if err != nil || json.Unmarshal(data, &known) != nil || known.Current == "" {
		return "", ""
	}
	return known.Current, BackendOfLogin
}
