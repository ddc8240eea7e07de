package awssim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// materialKind holds the secret of a simulated key, sealed, apart from the key itself, whose properties the engine gets to see.
const materialKind = "hubwright:kms/material"

// kmsRequest is what the operations are asked, as far as it is looked at.
type kmsRequest struct {
	KeyID             string `json:"KeyId"`
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
	KeySpec           string
	NumberOfBytes     int
}

// kmsAnswer does what programs need that encrypt with keys or look after them:
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
func kmsAnswer(tx *world.Tx, c *apiCall) (*reply, error) {
	operation := jsonOperation(c)
	if manage, ok := kmsOperations[operation]; ok {
		var in map[string]any
		if err := c.read(&in); err != nil {
			return nil, err
		}
		out, err := manage(tx, c, in)
		if err != nil {
			return nil, err
		}
		return jsonReply(out)
	}
	var req kmsRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	out, err := kmsCrypt(tx, c, operation, &req)
	if err != nil {
		return nil, err
	}
	return jsonReply(out)
}

// kmsCrypt encrypts and decrypts.
func kmsCrypt(tx *world.Tx, c *apiCall, operation string, req *kmsRequest) (map[string]any, error) {
	// The context is authenticated whatever the order of its entries: encoding/json sorts them.
	context, err := json.Marshal(req.EncryptionContext)
	if err != nil {
		return nil, err
	}
	ref := req.KeyID
	if operation == "Decrypt" {
		id, _, ok := strings.Cut(string(req.CiphertextBlob), "\x00")
		if !ok {
			return nil, apiError("InvalidCiphertextException", "")
		}
		if asked := findKey(tx, ref); ref != "" && asked != nil && asked.ID != id {
			return nil, apiError("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
		ref = id
	}
	key, err := c.usableKey(tx, ref)
	if err != nil {
		return nil, err
	}
	return kmsDo(c.w, tx, key, operation, req, context)
}

func kmsDo(w *world.World, tx *world.Tx, key *world.Object, operation string, req *kmsRequest, context []byte) (map[string]any, error) {
	arn := key.String("arn")
	box, err := material(w, tx, key)
	if err != nil {
		return nil, err
	}
	switch operation {
	case "Encrypt", "GenerateDataKey":
		plain := req.Plaintext
		if operation == "GenerateDataKey" {
			n := req.NumberOfBytes
			switch req.KeySpec {
			case "AES_256":
				n = 32
			case "AES_128":
				n = 16
			}
			plain = make([]byte, max(n, 1))
			_, _ = rand.Read(plain)
		} else if len(plain) == 0 || len(plain) > 4096 {
			return nil, apiError("ValidationException", "Value at 'plaintext' failed to satisfy constraint: 1 to 4096 bytes")
		}
		nonce := make([]byte, box.NonceSize())
		_, _ = rand.Read(nonce)
		blob := append([]byte(key.ID+"\x00"), box.Seal(nonce, nonce, plain, context)...)
		out := map[string]any{"CiphertextBlob": blob, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
		if operation == "GenerateDataKey" {
			out["Plaintext"] = plain
		}
		return out, nil
	case "Decrypt":
		sealed := req.CiphertextBlob[len(key.ID)+1:]
		if len(sealed) < box.NonceSize() {
			return nil, apiError("InvalidCiphertextException", "")
		}
		plain, err := box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], context)
		if err != nil {
			return nil, apiError("InvalidCiphertextException", "")
		}
		return map[string]any{"Plaintext": plain, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, nil
	}
	return nil, notSimulated(operation)
}

// material is a key's secret as a cipher; it is made when it is first used.
func material(w *world.World, tx *world.Tx, key *world.Object) (cipher.AEAD, error) {
	o := tx.Get(materialKind, key.ID)
	if o == nil {
		o = &world.Object{Kind: materialKind, ID: key.ID, Props: map[string]any{"sealed": w.Seal(world.Hex(64))}, Created: tx.Now(), Ready: tx.Now()}
		if err := tx.Put(o); err != nil {
			return nil, err
		}
	}
	text, err := w.Unseal(o.String("sealed"))
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("the simulated key is damaged")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
