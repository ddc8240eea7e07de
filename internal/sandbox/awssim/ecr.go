package awssim

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
var repositoryNameForm = lazyregexp.New(`^([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*$`)

func ecrKinds() map[string]*kind {
	return map[string]*kind{
		repositoryToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "encryptionConfigurations"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					if name, ok := in["name"].(string); ok && (!repositoryNameForm.MatchString(name) || len(name) < 2 || len(name) > 256) {
						p.add("name", "invalid repository name %q: 2 to 256 lower-case letters and digits, with single . _ - and / between them", name)
					}
					p.oneOf(in, "imageTagMutability", "MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
					for _, e := range objects(in, "encryptionConfigurations") {
						p.oneOf(e, "encryptionType", "AES256", "KMS", "KMS_DSSE")
					}
					p.tags(in)
					return p
				},
			},
			tagged: true,
			arn: func(c *call, id string) string {
				return c.me.makeARN("ecr", "repository/"+either(id, c.plannedName("name")))
			},
			create: createRepository,
			remove: func(c *call, o *world.Object) error {
				images := imagesOf(c.tx, o)
				// A wish of the provider, not a property of the repository: it counts as the state has it.
				if len(images) > 0 && !flag(c.Old, "forceDelete") {
					return apiError("RepositoryNotEmptyException", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images",
						o.ID, o.String("registryId"))
				}
				for _, i := range images {
					if err := c.tx.Delete(i.Kind, i.ID); err != nil {
						return err
					}
				}
				return nil
			},
			rules: []string{
				"name: 2 to 256 lower-case letters and digits with single . _ - / between; taken once (RepositoryAlreadyExistsException)",
				"the same tag with another digest is refused where tags are immutable (ImageTagAlreadyExistsException)",
				"deletion: not with images, unless forceDelete (RepositoryNotEmptyException)",
			},
		},
		lifecyclePolicyToken: {
			Kind: provider.Kind{Name: "repository", ForceNew: []string{"repository"}, Check: func(in map[string]any) []string {
				var p problems
				p.lifecycle(in)
				return p
			}},
			create: ofRepository,
			rules:  []string{"repository exists; rules with distinct priorities, a selection and the action expire; at most 30720 characters"},
		},
		repositoryPolicyToken: {
			Kind: provider.Kind{Name: "repository", ForceNew: []string{"repository"}, Check: func(in map[string]any) []string {
				var p problems
				if in["policy"] != nil {
					d, err := parseDocument(policyText(in["policy"]))
					if err != nil {
						p.add("policy", "contains an invalid JSON policy: %v", err)
					} else if len(d.Statements) == 0 || d.Statements[0].Principal == nil {
						p.add("policy", "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
					}
				}
				return p
			}},
			create: ofRepository,
			rules:  []string{"repository exists; JSON of the right form"},
		},
	}
}

func createRepository(c *call) (string, map[string]any, error) {
	name := c.autoName("name")
	if c.tx.Get(repositoryToken, name) != nil {
		return "", nil, apiError("RepositoryAlreadyExistsException", "The repository with name '%s' already exists in the registry with id '%s'", name, c.me.account)
	}
	for _, e := range objects(c.In, "encryptionConfigurations") {
		if key := text(e, "kmsKey"); key != "" && findKey(c.tx, key) == nil {
			return "", nil, apiError("KmsException", "The KMS key %s does not exist", key)
		}
	}
	return name, c.with(map[string]any{"imageTagMutability": "MUTABLE", "encryptionConfigurations": []any{map[string]any{"encryptionType": "AES256"}}}, map[string]any{
		"name": name, "arn": c.me.makeARN("ecr", "repository/"+name), "registryId": c.me.account,
		"repositoryUrl": fmt.Sprintf("%s.dkr.ecr.%s.%s/%s", c.me.account, c.me.region, domain(c.me.partition), name),
	}), nil
}

// ofRepository makes what there is once for a repository, and has its name as id.
func ofRepository(c *call) (string, map[string]any, error) {
	name := text(c.In, "repository")
	if c.tx.Get(repositoryToken, name) == nil {
		return "", nil, apiError("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, c.me.account)
	}
	return name, map[string]any{"registryId": c.me.account}, nil
}

// lifecycle checks a lifecycle policy: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
func (p *problems) lifecycle(in map[string]any) {
	if in["policy"] == nil {
		return
	}
	bad := func(format string, args ...any) {
		p.add("policy", "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: %s'", fmt.Sprintf(format, args...))
	}
	body := policyText(in["policy"])
	var d struct {
		Rules []struct {
			RulePriority int
			Selection    struct {
				TagStatus, CountType, CountUnit string
				TagPrefixList, TagPatternList   []string
				CountNumber                     int
			}
			Action struct{ Type string }
		}
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		bad("it is no JSON of rules: %v", err)
		return
	}
	if len(d.Rules) == 0 || len(body) > 30720 {
		bad("it needs rules, in at most 30720 characters")
	}
	var priorities []int
	for _, r := range d.Rules {
		s := r.Selection
		switch {
		case r.RulePriority < 1 || slices.Contains(priorities, r.RulePriority):
			bad("rulePriority %d is not a number of its own from 1 on", r.RulePriority)
		case !slices.Contains([]string{"tagged", "untagged", "any"}, s.TagStatus):
			bad("tagStatus %q is none of tagged, untagged, any", s.TagStatus)
		case s.TagStatus == "tagged" && len(s.TagPrefixList)+len(s.TagPatternList) == 0:
			bad("tagStatus tagged needs tagPrefixList or tagPatternList")
		case s.CountType != "imageCountMoreThan" && s.CountType != "sinceImagePushed":
			bad("countType %q is none of imageCountMoreThan, sinceImagePushed", s.CountType)
		case s.CountType == "sinceImagePushed" && s.CountUnit != "days":
			bad("countType sinceImagePushed needs countUnit days")
		case s.CountNumber < 1:
			bad("countNumber has to be at least 1")
		case r.Action.Type != "expire":
			bad("the action %q is not expire", r.Action.Type)
		}
		priorities = append(priorities, r.RulePriority)
	}
}
