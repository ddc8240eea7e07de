package registrytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Push puts a small image into a registry that everybody may use, and gives its digest. Another time makes another image.
func (r *Registry) Push(t testing.TB, repository, tag string, created time.Time) (digest string) {
	t.Helper()
	type object = map[string]any
	config, err := json.Marshal(object{
		"architecture": "amd64", "os": "linux", "created": created.UTC().Format(time.RFC3339), "config": object{}, "rootfs": object{"type": "layers", "diff_ids": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []any{},
		"config": object{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sum(config), "size": len(config)},
	})
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + r.Host + "/v2/" + repository
	begun := r.send(t, http.MethodPost, base+"/blobs/uploads/", "", nil, http.StatusAccepted)
	at, err := url.Parse(begun.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Set("digest", sum(config))
	at.RawQuery = query.Encode()
	r.send(t, http.MethodPut, at.String(), "application/octet-stream", config, http.StatusCreated)
	r.send(t, http.MethodPut, base+"/manifests/"+tag, "application/vnd.oci.image.manifest.v1+json", manifest, http.StatusCreated)
	return sum(manifest)
}

func (r *Registry) send(t testing.TB, method, to, mediaType string, body []byte, want int) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != want {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %s: %s: %s", method, to, res.Status, text)
	}
	return res.Header
}

func sum(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
