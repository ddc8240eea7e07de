package verify

import "context"

func (r *run) spawn(_ context.Context, c *Check) { c.skip("not yet") }
