package recorder

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// Awaited is an output once it has settled.
type Awaited struct {
	Value         any
	Known, Secret bool
}

// Await waits for an output and returns what it became. It is to be called within the program, once the resources that the output
// comes from are registered.
func Await(o pulumi.Output) (Awaited, error) {
	res, err := internals.UnsafeAwaitOutput(context.Background(), o)
	if err != nil {
		return Awaited{}, fmt.Errorf("awaiting an output: %w", err)
	}
	return Awaited{Value: res.Value, Known: res.Known, Secret: res.Secret}, nil
}

// Values waits for outputs and returns their values, nil for those that are unknown.
func Values(outputs ...pulumi.Output) ([]any, error) {
	var values []any
	for _, o := range outputs {
		got, err := Await(o)
		if err != nil {
			return nil, err
		}
		if !got.Known {
			got.Value = nil
		}
		values = append(values, got.Value)
	}
	return values, nil
}
