package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// daemon stands in for a Docker daemon in trouble: it answers as one does (https://docs.docker.com/reference/api/engine/version/v1.47/), and builds and
// pushes nothing.
type daemon struct {
	*httptest.Server
	build, push func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	ended []string // what was cancelled, or whose caller went away
}

// built is what a daemon tells of a build that went well.
const built = `{"id":"moby.image.id","aux":{"ID":"sha256:1"}}` + "\n"

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{build: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, built) }}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		at := r.URL.Path
		if strings.HasPrefix(at, "/v1.") {
			_, at, _ = strings.Cut(at[1:], "/")
		}
		switch {
		case strings.HasSuffix(at, "_ping"):
		case at == "build":
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
			d.build(w, r)
		case at == "build/cancel":
			d.end("build")
		case strings.HasPrefix(at, "images/") && strings.HasSuffix(at, "/push"):
			w.WriteHeader(http.StatusOK)
			d.push(w, r)
		default:
			http.Error(w, at, http.StatusNotImplemented)
		}
	}))
	t.Cleanup(d.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+strings.TrimPrefix(d.URL, "http://"))
	return d
}

func (d *daemon) end(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = append(d.ended, what)
}

// says answers with messages of the API, and gone ends the connection after them.
func says(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text+"\n") }
}

func gone(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"status":"Preparing"}`+"\n")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// pushFails is what a daemon says of a push that a registry has ended, after the tries of its own
// (https://github.com/moby/moby/blob/v20.10.24/distribution/xfer/upload.go).
func pushFails(why string) string {
	return `{"status":"Retrying in 1 second"}` + "\n" + fmt.Sprintf(`{"errorDetail":{"message":%q},"error":%q}`, why, why)
}

// emptyRegistry is one that has nothing, and takes nothing but by way of a daemon.
func emptyRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// What goes wrong in a build or a push is a sentence and a hint, and the exit code of a failure.
func TestImagesBuildInTrouble(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	dir, host := withImages(t), emptyRegistry(t)
	for _, test := range []struct {
		name        string
		build, push func(http.ResponseWriter, *http.Request)
		want, hint  string
	}{
		{"the daemon goes away in mid-build", gone, nil, "image base: building it failed: the Docker daemon has gone: ", "start it, and run the same command again"},
		{
			"its disk is full", says(`{"errorDetail":{"message":"failed to copy: write /var/lib/docker/tmp/x: no space left on device"},"error":"x"}`), nil,
			"image base: building it failed: failed to copy: write /var/lib/docker/tmp/x: no space left on device", "`docker builder prune`",
		},
		{"it ends without an image", says(`{"stream":"x"}`), nil, "image base: building it failed: the daemon ended the build without an image", "mend images/base/Dockerfile"},
		{"401", nil, says(pushFails("unauthorized: authentication required")), "unauthorized: authentication required", "`docker login`"},
		{"429", nil, says(pushFails("toomanyrequests: Rate exceeded")), "toomanyrequests: Rate exceeded", "fewer requests: wait"},
		{"500", nil, says(pushFails("received unexpected HTTP status: 500 Internal Server Error")), "500 Internal Server Error", "run the same command again: what was built and pushed stays"},
		{"a push that is cut off", nil, says(pushFails("write tcp 10.0.0.1: connection reset by peer")), "connection reset by peer", "run the same command again"},
		{"no repository", nil, says(pushFails("name unknown: The repository with name 'base' does not exist")), "name unknown", "`hubwright up staging` makes the repository"},
		{"the daemon goes away in a push", nil, gone, "the Docker daemon has gone: ", "start it, and run the same command again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDaemon(t)
			if test.build != nil {
				d.build = test.build
			}
			d.push = test.push
			code, out, errs := do(t, dir, "images build --env staging --push --registry "+host+" base")
			_, told, _ := strings.Cut(errs, "error: ")
			sentence, hint, _ := strings.Cut(told, "hint: ")
			if code != exitFailed || out != "" || !strings.Contains(sentence, test.want) || !strings.Contains(hint, test.hint) {
				t.Errorf("exit %d, %s%s", code, out, errs)
			}
			if strings.Count(sentence, "image base") != 1 || strings.Count(strings.TrimSpace(sentence), "\n") > 0 {
				t.Errorf("it is no sentence that names the image once: %s", sentence)
			}
		})
	}
}

// A Ctrl-C ends a build and a push, here and in the daemon.
func TestImagesBuildInterrupted(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	dir, host := withImages(t), emptyRegistry(t)
	for _, part := range []string{"build", "push"} {
		t.Run(part, func(t *testing.T) {
			a, _, errs := testApp(t)
			d := newDaemon(t)
			left := make(chan struct{})
			waits := func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).Flush()
				a.signals.deliver(os.Interrupt)
				<-r.Context().Done()
				if part == "push" {
					d.end(part)
				}
				close(left)
			}
			if d.push = waits; part == "build" {
				d.build, d.push = waits, nil
			}
			begun := time.Now()
			code := a.run(context.Background(), []string{"hubwright", "-C", dir, "images", "build", "--env", "staging", "--push", "--registry", host, "base"})
			if code != exitInterrupted || !strings.Contains(errs.String(), "error: interrupted; no tag was moved") || time.Since(begun) > 10*time.Second {
				t.Errorf("exit %d after %s, %s", code, time.Since(begun), errs)
			}
			select {
			case <-left:
			case <-time.After(10 * time.Second):
				t.Fatal("the daemon still works")
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			if len(d.ended) != 1 || d.ended[0] != part {
				t.Errorf("ended in the daemon: %q", d.ended)
			}
		})
	}
}
