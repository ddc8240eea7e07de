package dockerd

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// A daemon that waits for a registry for ever is not waited for; one that tells of what it does is.
func TestSilentTransfers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		if strings.Contains(r.URL.Path, "slow") {
			for range 5 {
				_, _ = w.Write([]byte(`{"status":"Retrying in 5 seconds"}` + "\n"))
				_ = out.Flush()
				time.Sleep(100 * time.Millisecond)
			}
			_, _ = w.Write([]byte(`{"aux":{"Digest":"sha256:1"}}` + "\n"))
			return
		}
		_, _ = w.Write([]byte(`{"status":"Preparing"}` + "\n"))
		_ = out.Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	c, err := client.New(client.WithHost("tcp://"+strings.TrimPrefix(server.URL, "http://")), client.WithAPIVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{c, 300 * time.Millisecond}
	var silent *SilentError
	if _, err := e.Push(t.Context(), "registry.test/silent:1", ""); !errors.As(err, &silent) {
		t.Errorf("pushing: %v", err)
	}
	if err := e.Pull(t.Context(), "registry.test/silent:1", "linux/amd64", ""); !errors.As(err, &silent) || !strings.Contains(err.Error(), "told nothing for 300ms") {
		t.Errorf("pulling: %v", err)
	}
	if digest, err := e.Push(t.Context(), "registry.test/slow:1", ""); err != nil || digest != "sha256:1" {
		t.Errorf("%s, %v", digest, err)
	}
}
