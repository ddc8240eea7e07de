package config

import "errors"

// Sharing returns the environments that run on this one's cluster (cluster.from). An environment that cannot be read is left out: it has to be mended before it is deployed.
func (s *Stack) Sharing() ([]*Stack, error) {
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
		if other.Cluster.From == s.Environment {
			out = append(out, other)
		}
	}
	return out, nil
}
