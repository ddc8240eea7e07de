package provider

import (
	"encoding/json"
	"fmt"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func encodeSecret(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing a secret: %w", err)
	}
	return string(data), nil
}

func openSecret(w *world.World, sealed string) (any, error) {
	text, err := w.Unseal(sealed)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("a sealed value of the sandbox is damaged")
	}
	return v, nil
}

// Open returns stored properties with their secrets in plaintext, for use in memory only.
func Open(w *world.World, props map[string]any) (map[string]any, error) {
	m, err := Restore(w, props)
	if err != nil {
		return nil, err
	}
	return Plain(m), nil
}
