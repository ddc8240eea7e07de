package registry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/principal"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// repositoryName is what ECR takes: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
var repositoryName = lazyregexp.New(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

const (
	minRepositoryName, maxRepositoryName = 2, 256
	// maxRoleName is IAM's limit: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	maxRoleName = 64
	// maxCount is ECR's limit of countNumber; the documentation gives none, the API refuses more than an int32.
	maxCount = 1<<31 - 1
)

func (a *Args) validate() error {
	var problems []error
	if a.Prefix == "" {
		problems = append(problems, errors.New("prefix is empty: it begins the name of every repository"))
	}
	seen := map[string]bool{}
	for i, image := range a.Repositories {
		physical := a.Prefix + "-" + image
		switch {
		case image == "":
			problems = append(problems, fmt.Errorf("repositories[%d] is empty: name the image", i))
		case seen[image]:
			problems = append(problems, fmt.Errorf("repositories[%d] %q is listed twice", i, image))
		case a.Prefix != "" && (!repositoryName.MatchString(physical) || len(physical) < minRepositoryName || len(physical) > maxRepositoryName):
			problems = append(problems, fmt.Errorf("repositories[%d]: ECR does not take the name %q: use at most %d lower-case letters and digits, with single . _ - or / between them", i, physical, maxRepositoryName))
		}
		seen[image] = true
	}
	if a.UntaggedDays < 0 || a.UntaggedDays > maxCount {
		problems = append(problems, fmt.Errorf("untaggedDays is %d: give 1 or more, or 0 for %d", a.UntaggedDays, DefaultUntaggedDays))
	}
	if a.KeepImages < 0 || a.KeepImages > maxCount {
		problems = append(problems, fmt.Errorf("keepImages is %d: give 1 or more, or 0 for %d", a.KeepImages, DefaultKeepImages))
	}
	for i, id := range a.PullAccounts {
		if err := principal.CheckAccount(fmt.Sprintf("pullAccounts[%d]", i), id); err != nil {
			problems = append(problems, err)
		}
	}
	if err := principal.Check("pushPrincipals", a.PushPrincipals, a.AllowRootPrincipals); err != nil {
		problems = append(problems, err)
	}
	if len(a.PushPrincipals) > 0 {
		if len(a.Repositories) == 0 {
			problems = append(problems, errNoRepositories)
		}
		if role := a.pusherName(); len(role) > maxRoleName {
			problems = append(problems, fmt.Errorf("the role %q has %d characters; IAM allows %d: shorten prefix", role, len(role), maxRoleName))
		}
	}
	return errors.Join(problems...)
}

// rule is one rule of an ECR lifecycle policy:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type rule struct {
	RulePriority int               `json:"rulePriority"`
	Description  string            `json:"description"`
	Selection    selection         `json:"selection"`
	Action       map[string]string `json:"action"`
}

type selection struct {
	TagStatus      string   `json:"tagStatus"`
	TagPatternList []string `json:"tagPatternList,omitempty"`
	CountType      string   `json:"countType"`
	CountUnit      string   `json:"countUnit,omitempty"`
	CountNumber    int      `json:"countNumber"`
}

// lifecycle writes the lifecycle policy that every repository gets.
func (a *Args) lifecycle() (string, error) {
	days, keep := cmp.Or(a.UntaggedDays, DefaultUntaggedDays), cmp.Or(a.KeepImages, DefaultKeepImages)
	expire := map[string]string{"type": "expire"}
	b, err := json.Marshal(map[string][]rule{"rules": {
		{
			RulePriority: 1, Description: fmt.Sprintf("expire untagged images after %d days", days), Action: expire,
			Selection: selection{TagStatus: "untagged", CountType: "sinceImagePushed", CountUnit: "days", CountNumber: days},
		},
		{
			RulePriority: 2, Description: fmt.Sprintf("keep the last %d tagged images", keep), Action: expire,
			Selection: selection{TagStatus: "tagged", TagPatternList: []string{"*"}, CountType: "imageCountMoreThan", CountNumber: keep},
		},
	}})
	if err != nil {
		return "", fmt.Errorf("writing the lifecycle policy: %w", err)
	}
	return string(b), nil
}

// readActions is what pulling an image takes:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
var readActions = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// pullPolicy lets other accounts pull. An account's root stands for the account here: who in it may pull, its own policies say.
func (a *Args) pullPolicy() (string, error) {
	var accounts []string
	for _, id := range a.PullAccounts {
		accounts = append(accounts, principal.Root(cmp.Or(a.Partition, "aws"), id))
	}
	return iampolicy.JSON(iampolicy.Statement{
		Sid: "CrossAccountPull", Effect: iampolicy.Allow, Principal: &iampolicy.Principal{AWS: accounts}, Action: readActions,
	})
}

// pushPolicy lets a role push to the given repositories. The token is the registry's, so it has no narrower resource:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func pushPolicy(arns []string) (string, error) {
	return iampolicy.JSON(
		iampolicy.Statement{Sid: "Token", Effect: iampolicy.Allow, Action: []string{"ecr:GetAuthorizationToken"}, Resource: []string{"*"}},
		iampolicy.Statement{
			Sid: "Push", Effect: iampolicy.Allow, Resource: arns,
			Action: slices.Concat(readActions, []string{
				"ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
			}),
		},
	)
}
