package oci_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// big pushes an image with one layer of some megabytes, and gives its reference by digest and the layer's bytes.
func big(t *testing.T, host string) (ref string, layer []byte) {
	t.Helper()
	layer = noise(4<<20, 7)
	img, err := mutate.AppendLayers(image(t, 10, 1), static.NewLayer(layer, types.DockerLayer))
	if err != nil {
		t.Fatal(err)
	}
	return push(t, host+"/hub/a:v1", img), layer
}

// untagged fails when a repository has a tag.
func untagged(t *testing.T, host, tag string) {
	t.Helper()
	_, err := oci.New(oci.Options{Retry: quick}).Resolve(context.Background(), host+tag)
	wantKind(t, err, oci.NotFound)
}

func TestAnswersThatStay(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	ref, _ := big(t, r.Host)
	for _, tt := range []struct {
		status int
		body   string
		kind   oci.Kind
		tries  int64
		words  []string
	}{
		{http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, oci.NotSignedIn, 1, []string{"401", "authentication required", "docker login"}},
		{http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"not authorized to perform ecr:InitiateLayerUpload"}]}`, oci.Denied, 1, []string{"403", "ecr:InitiateLayerUpload", "policy"}},
		{http.StatusNotFound, `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'hub/b' does not exist"}]}`, oci.NotFound, 1, []string{"404", "does not exist"}},
		{http.StatusTooManyRequests, `<html>slow down</html>`, oci.Limited, 4, []string{"429", "wait"}},
		{http.StatusInternalServerError, ``, oci.Unavailable, 4, []string{"500", "trouble"}},
		{http.StatusBadGateway, `<html>` + strings.Repeat("x", 1<<20), oci.Unavailable, 4, []string{"502"}},
	} {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			var tries atomic.Int64
			host := r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
				if req.Method != http.MethodPost { // the beginning of an upload
					return false
				}
				tries.Add(1)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return true
			})
			to := fmt.Sprintf("/hub/status-%d:v1", tt.status)
			c := oci.New(oci.Options{Retry: quick, Jobs: 1})
			_, err := c.Copy(context.Background(), ref, host+to, oci.CopyOptions{})
			wantKind(t, err, tt.kind, append(tt.words, host+to)...)
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			if n := tries.Load(); n != tt.tries {
				t.Errorf("it was tried %d times, want %d", n, tt.tries)
			}
			untagged(t, r.Host, to)
		})
	}
}

