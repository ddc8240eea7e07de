package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) destroy() *cli.Command {
	return verb("destroy", "everything but what holds data", "ENV", []cli.Flag{
		&cli.BoolFlag{Name: "with-data", Usage: "also what holds data: homes, keys, secrets, images. It cannot be brought back"},
		&cli.StringFlag{Name: "confirm", Usage: "the environment's `NAME`, in place of typing it when --with-data asks"},
	}, func(c *cli.Context, g globals) error {
		env, err := environment(c)
		if err != nil {
			return err
		}
		s, err := a.open(c.Context, g, env)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		res, err := s.destroy(c.Context, c.Bool("with-data"), c.String("confirm"))
		if err != nil {
			return err
		}
		if g.output == "json" {
			return a.printJSON(res.Change)
		}
		return nil
	})
}

func (s *session) destroy(ctx context.Context, withData bool, confirmed string) (*driver.Result, error) {
	st, err := s.State(ctx, s.env)
	if err != nil {
		return nil, err
	}
	if err := s.Settled(ctx, s.env, st); err != nil {
		return nil, err
	}
	if len(st.Resources) > 0 {
		if err := s.CheckAccount(ctx, s.env, s.stack.Region()); err != nil {
			return nil, err
		}
	}
	if err := s.notShared(ctx, withData); err != nil {
		return nil, err
	}
	data := holdingData(st)
	if len(st.Resources) > 0 {
		if err := s.confirmDestroy(data, withData, confirmed); err != nil {
			return nil, err
		}
	}
	release := func(r driver.Resource) bool {
		kept := r.Protected || r.Retained
		return withData && kept || inCluster(r) || !kept && r.Type == driver.Repository
	}
	if err := s.Release(ctx, s.env, release); err != nil {
		return nil, err
	}
	began := s.virtualNow()
	res, err := s.showing(func() (*driver.Result, error) { return s.Destroy(ctx, s.env, false) })
	if err != nil {
		return nil, err
	}
	if len(st.Resources) == 0 {
		s.app.Say("%s: nothing is deployed there", s.env)
		return res, nil
	}
	s.app.Say("%s %d deleted in %s%s", s.app.Paint(term.Green, "done:"), res.Change.Summary.Delete, res.Took.Round(100*time.Millisecond), s.virtualTook(began))
	if !withData {
		s.sayKept(data)
	}
	s.sandboxNote()
	return res, nil
}

func (s *session) confirmDestroy(data []driver.Resource, withData bool, confirmed string) error {
	if !withData {
		if s.globals.yes {
			return nil
		}
		return s.confirmByName(fmt.Sprintf("This deletes %s; %d resources that hold data are kept.", s.env, len(data)))
	}
	// Data is lost for good: --yes alone is not enough.
	why := fmt.Sprintf("This deletes %s AND its data: %s.", s.env, strings.Join(names(data), ", "))
	switch {
	case confirmed == s.env:
		return nil
	case confirmed != "":
		return stopped("", "--confirm %s is not the environment's name; nothing was changed", confirmed)
	case s.globals.yes:
		return stopped(fmt.Sprintf("add --confirm %s", s.env), "%s --yes is not enough for data; nothing was changed", why)
	}
	return s.confirmByName(why)
}

// inCluster says whether a protected resource is an object in the cluster. Their protection keeps an update from stranding homes. A destroy takes
// the cluster away, and they hold nothing by themselves: what they lead to is a file system, which stays.
func inCluster(r driver.Resource) bool {
	return (r.Protected || r.Retained) && strings.HasPrefix(r.Type, "kubernetes:")
}

// holdingData returns the resources that a plain destroy keeps because they hold data.
func holdingData(st *driver.State) []driver.Resource {
	var out []driver.Resource
	for _, r := range st.Resources {
		if r.Custom && (r.Protected || r.Retained) && !inCluster(r) {
			out = append(out, r)
		}
	}
	return out
}

func (s *session) sayKept(data []driver.Resource) {
	if len(data) == 0 {
		return
	}
	s.app.Say("kept, because they hold data:")
	for _, r := range data {
		s.app.Say("  %s  %s  %s", r.Name, change.ShortType(r.Type), r.ID)
	}
	s.app.Say("`hubwright up %s` builds on them again; `hubwright destroy %s --with-data` deletes them too", s.env, s.env)
}

func names(rs []driver.Resource) []string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Name)
	}
	return out
}
