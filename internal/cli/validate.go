package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
)

func (a *app) validate() *cli.Command {
	return verb("validate", "every problem of the configuration and the hubs' values, without the engine", "[ENV…]", nil, func(c *cli.Context, g globals) error {
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		envs := c.Args().Slice()
		if len(envs) == 0 {
			if envs, err = environmentsOf(root); err != nil {
				return err
			}
		}
		problems := config.Problems{}
		seen := map[config.Problem]bool{} // a problem of the shared defaults is every environment's
		for _, env := range envs {
			found, err := problemsOf(root, env, g)
			if err != nil {
				return err
			}
			for _, p := range found {
				if !seen[p] {
					seen[p] = true
					problems = append(problems, p)
				}
			}
		}
		if g.output == "json" {
			if err := a.printJSON(map[string]any{"schema": "hubwright/validation/v1", "environments": envs, "problems": problems}); err != nil {
				return err
			}
			if len(problems) > 0 {
				return &coded{err: errQuiet, code: exitUsage}
			}
			return nil
		}
		if len(problems) > 0 {
			return problems
		}
		for _, env := range envs {
			a.Print("%s %s", env, a.Paint(term.Green, "ok"))
		}
		return nil
	})
}

// problemsOf finds what is wrong with an environment's configuration, or, when that is right, with its hubs' values.
func problemsOf(root, env string, g globals) (found config.Problems, err error) {
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
	if err != nil {
		if errors.As(err, &found) {
			return found, nil
		}
		return nil, err
	}
	for i := range stack.Hubs {
		_, err := values.Compute(valuesOf(stack, &stack.Hubs[i]))
		var wrong config.Problems
		if errors.As(err, &wrong) {
			found = append(found, wrong...)
		} else if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// environmentsOf lists a deployment's environments; one without any is an error.
func environmentsOf(root string) ([]string, error) {
	envs, err := config.Environments(root)
	if err != nil {
		return nil, err
	}
	if len(envs) == 0 {
		return nil, usage("%s holds no Pulumi.<env>.yaml, so the deployment has no environment yet", root)
	}
	return envs, nil
}
