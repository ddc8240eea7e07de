// Package enginetest gives tests the real Pulumi engine, found or built as the program itself does it.
package enginetest

import (
	"context"
	"sync"
	"testing"

	"github.com/hubwright/hubwright/internal/driver"
)

var locate = sync.OnceValues(func() (driver.Engine, error) {
	return driver.Locator{}.Locate(context.Background())
})

// Engine returns the engine; a test that cannot have it fails, since the engine is part of what is tested.
func Engine(t testing.TB) driver.Engine {
	t.Helper()
	e, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	return e
}
