package awssim

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// s3Subresources are what a bucket's address asks for beside the bucket itself, with the operation's name after its verb.
var s3Subresources = map[string]string{
	"encryption": "BucketEncryption", "policy": "BucketPolicy", "publicAccessBlock": "PublicAccessBlock", "tagging": "BucketTagging", "versioning": "BucketVersioning",
}

// s3Operation follows from method and address: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
func s3Operation(c *apiCall) string {
	bucket, key := c.bucketAndKey()
	if bucket == "" || key != "" {
		return ""
	}
	for sub, name := range s3Subresources {
		if c.URL.Query().Has(sub) {
			return map[string]string{http.MethodGet: "Get", http.MethodPut: "Put"}[c.Method] + name
		}
	}
	return map[string]string{http.MethodHead: "HeadBucket", http.MethodPut: "CreateBucket"}[c.Method]
}

// bucketAndKey takes an address apart, in which the bucket is part of the host or, in the old style, the path's first part:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (c *apiCall) bucketAndKey() (bucket, key string) {
	if bucket, _, found := strings.Cut(c.Host, ".s3."); found {
		return bucket, strings.TrimPrefix(c.URL.Path, "/")
	}
	bucket, key, _ = strings.Cut(strings.TrimPrefix(c.URL.Path, "/"), "/")
	return bucket, key
}

// s3Answer does what programs need that look after a bucket: objects in it are not simulated.
func s3Answer(tx *world.Tx, c *apiCall) (*reply, error) {
	name, _ := c.bucketAndKey()
	operation := s3Operation(c)
	if operation == "CreateBucket" {
		return c.createBucket(tx, name)
	}
	bucket := tx.Get(bucketToken, name)
	switch owner := c.Header.Get("X-Amz-Expected-Bucket-Owner"); {
	case bucket == nil:
		return nil, apiError("NoSuchBucket", "The specified bucket does not exist")
	case bucket.String("region") != c.region:
		// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
		return nil, apiError("PermanentRedirect", "%s The bucket you are attempting to access must be addressed using the specified endpoint.", bucket.String("region"))
	case bucket.String("account") != c.me.account, owner != "" && owner != bucket.String("account"):
		return nil, apiError("AccessDenied", "Access Denied")
	}
	if operation == "HeadBucket" {
		return &reply{status: http.StatusOK, header: map[string]string{"X-Amz-Bucket-Region": c.region}}, nil
	}
	if c.Method == http.MethodGet {
		return bucketSetting(bucket, operation)
	}
	value, err := c.newSetting(operation)
	if err != nil {
		return nil, err
	}
	changed := *bucket
	changed.Props = maps.Clone(bucket.Props)
	maps.Copy(changed.Props, value)
	return &reply{status: http.StatusOK}, tx.Put(&changed)
}

// s3Statuses are the HTTP statuses of errors that are no 400: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
var s3Statuses = map[string]int{
	"AccessDenied": http.StatusForbidden, "BucketAlreadyExists": http.StatusConflict, "BucketAlreadyOwnedByYou": http.StatusConflict,
	"InternalFailure": http.StatusInternalServerError, "NoSuchBucket": http.StatusNotFound, "NoSuchBucketPolicy": http.StatusNotFound,
	"NoSuchPublicAccessBlockConfiguration": http.StatusNotFound, "NoSuchTagSet": http.StatusNotFound, "PermanentRedirect": http.StatusMovedPermanently,
	"UnknownOperationException": http.StatusNotImplemented,
}

