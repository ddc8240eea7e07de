package awssim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// materialKind holds the secret of a simulated key, sealed, apart from the key itself, whose properties the engine gets to see.
const materialKind = "hubwright:kms/material"

// KMS speaks the protocol of the Key Management Service over the keys of a world, as far as programs that encrypt with keys need it: Encrypt, Decrypt,
// GenerateDataKey and DescribeKey. Signatures are not looked at, since whose credentials these are is a setting of the world.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
func KMS(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil {
			var answer map[string]any
			if answer, err = kmsAnswer(w, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService."), body); err == nil {
				reply(rw, http.StatusOK, answer)
				return
			}
		}
		code, message, ok := strings.Cut(err.Error(), ": ")
		if !ok || strings.Contains(code, " ") {
			code, message = "KMSInternalException", err.Error()
		}
		rw.Header().Set("X-Amzn-Errortype", code)
		reply(rw, http.StatusBadRequest, map[string]any{"__type": code, "message": message})
	})
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v) // nobody to tell when the caller is gone
}

// kmsRequest is what the operations are asked, as far as it is looked at.
type kmsRequest struct {
	KeyID             string `json:"KeyId"`
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
	KeySpec           string
	NumberOfBytes     int
}

func kmsAnswer(w *world.World, operation string, body []byte) (map[string]any, error) {
	var req kmsRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, apiError("SerializationException", "%v", err)
	}
	// The context is authenticated whatever the order of its entries: encoding/json sorts them.
	context, err := json.Marshal(req.EncryptionContext)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	err = w.Update(func(tx *world.Tx) error {
		ref := req.KeyID
		if operation == "Decrypt" {
			id, _, ok := strings.Cut(string(req.CiphertextBlob), "\x00")
			if !ok {
				return apiError("InvalidCiphertextException", "")
			}
			if asked := findKey(tx, ref); ref != "" && asked != nil && asked.ID != id {
				return apiError("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
			}
			ref = id
		}
		key, err := keyFor(tx, ref)
		if err != nil {
			return err
		}
		answer, err = kmsDo(w, tx, key, operation, &req, context)
		return err
	})
	return answer, err
}

// keyFor finds a key that is fit for use.
func keyFor(tx *world.Tx, ref string) (*world.Object, error) {
	if key := findKey(tx, ref); key != nil {
		if enabled, ok := key.Props["isEnabled"].(bool); ok && !enabled {
			return nil, apiError("DisabledException", "%s is disabled.", key.String("arn"))
		}
		return key, nil
	}
	if key := tx.Get(scheduledKey, keyID(ref)); key != nil && pending(tx, key) {
		return nil, apiError("KMSInvalidStateException", "%s is pending deletion.", key.String("arn"))
	}
	return nil, apiError("NotFoundException", "Key '%s' does not exist", ref)
}

func kmsDo(w *world.World, tx *world.Tx, key *world.Object, operation string, req *kmsRequest, context []byte) (map[string]any, error) {
	arn := key.String("arn")
	if operation == "DescribeKey" {
		return map[string]any{"KeyMetadata": map[string]any{
			"KeyId": key.ID, "Arn": arn, "Enabled": true, "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
		}}, nil
	}
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
	return nil, apiError("UnknownOperationException", "%s is not simulated", operation)
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
