package gitsource_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/gitsource"
)

func TestCheckURL(t *testing.T) {
	for _, url := range []string{
		"https://git.example.org/secrets.git", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/x", "ssh://git@example.org:2222/x.git", "git@github.com:org/x.git",
		"example.org:x.git", "file:///srv/git/x.git", "http://localhost:8080/x",
	} {
		if wrong, _ := gitsource.CheckURL(url); wrong != "" {
			t.Errorf("%s %s", url, wrong)
		}
	}
	for url, want := range map[string]string{
		"--upload-pack=touch": "hyphen", "ext::sh -c x": "blank", "ext::sh": "start a program, ext", "codecommit::us-east-1://x": "git-remote-codecommit", "/srv/x.git": "a path of one machine",
		"../x": "a path of one machine", "https://token@github.com/x": "credentials", "https://a:planted@github.com/x": "credentials", "ssh://git:planted@h/x": "credentials", "git://h/x": "not spoken here, git",
		"https:///x": "names no host", "https://h": "no repository", "file://host/x": "no path of this machine", "ssh://-oProxyCommand=x/y": "names no host", "https://h/x?y": "behind ?", "": "a path", "-x@h:y": "hyphen",
		"fd::3": "start a program", "codecommit://x": "not spoken here", "https://h/\x1b[31m": "blank",
	} {
		wrong, hint := gitsource.CheckURL(url)
		if !strings.Contains(wrong, want) || hint == "" {
			t.Errorf("%s: %q; %q", url, wrong, hint)
		}
		if strings.Contains(wrong+hint, "planted") {
			t.Errorf("a password is shown: %s", wrong+hint)
		}
	}
	for _, branch := range []string{"-x", "a..b", "a b", "x.lock", "refs/heads/x", "", "a/", "/a", "a@{1}", "a:b", "+a", "^a"} {
		if wrong, _ := gitsource.CheckBranch(branch); wrong == "" {
			t.Errorf("%q is a branch", branch)
		}
	}
	for _, branch := range []string{"main", "release/1.2", "a_b-c", "fix#12"} {
		if wrong, _ := gitsource.CheckBranch(branch); wrong != "" {
			t.Errorf("%q %s", branch, wrong)
		}
	}
}
