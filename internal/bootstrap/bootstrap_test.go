package bootstrap_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/bootstrap"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	account   = "162808325377"
	bucketTok = "aws:s3/bucket:Bucket"
	keyTok    = "aws:kms/key:Key"
)

// cloud is a world whose services are asked over HTTP, in their own protocols.
type cloud struct {
	t *testing.T
	*world.World
	url string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, World: simtest.World(t)}
	server := httptest.NewServer(awssim.API(c.World))
	t.Cleanup(server.Close)
	c.url = server.URL
	c.change(func(tx *world.Tx) error { return tx.Set("account", account) })
	return c
}

func (c *cloud) change(f func(*world.Tx) error) {
	c.t.Helper()
	if err := c.Update(f); err != nil {
		c.t.Fatal(err)
	}
}

// put changes properties of an object, as somebody else would.
func (c *cloud) put(kind, id string, props map[string]any) {
	c.t.Helper()
	c.change(func(tx *world.Tx) error {
		o := &world.Object{Kind: kind, ID: id, Props: map[string]any{}}
		if old := tx.Get(kind, id); old != nil {
			*o = *old
			o.Props = maps.Clone(old.Props)
		}
		maps.Copy(o.Props, props)
		return tx.Put(o)
	})
}

func (c *cloud) list(kind string) (out []*world.Object) {
	c.t.Helper()
	c.change(func(tx *world.Tx) error {
		out = tx.List(kind)
		return nil
	})
	return out
}

