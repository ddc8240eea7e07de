package dockerd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// mostLog is the most that is read of a container's output, in bytes; the daemon gives its last lines.
const mostLog = 1 << 20

// Run runs a command in a container of an image that the daemon has, with the image's own entrypoint, and gives the exit code and the end of what it
// wrote. The container is removed at the end, and when ctx is done.
func (e *Engine) Run(ctx context.Context, image string, command []string) (code int, output string, err error) {
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Cmd: command, Tty: true}, // with a terminal the output is one stream
	})
	if err != nil {
		return 0, "", failure(ctx, err)
	}
	defer func() {
		late, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer done()
		_, removeErr := e.client.ContainerRemove(late, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if removeErr != nil && err == nil {
			err = fmt.Errorf("removing the container: %w", removeErr)
		}
	}()
	ended := e.client.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return 0, "", failure(ctx, err)
	}
	select {
	case <-ctx.Done():
		return 0, "", context.Cause(ctx)
	case err := <-ended.Error:
		return 0, "", failure(ctx, err)
	case end := <-ended.Result:
		if end.Error != nil {
			return 0, "", errors.New(end.Error.Message)
		}
		code = int(end.StatusCode)
	}
	log, err := e.client.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "200"})
	if err != nil {
		return code, "", failure(ctx, err)
	}
	defer func() { _ = log.Close() }()
	text, err := io.ReadAll(io.LimitReader(log, mostLog))
	return code, string(text), failure(ctx, err)
}
