package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// logLines is how many lines of a log are read to find the one that says why.
const logLines = 50

// diagnosis is what shows why pods are not ready: each pod's own state, then the event that tells of it, then the line that it said last. The pods that are
// told of are few, those of others are the same over again.
const mostPods = 3

// diagnose says of pods that are not ready what keeps them.
func (k *kube) diagnose(ctx context.Context, pods []corev1.Pod) []Evidence {
	var out []Evidence
	told := 0
	for i := range pods {
		p := &pods[i]
		if ready(p) || p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		if told++; told > mostPods {
			continue
		}
		out = append(out, Evidence{"pod", p.Name, podState(p)})
		if e := k.lastEvent(ctx, "Pod", p.Name); e != nil {
			out = append(out, Evidence{"event", p.Name, eventText(e)})
		}
		if line := k.lastLine(ctx, p); line != "" {
			out = append(out, Evidence{"log", p.Name, line})
		}
	}
	if told > mostPods {
		out = append(out, Evidence{"pod", "others", fmt.Sprintf("%d more are not ready", told-mostPods)})
	}
	return out
}

// lastEvent is the newest warning about an object; nil when there is none, or nothing to be had.
func (k *kube) lastEvent(ctx context.Context, kind, name string) *corev1.Event {
	events, err := k.events(ctx)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(events, func(e corev1.Event) bool {
		return e.Type == corev1.EventTypeWarning && e.InvolvedObject.Kind == kind && e.InvolvedObject.Name == name
	})
	if i < 0 {
		return nil
	}
	return &events[i]
}

func eventTime(e *corev1.Event) time.Time {
	switch {
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

func eventText(e *corev1.Event) string {
	text := e.Reason + ": " + oneLine(e.Message)
	if e.Count > 1 {
		text += fmt.Sprintf(" (%d times)", e.Count)
	}
	return text
}

// podState says in a line how a pod is, as `kubectl describe` would.
func podState(p *corev1.Pod) string {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			if text := containerState(&list[i]); text != "" {
				return text
			}
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return cmp.Or(c.Reason, "not scheduled") + ": " + oneLine(c.Message)
		}
	}
	if p.Status.Reason != "" {
		return strings.TrimSuffix(p.Status.Reason+": "+oneLine(p.Status.Message), ": ")
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse && c.Message != "" {
			return fmt.Sprintf("%s, not ready: %s", p.Status.Phase, oneLine(c.Message))
		}
	}
	return string(p.Status.Phase) + ", not ready"
}

// containerState says what is wrong with a container; "" when nothing is to be seen.
func containerState(c *corev1.ContainerStatus) string {
	text := ""
	switch w, t := c.State.Waiting, c.State.Terminated; {
	case w != nil && w.Reason != "PodInitializing":
		text = strings.TrimSuffix(fmt.Sprintf("container %s waits, %s: %s", c.Name, w.Reason, oneLine(w.Message)), ": ")
	case t != nil && t.ExitCode != 0:
		text = fmt.Sprintf("container %s has ended with exit code %d (%s)", c.Name, t.ExitCode, t.Reason)
	}
	if text != "" && c.RestartCount > 0 {
		text += fmt.Sprintf(", after %d restarts", c.RestartCount)
		if t := c.LastTerminationState.Terminated; t != nil {
			text += fmt.Sprintf("; it last ended with exit code %d (%s)", t.ExitCode, t.Reason)
		}
	}
	return text
}

// lastLine is the line of a pod's log that says most likely why it is not ready: of the container that has crashed, what it said before it did.
func (k *kube) lastLine(ctx context.Context, p *corev1.Pod) string {
	var named string
	previous := false
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			c := &list[i]
			started := c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
			done := c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
			if named == "" && started && !done && !c.Ready {
				named, previous = c.Name, c.State.Running == nil && c.State.Terminated == nil
			}
		}
	}
	if named == "" {
		return ""
	}
	lines := int64(logLines)
	data, err := k.core.Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: named, Previous: previous, TailLines: &lines}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return telling(string(data))
}

// signs are what a line has that says why a program has ended.
var signs = []string{"error", "exception", "fatal", "critical", "denied", "refused", "cannot ", "can't ", "failed", "no such"}

// telling is the last line of a log that says why, or else its last.
func telling(text string) string {
	last := ""
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if last == "" {
			last = line
		}
		low := strings.ToLower(line)
		if slices.ContainsFunc(signs, func(s string) bool { return strings.Contains(low, s) }) {
			return clip(line)
		}
	}
	return clip(last)
}

// oneLine has a text without line breaks, and not too long.
func oneLine(text string) string { return clip(strings.Join(strings.Fields(text), " ")) }

// longest is how much of a text is told, in bytes.
const longest = 500

func clip(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + " …"
}

// ready says whether a pod is.
func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
