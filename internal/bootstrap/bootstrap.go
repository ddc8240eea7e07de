// Package bootstrap makes what has to be there before the first update of a stack: the S3 bucket of its state, and the KMS key of its secrets. It
// looks first and says what is there, what is missing and what is weaker than it should be; what it then does can be done again at any time.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// Target is what is to be there. A bucket or key without a name is left alone.
type Target struct {
	// Account is the account that both belong to, Partition the part of AWS that it is in.
	Account, Partition string
	// Bucket is the state's bucket, Region where it is.
	Bucket, Region string
	// Key is the key of the state's secrets: its alias ("alias/…"), ARN or id; KeyRegion is where it is.
	Key, KeyRegion string
	// Tags are put on what is made. managed-by=hubwright among them says later whose it is.
	Tags map[string]string
	// Mend changes what is weaker than it should be also where somebody else has made it.
	Mend bool
}

// owner is the tag by which a bucket or key is known to be made here.
const owner, ours = "managed-by", "hubwright"

// Step is one thing that was looked at.
type Step struct {
	// Resource is the bucket or key: "bucket NAME", "key alias/NAME".
	Resource string `json:"resource"`
	// Setting is what of it: existence, use, versioning, encryption, public access, transport, rotation, tags.
	Setting string `json:"setting"`
	// State is ok, missing (it is made), incomplete (it is set, since what it belongs to was made by hubwright, or mending was asked for), or weaker
	// (somebody else has made it so; it is left as it is).
	State string `json:"state"`
	// Seen is what is there, or what there will be.
	Seen string `json:"seen"`
	// Remedy is what helps against what is weaker.
	Remedy string `json:"remedy,omitempty"`

	do func(context.Context) error
}

// States of a Step.
const (
	OK         = "ok"
	Missing    = "missing"
	Incomplete = "incomplete"
	Weaker     = "weaker"
)

// Kind says what an error means for whoever calls.
type Kind string

// What can keep it from being done.
const (
	NoCredentials Kind = "no-credentials" // there are none, or they have expired
	WrongAccount  Kind = "wrong-account"  // the credentials are of another account
	Configuration Kind = "configuration"  // what is configured cannot be had
	OtherAccount  Kind = "other-account"  // the bucket is another account's, or the caller may not look at it
	Denied        Kind = "denied"         // the caller lacks a right
)

// Error is a failure in words, and what to do. Nothing was changed.
type Error struct {
	Kind          Kind
	Message, Hint string
}

func (e *Error) Error() string { return e.Message }

// Plan is what was found, and what is to be done about it.
type Plan struct {
	Steps []Step

	target Target
	keyARN string // once the key is known
	s3     *s3.Client
	kms    *kms.Client
}

// Inspect looks at what is there and changes nothing.
func Inspect(ctx context.Context, open awsapi.Opener, t Target) (*Plan, error) {
	p := &Plan{target: t}
	cfg, err := open(ctx, t.Region)
	if err == nil {
		err = checkAccount(ctx, cfg, t.Account)
	}
	if err != nil {
		return nil, classify(err)
	}
	p.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
	if cfg, err = open(ctx, t.KeyRegion); err != nil {
		return nil, classify(err)
	}
	p.kms = kms.NewFromConfig(cfg)
	for _, look := range []func(context.Context) error{p.lookAtKey, p.lookAtBucket} {
		if err := look(ctx); err != nil {
			return nil, classify(err)
		}
	}
	return p, nil
}

func checkAccount(ctx context.Context, cfg aws.Config, want string) error {
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	if got := aws.ToString(me.Account); got != want {
		return &Error{
			Kind: WrongAccount, Message: fmt.Sprintf("these are the credentials of %s, not of account %s", aws.ToString(me.Arn), want),
			Hint: "use that account's credentials (AWS_PROFILE), or mend deployment.accountId; --account names another that has the state",
		}
	}
	return nil
}

// classify gives an error of AWS its kind.
func classify(err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case awsapi.NoCredentials(err):
		return &Error{Kind: NoCredentials, Message: "there are no valid AWS credentials: " + awsapi.InWords(err), Hint: "sign in (`aws sso login`, AWS_PROFILE) and run it again; without an account, add --sandbox"}
	case awsapi.Denied(err):
		return &Error{Kind: Denied, Message: "these credentials lack a right: " + awsapi.InWords(err), Hint: "run it with those of somebody who administers the account, once: afterwards the state needs no more than reading and writing the bucket and using the key"}
	}
	return err
}

// ToDo are the steps that change something.
func (p *Plan) ToDo() []Step {
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return s.do == nil })
}

// Apply does what is to be done, in order, and reports each step when it is done. What was done before an error stays; the next run goes on from there.
func (p *Plan) Apply(ctx context.Context, done func(Step)) error {
	for _, s := range p.ToDo() {
		if err := s.do(ctx); err != nil {
			var known *Error
			if errors.As(classify(err), &known) {
				known.Message = fmt.Sprintf("%s, %s: %s", s.Resource, s.Setting, known.Message)
				return known
			}
			return inWords(s, err)
		}
		done(s)
	}
	return nil
}

// inWords is an error in a step.
func inWords(s Step, err error) error {
	return fmt.Errorf("%s, %s: %s", s.Resource, s.Setting, awsapi.InWords(err))
}

// setting is one property that a bucket or key should have.
type setting struct {
	name string
	want string
	// look says what there is, and whether that will do.
	look func(context.Context) (seen string, ok bool, err error)
	set  func(context.Context) error
	// remedy is how a person sets it.
	remedy string
	// plain says that it comes with the making, and that nothing is lost without it, so that it is not asked of what others have made.
	plain bool
}

// settle adds the steps of a resource's settings: made says that the resource is yet to be made, mine that it was made here.
func (p *Plan) settle(ctx context.Context, resource string, made, mine bool, settings []setting) error {
	for _, s := range settings {
		step := Step{Resource: resource, Setting: s.name, State: OK}
		if made && s.plain { // it comes with the making
			continue
		}
		if made {
			step.State, step.Seen, step.do = Missing, s.want, s.set
			p.Steps = append(p.Steps, step)
			continue
		}
		if s.plain && !mine && !p.target.Mend {
			continue
		}
		seen, ok, err := s.look(ctx)
		step.Seen = seen
		switch {
		case awsapi.Denied(err):
			step.State, step.Seen, step.Remedy = Weaker, "cannot be seen: "+awsapi.InWords(err), "look with the credentials of somebody who administers the account"
		case err != nil:
			return inWords(step, err)
		case ok:
		case mine || p.target.Mend:
			step.State, step.Seen, step.do = Incomplete, s.want, s.set
			if seen != "" {
				step.Seen = fmt.Sprintf("%s, in place of: %s", s.want, seen)
			}
		default:
			step.State, step.Remedy = Weaker, s.remedy
		}
		p.Steps = append(p.Steps, step)
	}
	return nil
}

// missingTags are wanted tags that are not there.
func missingTags(have, want map[string]string) []string {
	var out []string
	for k, v := range want {
		if got, ok := have[k]; !ok || k == owner && got != v {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
