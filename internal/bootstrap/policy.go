package bootstrap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// document is a bucket's policy as it is written, so that statements of others go back as they came.
type document map[string]any

// statement is one of a policy's.
type statement map[string]any

func (s statement) text() string {
	b, err := json.Marshal(s)
	if err != nil { // texts and lists of texts
		panic(err)
	}
	return string(b)
}

// tlsOnly refuses whatever comes without TLS: https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-ssl-requests-only.html
func (p *Plan) tlsOnly() statement {
	arn := "arn:" + p.target.Partition + ":s3:::" + p.target.Bucket
	return statement{
		"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []any{arn, arn + "/*"},
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
}

// policy reads the bucket's policy; without one it is empty.
func (p *Plan) policy(ctx context.Context) (document, error) {
	found, err := p.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &p.target.Bucket, ExpectedBucketOwner: &p.target.Account})
	if awsapi.Code(err) == "NoSuchBucketPolicy" {
		return document{}, nil
	}
	if err != nil {
		return nil, err
	}
	d := document{}
	if err := json.Unmarshal([]byte(aws.ToString(found.Policy)), &d); err != nil {
		return nil, fmt.Errorf("reading the bucket's policy: %w", err)
	}
	return d, nil
}

// statements are the policy's, which may be one or a list.
func (d document) statements() []any {
	switch s := d["Statement"].(type) {
	case []any:
		return s
	case map[string]any:
		return []any{s}
	}
	return nil
}

// tlsOnly says whether a statement refuses everybody all of the bucket without TLS.
func (d document) tlsOnly() bool {
	return slices.ContainsFunc(d.statements(), func(v any) bool {
		s, _ := v.(map[string]any)
		conditions, _ := s["Condition"].(map[string]any)
		secure, _ := conditions["Bool"].(map[string]any)
		who := s["Principal"]
		if m, ok := who.(map[string]any); ok {
			who = m["AWS"]
		}
		return s["Effect"] == "Deny" && holds(who, "*") && (holds(s["Action"], "s3:*") || holds(s["Action"], "*")) && len(conditions) == 1 &&
			(holds(secure["aws:SecureTransport"], "false") || secure["aws:SecureTransport"] == false)
	})
}

// holds says whether a text, or a list of them, is or has one.
func holds(v any, text string) bool {
	if list, ok := v.([]any); ok {
		return slices.Contains(list, any(text))
	}
	return v == text
}

// requireTLS adds the statement to what the policy says.
func (p *Plan) requireTLS(ctx context.Context) error {
	d, err := p.policy(ctx)
	if err != nil {
		return err
	}
	mine := p.tlsOnly()
	others := slices.DeleteFunc(slices.Clone(d.statements()), func(v any) bool {
		s, _ := v.(map[string]any)
		return s["Sid"] == mine["Sid"]
	})
	if d["Version"] == nil {
		d["Version"] = "2012-10-17"
	}
	d["Statement"] = append(others, mine)
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = p.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &p.target.Bucket, ExpectedBucketOwner: &p.target.Account, Policy: aws.String(string(text))}, settling)
	return err
}
