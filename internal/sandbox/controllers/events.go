package controllers

import (
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	// eventsLive is how long the API server keeps an event, by default: --event-ttl of kube-apiserver.
	eventsLive = time.Hour
	// eventsRepeat is how often the same event is counted again.
	eventsRepeat = 5 * time.Minute
)

// event notes a warning about a pod or a claim, as whoever works on it does. The same warning is counted.
func (s *settling) event(about *world.Object, reason, message, by string) error {
	if reason == "" {
		return nil
	}
	id := name(about) + "." + short(reason+message, 16)
	at := s.now.UTC().Format(time.RFC3339)
	if o := s.get("v1", "Event", id); o != nil {
		if s.now.Sub(o.Ready) < eventsRepeat {
			return nil
		}
		_, err := s.save(o, s.now, func(obj kubeapi.Object) {
			obj["count"], obj["lastTimestamp"] = float64(kubeapi.Number(obj, 0, "count")+1), at
		})
		return err
	}
	return s.tx.Put(&world.Object{
		Kind: kubeapi.WorldKind("v1", "Event"), ID: s.cluster + "/" + s.namespace + "/" + id, Created: s.now, Ready: s.now,
		Props: kubeapi.Object{
			"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": id, "namespace": s.namespace, "creationTimestamp": at},
			"involvedObject": map[string]any{
				"apiVersion": about.Props["apiVersion"], "kind": about.Props["kind"], "namespace": s.namespace, "name": name(about),
				"uid": kubeapi.Text(about.Props, "metadata", "uid"),
			},
			"type": "Warning", "reason": reason, "message": message, "source": map[string]any{"component": by},
			"count": float64(1), "firstTimestamp": at, "lastTimestamp": at,
		},
	})
}

// forget takes away events that the API server no longer keeps.
func (s *settling) forget() error {
	for _, o := range s.list("v1", "Event") {
		if s.now.Sub(o.Ready) > eventsLive {
			if err := s.tx.Delete(o.Kind, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