func (c *cloud) open(_ context.Context, region string) (aws.Config, error) {
	return aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: &c.url, RetryMaxAttempts: 1,
		HTTPClient: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func target(region string) bootstrap.Target {
	return bootstrap.Target{
		Account: account, Partition: "aws", Bucket: "roman-state", Region: region, Key: "alias/roman-pulumi", KeyRegion: region,
		Tags: map[string]string{"managed-by": "hubwright", "owner": "dmd"},
	}
}

// summary is what a plan found, a line a step.
func (c *cloud) summary(t bootstrap.Target) string {
	c.t.Helper()
	p, err := bootstrap.Inspect(c.t.Context(), c.open, t)
	if err != nil {
		c.t.Fatal(err)
	}
	return lines(p.Steps)
}

func lines(steps []bootstrap.Step) string {
	var b strings.Builder
	for _, s := range steps {
		kind, _, _ := strings.Cut(s.Resource, " ")
		fmt.Fprintf(&b, "%s %s %s: %s\n", s.State, kind, s.Setting, s.Seen)
	}
	return b.String()
}

// apply inspects and does what is to be done.
func (c *cloud) apply(t bootstrap.Target) error {
	c.t.Helper()
	p, err := bootstrap.Inspect(c.t.Context(), c.open, t)
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Apply(c.t.Context(), func(bootstrap.Step) {})
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestMakesAllOfIt(t *testing.T) {
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		c := newCloud(t)
		same(t, "before", c.summary(target(region)), `
missing key existence: a symmetric key in `+region+`, tagged
missing key rotation: new key material each year
missing bucket existence: a bucket in `+region+`, tagged
missing bucket versioning: every version of the state is kept
missing bucket encryption: with alias/roman-pulumi
missing bucket public access: blocked
missing bucket transport: TLS only`)
		if len(c.list(bucketTok))+len(c.list(keyTok)) > 0 {
			t.Error("looking has made something")
		}
		if err := c.apply(target(region)); err != nil {
			t.Fatal(err)
		}
		key := c.list(keyTok)[0]
		after := `
ok key existence: ` + key.String("arn") + `
ok key use: encrypts and decrypts
ok key rotation: new key material each year
ok key tags: those of the deployment
ok bucket existence: in ` + region + `, of account 162808325377
ok bucket versioning: every version of the state is kept
ok bucket encryption: with alias/roman-pulumi
ok bucket public access: blocked
ok bucket transport: TLS only
ok bucket tags: those of the deployment`
		same(t, "after", c.summary(target(region)), after)
		props := c.list(bucketTok)[0].Props
		want := map[string]any{"algorithm": "aws:kms", "kmsKeyId": key.String("arn"), "bucketKeyEnabled": true}
		if d := cmp.Diff(want, props["encryption"]); d != "" || props["region"] != region {
			t.Errorf("%v\n%s", props, d)
		}
		if err := c.apply(target(region)); err != nil {
			t.Error(err)
		}
		same(t, "a second time", c.summary(target(region)), after)
	}
}

// Whichever call fails, the next run goes on from there: one bucket, one key, all as it should be.
func TestGoesOnWhereItStopped(t *testing.T) {
	for _, operation := range []string{
		"kms/CreateKey", "kms/CreateAlias", "kms/EnableKeyRotation", "s3/CreateBucket", "s3/PutBucketVersioning", "s3/PutBucketEncryption", "s3/PutPublicAccessBlock", "s3/PutBucketPolicy",
	} {
		c := newCloud(t)
		c.change(func(tx *world.Tx) error {
			return tx.SetFaults([]world.Fault{{Kind: "aws:" + operation, Op: "*", Message: "Interrupted: cut off on the way.", Times: 1}})
		})
		err := c.apply(target("eu-west-1"))
		if err == nil || !strings.Contains(err.Error(), "Interrupted: cut off on the way.") {
			t.Errorf("%s: %v", operation, err)
		}
		if err := c.apply(target("eu-west-1")); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
		if found := c.summary(target("eu-west-1")); strings.Count(found, "ok ") != 10 || len(c.list(keyTok)) != 1 || len(c.list(bucketTok)) != 1 {
			t.Errorf("%s: %d keys, %d buckets\n%s", operation, len(c.list(keyTok)), len(c.list(bucketTok)), found)
		}
	}
}

// A key without its alias is found also behind pages of others.
func TestFindsTheKeyAmongMany(t *testing.T) {
	c := newCloud(t)
	c.change(func(tx *world.Tx) error {
		return tx.SetFaults([]world.Fault{{Kind: "aws:kms/CreateAlias", Op: "*", Message: "Interrupted: cut off on the way.", Times: 1}})
	})
	if err := c.apply(target("eu-west-1")); err == nil {
		t.Fatal("no alias, and no error")
	}
	mine := c.list(keyTok)[0].ID
	c.change(func(tx *world.Tx) error {
		for i := range 120 {
			id, alias := fmt.Sprintf("0%07d", i), fmt.Sprintf("alias/a%03d", i)
			arn := "arn:aws:kms:eu-west-1:162808325377:"
			err := errors.Join(
				tx.Put(&world.Object{Kind: keyTok, ID: id, Props: map[string]any{"arn": arn + "key/" + id}}),
				tx.Put(&world.Object{Kind: "aws:kms/alias:Alias", ID: alias, Props: map[string]any{"arn": arn + alias, "targetKeyArn": arn + "key/" + id, "targetKeyId": id}}),
			)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if found := c.summary(target("eu-west-1")); !strings.Contains(found, "incomplete key existence: the alias of arn:aws:kms:eu-west-1:162808325377:key/"+mine) {
		t.Error(found)
	}
	if err := c.apply(target("eu-west-1")); err != nil || len(c.list(keyTok)) != 121 {
		t.Error(err, len(c.list(keyTok)))
	}
}

// What somebody else has made is adopted as it is, unless mending is asked for; what else it holds stays.
func TestAdopts(t *testing.T) {
	c, want := newCloud(t), target("us-east-1")
	if err := c.apply(bootstrap.Target{Account: account, Partition: "aws", Key: want.Key, KeyRegion: "us-east-1", Region: "us-east-1"}); err != nil {
		t.Fatal(err)
	}
	key := c.list(keyTok)[0]
	c.put(keyTok, key.ID, map[string]any{"enableKeyRotation": false, "tags": map[string]any{}, "tagsAll": map[string]any{}})
	const others = `{"Version":"2012-10-17","Statement":[{"Sid":"Audit","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::162808325377:root"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::roman-state"}]}`
	c.put(bucketTok, "roman-state", map[string]any{
		"account": account, "region": "us-east-1", "versioning": "Suspended", "policy": others, "tags": map[string]any{"team": "archive"},
		"publicAccessBlock": map[string]any{"blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": false, "restrictPublicBuckets": true},
	})
	before := c.list(bucketTok)[0].Props
	same(t, "another's", c.summary(want), `
ok key existence: `+key.String("arn")+`
ok key use: encrypts and decrypts
weaker key rotation: off
ok bucket existence: in us-east-1, of account 162808325377
weaker bucket versioning: off: a state that is overwritten is gone
weaker bucket encryption: with S3's own keys
weaker bucket public access: blocked in part
weaker bucket transport: requests without TLS are answered`)
	p, err := bootstrap.Inspect(t.Context(), c.open, want)
	if err != nil || len(p.ToDo()) > 0 {
		t.Fatal(err, p.ToDo())
	}
	for _, s := range p.Steps {
		if s.State == bootstrap.Weaker && !strings.Contains(s.Remedy, "aws s3api ") && !strings.Contains(s.Remedy, "aws kms ") && !strings.Contains(s.Remedy, `"aws:SecureTransport":"false"`) {
			t.Errorf("%s %s: remedy %q", s.Resource, s.Setting, s.Remedy)
		}
	}
	if err := c.apply(want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, c.list(bucketTok)[0].Props); d != "" {
		t.Errorf("it was changed:\n%s", d)
	}

	want.Mend = true
	if err := c.apply(want); err != nil {
		t.Fatal(err)
	}
	if found := c.summary(want); strings.Count(found, "ok ") != 10 {
		t.Errorf("mended:\n%s", found)
	}
	props := c.list(bucketTok)[0].Props
	if policy := props["policy"].(string); !strings.Contains(policy, `"Sid":"Audit"`) || !strings.Contains(policy, `"Sid":"TLSOnly"`) {
		t.Errorf("policy %s", policy)
	}
	if d := cmp.Diff(map[string]any{"team": "archive", "managed-by": "hubwright", "owner": "dmd"}, props["tags"]); d != "" {
		t.Error(d)
	}
}

func TestEncryptionWithAnotherRegionsKey(t *testing.T) {
	c, want := newCloud(t), target("us-east-1")
	want.KeyRegion = "eu-west-1"
	if err := c.apply(want); err != nil {
		t.Fatal(err)
	}
	if found := c.summary(want); !strings.Contains(found, "ok bucket encryption: with S3's own keys") || strings.Count(found, "ok ") != 10 {
		t.Error(found)
	}
}

func TestRefuses(t *testing.T) {
	made := func(c *cloud) string {
		if err := c.apply(target("us-east-1")); err != nil {
			c.t.Fatal(err)
		}
		return c.list(keyTok)[0].ID
	}
	for name, test := range map[string]struct {
		prepare func(*cloud, *bootstrap.Target)
		kind    bootstrap.Kind
		message string
		hint    string
	}{
		"another account's bucket": {func(c *cloud, _ *bootstrap.Target) {
			c.put(bucketTok, "roman-state", map[string]any{"account": "999999999999", "region": "us-east-1"})
		}, bootstrap.OtherAccount, "the bucket roman-state is there, and either belongs to another account than 162808325377", "name another with --bucket"},
		"a bucket of another region": {func(c *cloud, _ *bootstrap.Target) {
			c.put(bucketTok, "roman-state", map[string]any{"account": account, "region": "eu-west-1"})
		}, bootstrap.Configuration, "the bucket roman-state is in eu-west-1, not in us-east-1", "s3://roman-state?region=eu-west-1"},
		"another account's credentials": {func(c *cloud, _ *bootstrap.Target) {
			c.change(func(tx *world.Tx) error { return tx.Set("account", "999999999999") })
		}, bootstrap.WrongAccount, "not of account 162808325377", "AWS_PROFILE"},
		"a key that is to be deleted": {func(c *cloud, _ *bootstrap.Target) {
			id := made(c)
			c.change(func(tx *world.Tx) error {
				old := tx.Get(keyTok, id)
				props := maps.Clone(old.Props)
				props["deletionDate"] = "2126-01-05T09:00:00Z"
				return errors.Join(tx.Delete(keyTok, id), tx.Put(&world.Object{Kind: "aws:kms:scheduledKey", ID: id, Props: props}))
			})
		}, bootstrap.Configuration, "alias/roman-pulumi is to be deleted on 2126-01-05", "cancel-key-deletion"},
		"a disabled key": {func(c *cloud, _ *bootstrap.Target) {
			c.put(keyTok, made(c), map[string]any{"isEnabled": false})
		}, bootstrap.Configuration, "alias/roman-pulumi is Disabled", "enable-key"},
		"a key for signatures": {func(c *cloud, _ *bootstrap.Target) {
			c.put(keyTok, made(c), map[string]any{"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048"})
		}, bootstrap.Configuration, "is a RSA_2048 key for SIGN_VERIFY", "another alias"},
		"a key by its id":       {func(_ *cloud, t *bootstrap.Target) { t.Key = "1234abcd-12ab-34cd-56ef-1234567890ab" }, bootstrap.Configuration, "a key's id cannot be chosen", "awskms://alias/NAME?region=us-east-1"},
		"a bucket's wrong name": {func(_ *cloud, t *bootstrap.Target) { t.Bucket = "Roman_State" }, bootstrap.Configuration, `"Roman_State" cannot be the name of a bucket`, "lower-case letters"},
		"an alias of AWS's":     {func(_ *cloud, t *bootstrap.Target) { t.Key = "alias/aws/s3" }, bootstrap.Configuration, "reserved for AWS's own keys", "awskms://alias/NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			c, want := newCloud(t), target("us-east-1")
			test.prepare(c, &want)
			buckets, keys := len(c.list(bucketTok)), len(c.list(keyTok))
			_, err := bootstrap.Inspect(t.Context(), c.open, want)
			var known *bootstrap.Error
			if !errors.As(err, &known) || known.Kind != test.kind || !strings.Contains(known.Message, test.message) || !strings.Contains(known.Hint, test.hint) {
				t.Errorf("%#v", err)
			}
			if len(c.list(bucketTok)) != buckets || len(c.list(keyTok)) != keys {
				t.Error("something was made")
			}
		})
	}
}

// Another account may take the name between looking and making.
func TestNameTakenMeanwhile(t *testing.T) {
	c := newCloud(t)
	p, err := bootstrap.Inspect(t.Context(), c.open, target("us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	c.put(bucketTok, "roman-state", map[string]any{"account": "999999999999", "region": "us-east-1"})
	var known *bootstrap.Error
	if err := p.Apply(t.Context(), func(bootstrap.Step) {}); !errors.As(err, &known) || !strings.Contains(known.Message, "the name is taken by another account") {
		t.Error(err)
	}
}

func TestNoCredentials(t *testing.T) {
	answer := func(status int, body string) func(context.Context, string) (aws.Config, error) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(server.Close)
		return func(context.Context, string) (aws.Config, error) {
			return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: &server.URL, RetryMaxAttempts: 1}, nil
		}
	}
	none := func(context.Context, string) (aws.Config, error) {
		return aws.Config{Region: "us-east-1", RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		})}, nil
	}
	for want, open := range map[string]func(context.Context, string) (aws.Config, error){
		"there are no AWS credentials here": none,
		"ExpiredToken: too old":             answer(403, `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>too old</Message></Error></ErrorResponse>`),
	} {
		_, err := bootstrap.Inspect(t.Context(), open, target("us-east-1"))
		var known *bootstrap.Error
		if !errors.As(err, &known) || known.Kind != bootstrap.NoCredentials || !strings.Contains(known.Message, want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	_, err := bootstrap.Inspect(t.Context(), answer(403, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`), target("us-east-1"))
	var known *bootstrap.Error
	if !errors.As(err, &known) || known.Kind != bootstrap.Denied {
		t.Error(err)
	}
}
