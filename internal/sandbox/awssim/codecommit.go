package awssim

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateRepository.html
var codecommitNameForm = lazyregexp.New(`^[\w.-]{1,100}$`)

func codecommitKinds() map[string]*kind {
	return map[string]*kind{codecommitToken: {
		Kind: provider.Kind{
			Name: "repositoryName", ForceNew: []string{"repositoryName"}, DeleteFirst: true,
			Check: func(in map[string]any) []string {
				var p problems
				p.matches(in, "repositoryName", codecommitNameForm, "1 to 100 letters, digits, . _ and -")
				if strings.HasSuffix(text(in, "repositoryName"), ".git") {
					p.add("repositoryName", "must not end with .git: %q", text(in, "repositoryName"))
				}
				p.longest(in, "description", 1000)
				p.tags(in)
				return p
			},
		},
		tagged: true,
		arn: func(c *call, id string) string {
			return c.me.makeARN("codecommit", either(id, text(c.In, "repositoryName")))
		},
		create: func(c *call) (string, map[string]any, error) {
			name := text(c.In, "repositoryName")
			if c.tx.Get(codecommitToken, name) != nil {
				return "", nil, apiError("RepositoryNameExistsException", "Repository named %s already exists", name)
			}
			if key := text(c.In, "kmsKeyId"); key != "" && findKey(c.tx, key) == nil {
				return "", nil, apiError("EncryptionKeyNotFoundException", "The encryption key %s does not exist", key)
			}
			host := fmt.Sprintf("git-codecommit.%s.%s/v1/repos/%s", c.me.region, domain(c.me.partition), name)
			return name, map[string]any{
				"arn": c.me.makeARN("codecommit", name), "repositoryId": fmt.Sprintf("%x", hash(name)), "cloneUrlHttp": "https://" + host, "cloneUrlSsh": "ssh://" + host,
			}, nil
		},
		rules: []string{"name: 1 to 100 letters, digits, . _ and -, not ending with .git; taken once (RepositoryNameExistsException); key exists"},
	}}
}
