package simtest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const token = "toy:index/box:Box"

// toy is a provider with one kind, to see that a client gets what a provider says.
func toy(w *world.World) *provider.Provider {
	return &provider.Provider{
		Package: "toy", Version: "1.0.0", World: w,
		Configure: nil,
		Kinds: map[string]*provider.Kind{token: {
			Name: "label", ForceNew: []string{"label"},
			Check: func(in map[string]any) []string {
				if in["label"] == "" {
					return []string{"label: must not be empty"}
				}
				in["size"] = 1.0
				return nil
			},
			Create: func(_ *world.Tx, c *provider.Call) (string, map[string]any, error) {
				return "box-" + c.Name, map[string]any{"made": true}, nil
			},
			Finish: func(_ *world.Tx, c *provider.Call, _ *world.Object) (map[string]any, error) {
				if c.In["label"] == "broken" {
					return nil, errors.New("it does not close")
				}
				return nil, nil
			},
			Takes: func(string, map[string]any) time.Duration { return time.Hour },
		}},
		Functions: map[string]provider.Function{"toy:index/echo:echo": func(_ *world.Tx, s *provider.Session, args map[string]any) (map[string]any, error) {
			return map[string]any{"said": args["say"], "configured": s.Config["mood"]}, nil
		}},
	}
}

func TestLife(t *testing.T) {
	w := simtest.World(t)
	c := simtest.Client(t, toy(w))
	start := w.Clock.Now()
	r := c.Must(token, "a", simtest.Map{"label": "x", "key": simtest.Secret("hush")})
	if diff := cmp.Diff(simtest.Map{"label": "x", "key": "hush", "size": 1.0, "made": true}, r.Out); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if !r.Props["key"].IsSecret() {
		t.Error("a secret input came back in plaintext")
	}
	if took := w.Clock.Now().Sub(start); took < time.Hour {
		t.Errorf("creation took %s of virtual time, want an hour", took)
	}
	d := r.Diff(simtest.Map{"label": "y", "key": "hush", "size": 1})
	if diff := cmp.Diff(map[string]string{"label": "update (replace)"}, d.Changed); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if err := r.Update(simtest.Map{"label": "z"}); err != nil {
		t.Fatal(err)
	}
	if exists, err := r.Read(); !exists || err != nil || r.Out["label"] != "z" {
		t.Errorf("read after the update: exists %v, error %v, %v", exists, err, r.Out)
	}
	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
	if exists, err := r.Read(); exists || err != nil {
		t.Errorf("read after the deletion: exists %v, error %v", exists, err)
	}
}

func TestProblems(t *testing.T) {
	c := simtest.Client(t, toy(simtest.World(t)))
	var check *simtest.CheckError
	if _, err := c.Create(token, "a", simtest.Map{"label": ""}); !errors.As(err, &check) {
		t.Errorf("an empty label: error %v, want a CheckError", err)
	}
	r, err := c.Create(token, "a", simtest.Map{"label": "broken"})
	if !simtest.InitFailed(err) || r == nil || r.ID != "box-a" {
		t.Errorf("a box that does not close: resource %v, error %v, want both", r, err)
	}
	if _, err := c.Create("toy:index/nothing:Nothing", "a", nil); err == nil || !strings.Contains(err.Error(), "does not simulate") {
		t.Errorf("an unknown type: error %v", err)
	}
}

func TestInstances(t *testing.T) {
	c := simtest.Client(t, toy(simtest.World(t)))
	other := c.Another()
	if err := errors.Join(c.Configure(simtest.Map{"mood": "merry"}), other.Configure(simtest.Map{"mood": "grim"})); err != nil {
		t.Fatal(err)
	}
	for want, conn := range map[string]*simtest.Conn{"merry": c, "grim": other} {
		got, err := conn.Invoke("toy:index/echo:echo", simtest.Map{"say": "hello"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(simtest.Map{"said": "hello", "configured": want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
