package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

func TestParseBuildSecrets(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"": {}, "{}": {}, `{"pip": "hunter2", "digits": 123}`: {"pip": "hunter2", "digits": "123"},
	} {
		got, err := config.ParseBuildSecrets(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for text, want := range map[string]string{
		"hunter2":                   "hubwright:buildSecrets is not an object: set its parts one by one, with pulumi config set --secret --path 'hubwright:buildSecrets.<id>'",
		`["hunter2"]`:               "hubwright:buildSecrets is a list, but an object with the secrets' ids is wanted",
		`{"pip": {"x": "hunter2"}}`: "hubwright:buildSecrets.pip: is an object, but text is wanted",
	} {
		if _, err := config.ParseBuildSecrets(text); err == nil || err.Error() != want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}
