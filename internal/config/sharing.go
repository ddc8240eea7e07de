package config

import (
	"errors"
	"slices"
)

// Sharing returns the environments that run on this one's cluster (cluster.from).
func (s *Stack) Sharing() ([]*Stack, error) {
	others, err := s.Others()
	return slices.DeleteFunc(others, func(o *Stack) bool { return o.Cluster.From != s.Environment }), err
}

// Others returns the other environments of the deployment. One that cannot be read is left out: it has to be mended before it is deployed.
func (s *Stack) Others() ([]*Stack, error) {
	envs, err := Environments(s.Dir)
	if err != nil {
		return nil, err
	}
	var out []*Stack
	for _, env := range envs {
		if env == s.Environment {
			continue
		}
		other, err := Load(s.Dir, env, nil, Options{Sandbox: s.sandbox})
		var problems Problems
		if errors.As(err, &problems) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, other)
	}
	return out, nil
}
