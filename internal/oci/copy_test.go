package oci_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// account is a registry with TLS and token authentication, as another account's is, and a way to use it.
func account(t *testing.T, user string) (*registrytest.Registry, remote.Option, oci.Login) {
	t.Helper()
	r := registrytest.New(t, registrytest.Options{Users: map[string]string{user: "secret of " + user}})
	return r, basic(user, "secret of "+user), oci.Login{Username: user, Password: "secret of " + user}
}

func TestCopyBetweenAccounts(t *testing.T) {
	staging, stagingAuth, stagingLogin := account(t, "staging")
	prod, _, prodLogin := account(t, "prod")
	way := registrytest.Client(staging, prod)
	c := oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{Given: map[string]oci.Login{staging.Host: stagingLogin, prod.Host: prodLogin}}})
	ctx := context.Background()

	for name, what := range map[string]remote.Taggable{"image": image(t, 200_000, 3), "index": index(t)} {
		t.Run(name, func(t *testing.T) {
			ref := push(t, staging.Host+"/hub/"+name+":candidate", what, stagingAuth, remote.WithTransport(way))
			before, err := c.Inspect(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			var last, total int64
			to := prod.Host + "/science/" + name + ":v1"
			got, err := c.Copy(ctx, ref, to, oci.CopyOptions{Progress: func(done, of int64) { last, total = done, of }})
			if err != nil {
				t.Fatal(err)
			}
			after, err := c.Inspect(ctx, to)
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest != digestOf(ref) || after.Digest != digestOf(ref) || after.Size != before.Size || fmt.Sprint(after.Platforms) != fmt.Sprint(before.Platforms) {
				t.Errorf("copied %+v of %+v: %+v", got, before, after)
			}
			if last != total || total != before.Size || got.Sent == 0 {
				t.Errorf("progress ended at %d of %d bytes, want %d; %+v", last, total, before.Size, got)
			}
			if name == "index" && fmt.Sprint(after.Platforms) != "[linux/amd64 linux/arm64]" {
				t.Errorf("the index has the platforms %v", after.Platforms)
			}
			// Again it is no work, under another tag hardly any.
			if again, err := c.Copy(ctx, ref, to, oci.CopyOptions{}); err != nil || again != (oci.Copied{Digest: got.Digest}) {
				t.Errorf("copied again: %+v, %v", again, err)
			}
			if other, err := c.Copy(ctx, ref, prod.Host+"/science/"+name+":v2", oci.CopyOptions{}); err != nil || other.Sent+other.There+other.Mounted != 0 {
				t.Errorf("copied under another tag: %+v, %v", other, err)
			}
			// Into another repository of the same registry the layers are only linked.
			mounted, err := c.Copy(ctx, prod.Host+"/science/"+name+"@"+got.Digest, prod.Host+"/elsewhere/"+name+":v1", oci.CopyOptions{})
			if err != nil || mounted.Sent != 0 || mounted.Mounted != got.Sent {
				t.Errorf("copied in one registry: %+v, %v", mounted, err)
			}
			// By tag it is resolved; without one it has only its digest.
			bare, err := c.Copy(ctx, staging.Host+"/hub/"+name+":candidate", prod.Host+"/bare/"+name, oci.CopyOptions{})
			if err != nil || bare.Digest != got.Digest {
				t.Errorf("copied without a tag: %+v, %v", bare, err)
			}
			if _, err := c.Resolve(ctx, prod.Host+"/bare/"+name+"@"+got.Digest); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestImmutable has a registry that would let a tag move.
func TestImmutable(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	c, ctx := oci.New(oci.Options{Retry: quick}), context.Background()
	one, two := push(t, r.Host+"/hub/a:one", image(t, 1000, 1)), push(t, r.Host+"/hub/a:two", image(t, 1000, 1))
	if _, err := c.Copy(ctx, one, r.Host+"/hub/b:v1", oci.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	copied, err := c.Copy(ctx, two, r.Host+"/hub/b:v1", oci.CopyOptions{})
	wantKind(t, err, oci.TagTaken, r.Host+"/hub/b:v1", digestOf(one), digestOf(two), "never moves")
	if copied.Sent+copied.Mounted != 0 {
		t.Errorf("it copied before it looked: %+v", copied)
	}
	if d, err := c.Resolve(ctx, r.Host+"/hub/b:v1"); err != nil || d.Digest != digestOf(one) {
		t.Errorf("the tag is %v, %v", d, err)
	}
	if _, err := c.Copy(ctx, one, r.Host+"/hub/b:v1", oci.CopyOptions{}); err != nil {
		t.Errorf("the same content: %v", err)
	}
}

// TestTagCameMeanwhile has another put the tag while layers are copied, into a registry that refuses the second as ECR does.
func TestTagCameMeanwhile(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	c, ctx := oci.New(oci.Options{Retry: quick}), context.Background()
	one, two := push(t, r.Host+"/hub/a:one", image(t, 1000, 1)), image(t, 1000, 1)
	var once sync.Once
	host := r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPut || !strings.HasSuffix(req.URL.Path, "/manifests/v1") {
			return false
		}
		once.Do(func() { push(t, r.Host+"/hub/b:v1", two) })
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errors":[{"code":"TAG_INVALID","message":"The image tag 'v1' already exists in the 'hub/b' repository and cannot be overwritten because the tag is immutable."}]}`))
		return true
	})
	_, err := c.Copy(ctx, one, host+"/hub/b:v1", oci.CopyOptions{})
	wantKind(t, err, oci.TagTaken, "/hub/b:v1", digestOf(one))
}

func TestReferrers(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	c, ctx := oci.New(oci.Options{Retry: quick}), context.Background()
	img := image(t, 1000, 1)
	ref := push(t, r.Host+"/hub/a:v1", img)
	signature := push(t, r.Host+"/hub/a:signature", artefact(t, img))
	if _, err := c.Copy(ctx, ref, r.Host+"/hub/without:v1", oci.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Resolve(ctx, r.Host+"/hub/without@"+digestOf(signature))
	wantKind(t, err, oci.NotFound)
	for range 2 { // the second time everything is there
		if _, err := c.Copy(ctx, ref, r.Host+"/hub/with:v1", oci.CopyOptions{Referrers: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Resolve(ctx, r.Host+"/hub/with@"+digestOf(signature)); err != nil {
		t.Errorf("the signature was not copied: %v", err)
	}
	// This registry keeps the list of referrers under a tag; who asks for them has to find it.
	if _, err := c.Resolve(ctx, r.Host+"/hub/with:"+strings.Replace(digestOf(ref), ":", "-", 1)); err != nil {
		t.Errorf("what refers to the image cannot be found: %v", err)
	}
}

// TestTokensEnd has tokens end in the middle of a copy, and between two.
func TestTokensEnd(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{Users: map[string]string{"u": "p"}, TokenAge: 2 * time.Second})
	way := registrytest.Client(r)
	ref := push(t, r.Host+"/hub/a:v1", image(t, 1_000_000, 1), basic("u", "p"), remote.WithTransport(way))
	c := oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{Given: map[string]oci.Login{r.Host: {Username: "u", Password: "p"}}}})
	var once sync.Once
	before := r.Tokens()
	got, err := c.Copy(context.Background(), ref, r.Host+"/hub/b:v1", oci.CopyOptions{Progress: func(int64, int64) { once.Do(func() { time.Sleep(3200 * time.Millisecond) }) }})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mounted == 0 {
		t.Errorf("nothing was mounted: %+v", got)
	}
	if n := r.Tokens() - before; n < 3 {
		t.Errorf("%d tokens were asked for, so none ended", n)
	}
	time.Sleep(3200 * time.Millisecond)
	if _, err := c.Inspect(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
}