func TestAnswersThatPass(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	ref, _ := big(t, r.Host)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		// Every kind of request fails twice, then passes.
		var mu sync.Mutex
		failed := map[string]int{}
		host := r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			kind := req.Method + strings.Split(req.URL.Path+"////", "/")[4]
			if failed[kind]++; failed[kind] > 2 {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		if _, err := oci.New(oci.Options{Retry: quick}).Copy(context.Background(), ref, fmt.Sprintf("%s/hub/pass-%d:v1", host, status), oci.CopyOptions{}); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		if len(failed) < 6 {
			t.Errorf("%d: only %v failed", status, failed)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	ref, _ := big(t, r.Host)
	var first time.Time
	var waited time.Duration
	asked := "1"
	host := r.Behind(t, func(w http.ResponseWriter, _ *http.Request) bool {
		switch {
		case first.IsZero():
			first = time.Now()
			w.Header().Set("Retry-After", asked)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		case waited == 0:
			waited = time.Since(first)
		}
		return false
	})
	at := host + strings.TrimPrefix(ref, r.Host)
	if _, err := oci.New(oci.Options{Retry: quick}).Resolve(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	if waited < time.Second {
		t.Errorf("it waited %s, and was asked to wait a second", waited)
	}
	// Longer than anybody wants to wait is told of at once.
	first, asked = time.Time{}, "3600"
	started := time.Now()
	_, err := oci.New(oci.Options{Retry: quick}).Resolve(context.Background(), at)
	wantKind(t, err, oci.Limited, "429", "wait for 1h0m0s")
	if took := time.Since(started); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestCutDownload closes the connection again and again while a layer comes; each time the rest alone is asked for.
func TestCutDownload(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	ref, layer := big(t, r.Host)
	var sent atomic.Int64
	host := r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/sha256:") {
			return false
		}
		out, err := http.NewRequest(http.MethodGet, "http://"+r.Host+req.URL.Path, nil)
		if err != nil {
			t.Error(err)
			return false
		}
		out.Header = req.Header.Clone()
		resp, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.StatusCode)
		n, _ := io.Copy(w, io.LimitReader(resp.Body, 600_000))
		sent.Add(n)
		if n == 600_000 {
			panic(http.ErrAbortHandler)
		}
		return true
	})
	got, err := oci.New(oci.Options{Retry: quick}).Copy(context.Background(), host+strings.TrimPrefix(ref, r.Host), r.Host+"/hub/resumed:v1", oci.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mounted != 0 || sent.Load() > int64(len(layer))+100_000 {
		t.Errorf("%d bytes were read of a layer of %d: %+v", sent.Load(), len(layer), got)
	}
}

// TestCutUpload closes the connection while a layer is sent. docker-registry gives up an upload that was cut, so it begins anew.
func TestCutUpload(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	from := registrytest.New(t, registrytest.Options{})
	ref, _ := big(t, from.Host)
	var cuts atomic.Int64
	instead := func(always bool) func(http.ResponseWriter, *http.Request) bool {
		return func(_ http.ResponseWriter, req *http.Request) bool {
			if req.Method != http.MethodPatch || req.ContentLength < 1<<20 || !always && cuts.Load() >= 2 {
				return false
			}
			cuts.Add(1)
			// Half of it reaches the registry.
			out, err := http.NewRequest(http.MethodPatch, "http://"+r.Host+req.URL.RequestURI(), io.MultiReader(io.LimitReader(req.Body, 2<<20), failing{}))
			if err != nil {
				t.Error(err)
			}
			out.ContentLength = req.ContentLength
			if resp, err := http.DefaultClient.Do(out); err == nil {
				_ = resp.Body.Close()
			}
			panic(http.ErrAbortHandler)
		}
	}
	var lowest, last int64
	progress := func(done, _ int64) {
		if done < last {
			lowest = done
		}
		last = done
	}
	if _, err := oci.New(oci.Options{Retry: quick}).Copy(context.Background(), ref, r.Behind(t, instead(false))+"/hub/cut:v1", oci.CopyOptions{Progress: progress}); err != nil {
		t.Fatal(err)
	}
	if cuts.Load() != 2 || last < 4<<20 || lowest == 0 {
		t.Errorf("%d cuts, progress ended at %d and went back to %d", cuts.Load(), last, lowest)
	}
	_, err := oci.New(oci.Options{Retry: quick}).Copy(context.Background(), ref, r.Behind(t, instead(true))+"/hub/always:v1", oci.CopyOptions{})
	wantKind(t, err, oci.Unavailable, "connection", "same command again")
	untagged(t, r.Host, "/hub/always:v1")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// resumable is a registry that keeps what arrived of an upload and says how much it is, as the protocol has it and docker-registry 2.8 does not.
type resumable struct {
	next http.Handler
	cuts int

	mu       sync.Mutex
	data     []byte
	received int64
	resumed  []string
}

func (u *resumable) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	const at = "/v2/hub/b/blobs/uploads/one"
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case req.Method == http.MethodPost && req.ContentLength <= 0:
		u.data = nil
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusAccepted)
	case req.URL.Path != at:
		u.next.ServeHTTP(w, req)
	case req.Method == http.MethodGet:
		w.Header().Set("Location", at)
		w.Header().Set("Range", fmt.Sprintf("0-%d", len(u.data)-1))
		w.WriteHeader(http.StatusNoContent)
	case req.Method == http.MethodPatch:
		if v := req.Header.Get("Content-Range"); v != "" {
			u.resumed = append(u.resumed, v)
			if !strings.HasPrefix(v, fmt.Sprintf("%d-", len(u.data))) {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
		}
		body := io.Reader(req.Body)
		cut := u.cuts > 0 && req.ContentLength > 1<<20
		if cut {
			u.cuts--
			body = io.LimitReader(body, 1_000_000)
		}
		part, _ := io.ReadAll(body)
		u.data = append(u.data, part...)
		u.received += int64(len(part))
		if cut {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusAccepted)
	case req.Method == http.MethodPut:
		inner := httptest.NewRequest(http.MethodPost, "/v2/hub/b/blobs/uploads/?"+req.URL.RawQuery, strings.NewReader(string(u.data)))
		u.next.ServeHTTP(w, inner)
	}
}

func TestUploadGoesOn(t *testing.T) {
	from := inMemory(t, nil)
	ref, layer := big(t, from)
	u := &resumable{next: registry.New(registry.Logger(discard)), cuts: 3}
	to := inMemory(t, func(http.Handler) http.Handler { return u })
	if _, err := oci.New(oci.Options{Retry: quick, Jobs: 1}).Copy(context.Background(), ref, to+"/hub/b:v1", oci.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(u.resumed) != 3 || u.received > int64(len(layer))+10_000 {
		t.Errorf("%d bytes were sent of a layer of %d, resumed at %v", u.received, len(layer), u.resumed)
	}
}
