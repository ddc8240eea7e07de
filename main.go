// Hubwright deploys JupyterHub on Amazon EKS as one typed Pulumi graph.
package main

import (
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/cli"
)

func main() {
	if cli.StartedByEngine(os.Args, os.Getenv) {
		pulumi.Run(cli.Program()) // exits by itself
		return
	}
	os.Exit(cli.Main(os.Args))
}
