package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/images"
)

// recordedResources returns what the state of an environment holds; nothing when it was never deployed.
func (s *session) recordedResources(ctx context.Context, env string) ([]driver.Resource, error) {
	st, err := s.State(ctx, env)
	var known *driver.Error
	if errors.As(err, &known) && known.Kind == driver.NoStack {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return st.Resources, nil
}

func hasType(resources []driver.Resource, prefix string) bool {
	return slices.ContainsFunc(resources, func(r driver.Resource) bool { return strings.HasPrefix(r.Type, prefix) })
}

// notShared refuses to take away a cluster on which the hubs of another environment run, and a file system that holds another's homes.
func (s *session) notShared(ctx context.Context, withData bool) error {
	sharing, err := s.stack.Sharing()
	if err != nil {
		return err
	}
	flag := ""
	if withData {
		flag = " --with-data"
	}
	for _, other := range sharing {
		there, err := s.recordedResources(ctx, other.Environment)
		if err != nil {
			return err
		}
		if withData && len(there) > 0 || hasType(there, "kubernetes:") {
			return stopped(fmt.Sprintf("first `hubwright destroy %s%s`", other.Environment, flag),
				"%s shares this cluster (cluster.from in Pulumi.%s.yaml), and what it still has there would be lost; nothing was changed", other.Environment, other.Environment)
		}
	}
	if withData {
		return s.imagesNotUsed(ctx)
	}
	return nil
}

// imagesNotUsed refuses to take away a registry whose images another environment runs, as one does that this one was promoted to.
func (s *session) imagesNotUsed(ctx context.Context) error {
	envs, err := environmentsOf(s.stack.Dir)
	if err != nil {
		return err
	}
	var runs, who []string
	for _, env := range envs {
		if env == s.env {
			continue
		}
		outputs, err := s.Outputs(ctx, env, false)
		var known *driver.Error
		if errors.As(err, &known) && known.Kind == driver.NoStack {
			continue
		}
		if err != nil {
			return err
		}
		var used []string
		for name, ref := range pinsOf(outputs).Images {
			repository, _, _ := images.SplitPin(ref)
			if strings.HasSuffix(repository, "/"+s.stack.Prefix()+"-"+name) {
				used = append(used, name)
			}
		}
		if len(used) == 0 {
			continue
		}
		slices.Sort(used)
		what := "image"
		if len(used) > 1 {
			what = "images"
		}
		runs, who = append(runs, fmt.Sprintf("%s runs the %s %s from the registry of %s", env, what, strings.Join(used, ", "), s.env)), append(who, env)
	}
	if len(runs) == 0 {
		return nil
	}
	return stopped(fmt.Sprintf("first promote something else to %s, or `hubwright destroy %s --with-data`", strings.Join(who, " and "), who[0]),
		"%s, which would be lost with its data; nothing was changed", strings.Join(runs, "; "))
}

// sharedCluster words the failure of an environment whose cluster is another's that is not there yet.
func (s *session) sharedCluster(ctx context.Context, failure error) error {
	from := s.stack.Cluster.From
	if from == "" {
		return failure
	}
	there, err := s.recordedResources(ctx, from)
	if err != nil || hasType(there, "aws:eks/cluster:") {
		return failure
	}
	return &driver.Error{
		Kind: driver.Failed, Message: fmt.Sprintf("%s runs on the cluster of %s (cluster.from), which is not deployed", s.env, from),
		Hint: fmt.Sprintf("first `hubwright up %s`", from),
	}
}
