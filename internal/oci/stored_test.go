package oci_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// What a registry has is looked at and taken out, with a token where it wants one.
func TestStored(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{Users: map[string]string{"ci": "secret"}})
	way, ctx := registrytest.Client(r), t.Context()
	c := oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{Given: map[string]oci.Login{r.Host: {Username: "ci", Password: "secret"}}}})
	repo := r.Host + "/hub/user-image"
	_, err := c.List(ctx, repo)
	wantKind(t, err, oci.NotFound)

	at := func(day int) v1.Image {
		img, err := mutate.CreatedAt(image(t, 1000, 2), v1.Time{Time: time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	old, recent := at(1), at(9)
	digests := map[string]string{}
	for tag, img := range map[string]v1.Image{"old": old, "same": old, "new": recent} {
		digests[tag] = digestOf(push(t, repo+":"+tag, img, basic("ci", "secret"), remote.WithTransport(way)))
	}
	list, err := c.List(ctx, repo)
	if err != nil || len(list) != 2 || list[0].Digest != digests["new"] || !slices.Equal(list[1].Tags, []string{"old", "same"}) {
		t.Fatalf("%v, %+v", err, list)
	}
	one, err := c.Look(ctx, repo+":new")
	if err != nil || one.Digest != digests["new"] || one.Since.Day() != 9 || one.Size < 2000 {
		t.Errorf("%v, %+v", err, one)
	}

	if err := c.Delete(ctx, repo, digests["old"]); err != nil {
		t.Fatal(err)
	}
	_, err = c.Look(ctx, repo+":same")
	wantKind(t, err, oci.NotFound)
	if err := c.Delete(ctx, repo, digests["old"]); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
	if _, err := c.Look(ctx, repo+":new"); err != nil {
		t.Errorf("the other went, too: %v", err)
	}
	wantKind(t, c.Delete(ctx, repo, "new"), oci.BadName, "is no digest")
}

// A registry that deletes nothing says so.
func TestDeleteSwitchedOff(t *testing.T) {
	host := inMemory(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	ref := push(t, host+"/hub:v1", image(t, 10, 1))
	wantKind(t, oci.New(oci.Options{Retry: quick}).Delete(t.Context(), host+"/hub", digestOf(ref)), oci.Denied, "deletes nothing", "storage.delete.enabled")
}

// ECR is asked through its own API: page by page, and a hundred at a time.
func TestStoredInECR(t *testing.T) {
	const images = 250
	digest := func(i int) string { return fmt.Sprintf("sha256:%064x", i) }
	deleted, calls := 0, map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		calls[operation]++
		var in struct {
			RegistryID, RepositoryName, NextToken string
			ImageIds                              []struct{ ImageDigest, ImageTag string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.RegistryID != "111111111111" || in.RepositoryName != "hub/a" {
			t.Errorf("%v, %+v", err, in)
		}
		out := map[string]any{}
		detail := func(i int) any {
			return map[string]any{"imageDigest": digest(i), "imageTags": []string{fmt.Sprint("t", i)}, "imageSizeInBytes": 7, "imagePushedAt": 1772323200 + i}
		}
		switch {
		case operation == "BatchDeleteImage" && len(in.ImageIds) > 100:
			w.WriteHeader(http.StatusBadRequest)
			out["__type"] = "InvalidParameterException"
		case operation == "BatchDeleteImage":
			deleted += len(in.ImageIds)
			out["failures"] = []any{map[string]any{"failureCode": "ImageNotFound"}}
			if slices.ContainsFunc(in.ImageIds, func(i struct{ ImageDigest, ImageTag string }) bool { return i.ImageDigest == digest(999) }) {
				out["failures"] = []any{map[string]any{"failureCode": "ImageReferencedByManifestList", "imageId": map[string]any{"imageDigest": digest(999)}, "failureReason": "in use"}}
			}
		case len(in.ImageIds) == 1 && in.ImageIds[0].ImageTag == "t9":
			out["imageDetails"] = []any{detail(9)}
		case len(in.ImageIds) == 1:
			w.WriteHeader(http.StatusBadRequest)
			out["__type"], out["message"] = "ImageNotFoundException", "there is none"
		default:
			from := len(in.NextToken) * 100
			details := []any{}
			for i := from; i < min(from+100, images); i++ {
				details = append(details, detail(i))
			}
			out["imageDetails"] = details
			if from+100 < images {
				out["nextToken"] = in.NextToken + "x"
			}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(server.Close)
	c := oci.New(oci.Options{Credentials: oci.Credentials{ECR: func(context.Context, string) (aws.Config, error) {
		return aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1}, nil
	}}})
	repo, ctx := ecrStaging+"/hub/a", t.Context()
	list, err := c.List(ctx, repo)
	if err != nil || len(list) != images || list[0].Digest != digest(images-1) || calls["DescribeImages"] != 3 {
		t.Fatalf("%v, %d images, the first %+v, %v", err, len(list), list[0], calls)
	}
	one, err := c.Look(ctx, repo+":t9")
	if want := time.Unix(1772323200+9, 0); err != nil || one.Digest != digest(9) || one.Size != 7 || !one.Since.Equal(want) {
		t.Errorf("%v, %+v", err, one)
	}
	_, err = c.Look(ctx, repo+"@"+digest(1))
	wantKind(t, err, oci.NotFound, "ImageNotFoundException")
	var all []string
	for _, s := range list {
		all = append(all, s.Digest)
	}
	if err := c.Delete(ctx, repo, all...); err != nil || deleted != images || calls["BatchDeleteImage"] != 3 {
		t.Errorf("%v, %d deleted, %v", err, deleted, calls)
	}
	wantKind(t, c.Delete(ctx, repo, digest(999)), oci.Failed, "ImageReferencedByManifestList", digest(999))
}
