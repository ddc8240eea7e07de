package provider_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// TestComputed: what the service fills in below an input is kept by updates and is no difference after a refresh.
func TestComputed(t *testing.T) {
	const token = "toy:index/box:Box"
	w := simtest.World(t)
	c := simtest.Client(t, &provider.Provider{
		Package: "toy", Version: "1.0.0", World: w,
		Kinds: map[string]*provider.Kind{token: {
			Computed: []string{"net.id", "net.public"},
			Create: func(_ *world.Tx, c *provider.Call) (string, map[string]any, error) {
				net, _ := c.In["net"].(map[string]any)
				return "1", map[string]any{"net": map[string]any{"id": "n-1", "public": true, "zone": net["zone"]}}, nil
			},
		}},
	})
	in := func(zone string) simtest.Map { return simtest.Map{"net": simtest.Map{"zone": zone}} }
	r := c.Must(token, "a", in("x"))
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if d := r.Diff(in("x")); len(d.Changed) > 0 {
		t.Errorf("differences after a refresh: %v", d.Changed)
	}
	if err := r.Update(in("y")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(simtest.Map{"net": simtest.Map{"id": "n-1", "public": true, "zone": "y"}}, r.Out); diff != "" {
		t.Errorf("after an update (-want +got):\n%s", diff)
	}
	if err := r.Update(simtest.Map{"net": simtest.Map{"zone": "y", "public": false}}); err != nil {
		t.Fatal(err)
	}
	if net, _ := r.Out["net"].(simtest.Map); net["public"] != false {
		t.Errorf("what was asked for was not taken: %v", r.Out)
	}
}
