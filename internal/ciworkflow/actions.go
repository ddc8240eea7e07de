package ciworkflow

import "fmt"

// Action is an action of GitHub's marketplace, pinned to a commit: a tag can be moved by whoever gets hold of its repository, a commit cannot.
type Action struct{ Name, Version, Commit string }

// actions are those that the workflows use. Each commit is what the tag of that version stands for in the action's own repository
// (https://github.com/<name>/releases/tag/<version>), looked at on 2026-11-26, and is pinned by others for that version.
var actions = map[string]Action{
	"checkout": {"actions/checkout", "v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"},
	"setupGo":  {"actions/setup-go", "v7.0.0", "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e"},
	"cache":    {"actions/cache", "v5.0.5", "27d5ce7f107fe9357f9df03efb73ab90386fccae"},
	"upload":   {"actions/upload-artifact", "v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"},
	"download": {"actions/download-artifact", "v8.0.1", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"},
	"aws":      {"aws-actions/configure-aws-credentials", "v6.2.3", "e6de054238d6b7531b4efff3b6587d9aade6a06c"},
}

// uses is how a step names an action.
func uses(name string) (string, error) {
	a, ok := actions[name]
	if !ok {
		return "", fmt.Errorf("there is no action %q", name)
	}
	return a.Name + "@" + a.Commit + " # " + a.Version, nil
}