func s3Error(_ *apiCall, code, message string) *reply {
	status := s3Statuses[code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	header := map[string]string{}
	if code == "PermanentRedirect" {
		header["X-Amz-Bucket-Region"], message, _ = strings.Cut(message, " ")
	}
	a := xmlRefusal(status, struct {
		XMLName xml.Name `xml:"Error"`
		problemXML
	}{problemXML: problemXML{code, message}})
	a.header = header
	return a
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var (
	bucketNameForm = lazyregexp.New(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	addressForm    = lazyregexp.New(`^\d+\.\d+\.\d+\.\d+$`)
)

type tagXML struct{ Key, Value string }

// createBucket makes a bucket: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (c *apiCall) createBucket(tx *world.Tx, name string) (*reply, error) {
	var in struct {
		LocationConstraint string
		Tags               []tagXML `xml:"Tags>Tag"`
	}
	if len(c.body) > 0 {
		if err := xml.Unmarshal(c.body, &in); err != nil {
			return nil, apiError("MalformedXML", "%v", err)
		}
	}
	if !bucketNameForm.MatchString(name) || addressForm.MatchString(name) || strings.Contains(name, "..") || strings.HasPrefix(name, "xn--") || strings.HasSuffix(name, "-s3alias") {
		return nil, apiError("InvalidBucketName", "The specified bucket is not valid.")
	}
	switch {
	case c.region == "us-east-1" && in.LocationConstraint == "us-east-1":
		return nil, apiError("InvalidLocationConstraint", "The specified location-constraint is not valid")
	case c.region == "us-east-1" && in.LocationConstraint != "", c.region != "us-east-1" && in.LocationConstraint != c.region:
		return nil, apiError("IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.",
			either(in.LocationConstraint, "unspecified"))
	}
	if old := tx.Get(bucketToken, name); old != nil {
		switch {
		case old.String("account") != c.me.account:
			return nil, apiError("BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system.")
		case c.region == "us-east-1" && old.String("region") == c.region: // an old habit of this region
			return &reply{status: http.StatusOK}, nil
		}
		return nil, apiError("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
	}
	props := map[string]any{"account": c.me.account, "region": c.region, "arn": "arn:" + c.me.partition + ":s3:::" + name}
	if len(in.Tags) > 0 {
		props["tags"] = tagsIn(in.Tags)
	}
	return &reply{status: http.StatusOK, header: map[string]string{"Location": "/" + name}},
		tx.Put(&world.Object{Kind: bucketToken, ID: name, Props: props, Created: tx.Now(), Ready: tx.Now()})
}

func tagsIn(list []tagXML) map[string]any {
	out := map[string]any{}
	for _, t := range list {
		out[t.Key] = t.Value
	}
	return out
}

// The settings of a bucket as they go over the wire. They are kept in the world under properties of their own.
type (
	versioningXML struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string   `xml:",omitempty"`
	}
	encryptionXML struct {
		XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
		Rule    struct {
			Default struct {
				SSEAlgorithm   string
				KMSMasterKeyID string `xml:",omitempty"`
			} `xml:"ApplyServerSideEncryptionByDefault"`
			BucketKeyEnabled bool
		}
	}
	accessXML struct {
		XMLName                                                                     xml.Name `xml:"PublicAccessBlockConfiguration"`
		BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
	}
	taggingXML struct {
		XMLName xml.Name `xml:"Tagging"`
		Tags    []tagXML `xml:"TagSet>Tag"`
	}
)

// bucketSetting reads one of a bucket's settings.
func bucketSetting(bucket *world.Object, operation string) (*reply, error) {
	switch operation {
	case "GetBucketVersioning":
		return xmlReply(versioningXML{Status: bucket.String("versioning")})
	case "GetBucketEncryption":
		// Without anything said, S3 encrypts with keys of its own: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
		e := object(bucket.Props, "encryption")
		out := encryptionXML{}
		out.Rule.Default.SSEAlgorithm = either(text(e, "algorithm"), "AES256")
		out.Rule.Default.KMSMasterKeyID, out.Rule.BucketKeyEnabled = text(e, "kmsKeyId"), flag(e, "bucketKeyEnabled")
		return xmlReply(out)
	case "GetPublicAccessBlock":
		// New buckets block all of it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
		b := object(bucket.Props, "publicAccessBlock")
		if b == nil {
			return xmlReply(accessXML{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true})
		}
		return xmlReply(accessXML{
			BlockPublicAcls: flag(b, "blockPublicAcls"), IgnorePublicAcls: flag(b, "ignorePublicAcls"),
			BlockPublicPolicy: flag(b, "blockPublicPolicy"), RestrictPublicBuckets: flag(b, "restrictPublicBuckets"),
		})
	case "GetBucketPolicy":
		if policy := bucket.String("policy"); policy != "" {
			return &reply{status: http.StatusOK, contentType: "application/json", body: []byte(policy)}, nil
		}
		return nil, apiError("NoSuchBucketPolicy", "The bucket policy does not exist")
	case "GetBucketTagging":
		tags := object(bucket.Props, "tags")
		if len(tags) == 0 {
			return nil, apiError("NoSuchTagSet", "The TagSet does not exist")
		}
		out := taggingXML{}
		for _, name := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, tagXML{name, text(tags, name)})
		}
		return xmlReply(out)
	}
	return nil, notSimulated(operation)
}

// newSetting reads from a request what a bucket's setting is to be.
func (c *apiCall) newSetting(operation string) (map[string]any, error) {
	if operation == "PutBucketPolicy" {
		if _, err := checkPolicy(string(c.body), resourcePolicy); err != nil {
			return nil, apiError("MalformedPolicy", "%v", err)
		}
		return map[string]any{"policy": string(c.body)}, nil
	}
	var err error
	decode := func(into any) {
		if err = xml.Unmarshal(c.body, into); err != nil {
			err = apiError("MalformedXML", "%v", err)
		}
	}
	switch operation {
	case "PutBucketVersioning":
		var in versioningXML
		if decode(&in); err == nil && in.Status != "Enabled" && in.Status != "Suspended" {
			err = apiError("IllegalVersioningConfigurationException", "The Versioning element must be specified")
		}
		return map[string]any{"versioning": in.Status}, err
	case "PutBucketEncryption":
		var in encryptionXML
		decode(&in)
		return map[string]any{"encryption": map[string]any{
			"algorithm": in.Rule.Default.SSEAlgorithm, "kmsKeyId": in.Rule.Default.KMSMasterKeyID, "bucketKeyEnabled": in.Rule.BucketKeyEnabled,
		}}, err
	case "PutPublicAccessBlock":
		var in accessXML
		decode(&in)
		return map[string]any{"publicAccessBlock": map[string]any{
			"blockPublicAcls": in.BlockPublicAcls, "ignorePublicAcls": in.IgnorePublicAcls, "blockPublicPolicy": in.BlockPublicPolicy, "restrictPublicBuckets": in.RestrictPublicBuckets,
		}}, err
	case "PutBucketTagging":
		var in taggingXML
		decode(&in)
		return map[string]any{"tags": tagsIn(in.Tags)}, err
	}
	return nil, notSimulated(operation)
}
