package stacks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// SecretText is the text of a file of secrets, encrypted as it should be.
type SecretText struct {
	// File is the file's path, as the configuration and messages have it.
	File string
	Data []byte
}

// ReadSecrets reads a hub's files of secrets, low to high, without opening them. One that may be absent, and is, is left out.
func ReadSecrets(dir string, hub *config.Hub) ([]SecretText, error) {
	var texts []SecretText
	for _, file := range hub.SecretFiles {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file.File)))
		if errors.Is(err, fs.ErrNotExist) && file.Optional {
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, SecretText{file.File, data})
	}
	return texts, nil
}

// OpenSecrets opens files of secrets, as layers of values that are in memory only. The error is config.Problems when one is in plaintext; beside it are
// the layers of the others.
func OpenSecrets(ctx context.Context, texts []SecretText, keys secretfile.Keys) ([]values.Layer, error) {
	var layers []values.Layer
	var problems config.Problems
	for _, text := range texts {
		opened, err := keys.Open(ctx, text.File, text.Data)
		if errors.Is(err, secretfile.ErrPlaintext) {
			problems = append(problems, config.Problem{
				File: text.File, Message: secretfile.ErrPlaintext.Error(), Hint: "`hubwright secrets init` encrypts it; what it holds is known to whoever could read it until then",
			})
			continue
		}
		if err != nil {
			return nil, err
		}
		plain, err := opened.Plain()
		if err != nil {
			return nil, err
		}
		layers = append(layers, values.Layer{Name: "secrets", File: text.File, Data: plain, Places: text.Data, Secret: true})
	}
	return layers, problems.Err()
}
