package world

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sealer encrypts what is secret before it is written: the world's journal is a file like any other, and no file holds a secret in plaintext.
type sealer struct{ aead cipher.AEAD }

// openSealer reads the world's key, making one at first. The key's file is readable by its owner alone.
func openSealer(path string) (sealer, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), journalName)); err == nil && info.Size() > 0 {
			return sealer{}, &DamagedError{File: path, Reason: "is gone, and with it what the secrets in the world are encrypted with"}
		}
		key, err = makeKey(path)
	}
	if err != nil {
		return sealer{}, fmt.Errorf("reading the sandbox's key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, &DamagedError{File: path, Reason: "is no key: " + err.Error()}
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, err
	}
	return sealer{aead}, nil
}

// makeKey writes a new key under another name and links it into place, so that of two processes starting at once both use the same.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	tmp, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(key)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// Seal encrypts a text for keeping in an object's properties.
func (w *World) Seal(plain string) string {
	nonce := make([]byte, w.seal.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(w.seal.aead.Seal(nonce, nonce, []byte(plain), nil))
}

// Unseal is the reverse of Seal.
func (w *World) Unseal(sealed string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("a sealed value of the sandbox is damaged: %w", err)
	}
	n := w.seal.aead.NonceSize()
	if len(data) < n {
		return "", errors.New("a sealed value of the sandbox is too short")
	}
	plain, err := w.seal.aead.Open(nil, data[:n], data[n:], nil)
	if err != nil {
		return "", errors.New("a sealed value of the sandbox was made with another key")
	}
	return string(plain), nil
}
