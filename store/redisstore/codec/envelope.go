package codec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	// schema is the version of the stored form that this package writes. A new
	// one is due when what is written could be misread by those who know the
	// last.
	schema = 1

	headBytes  = 2       // schema, compression
	plainBelow = 1 << 10 // payloads shorter than this are stored as they are
	maxPayload = 64 << 20
	hashDigits = 32

	plain      = 'j'
	compressed = 'z'
)

// ErrCorrupt is what errors.Is finds in the error for bytes that are not what
// this package wrote: cut, altered or from somewhere else.
var ErrCorrupt = errors.New("it is damaged")

// FutureError says that bytes were written by a later version of Apgar, in a
// stored form that this one does not know.
type FutureError struct {
	Version int // of the stored form
}

// Error implements error.
func (e *FutureError) Error() string {
	return fmt.Sprintf("it was written by a later version of Apgar (schema %d, this one knows %d): upgrade this one", e.Version, schema)
}

// Object is a sealed payload: what is stored. It is immutable.
type Object struct {
	Hash string // of Data: the first 32 hex digits of its SHA-256
	Data []byte
}

// Codec seals and opens objects. It is safe for concurrent use; compression
// takes one caller at a time, and so does decompression.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// New returns a codec. It holds a few megabytes and nothing that needs closing.
func New() (*Codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("preparing zstd to compress: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload))
	if err != nil {
		return nil, fmt.Errorf("preparing zstd to decompress: %w", err)
	}
	return &Codec{encoder: encoder, decoder: decoder}, nil
}

// Seal turns a payload of at most 64 MiB into an object. The same payload gives
// the same object. The payload is not kept.
func (c *Codec) Seal(payload []byte) (Object, error) {
	if len(payload) > maxPayload {
		return Object{}, fmt.Errorf("seal a payload of %d bytes: at most %d are allowed, or nobody could open it", len(payload), maxPayload)
	}
	if len(payload) < plainBelow {
		return seal(append([]byte{schema, plain}, payload...)), nil
	}
	head := append(make([]byte, 0, headBytes+len(payload)/4), schema, compressed)
	return seal(c.encoder.EncodeAll(payload, head)), nil
}

func seal(data []byte) Object { return Object{Hash: hashOf(data), Data: data} }

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:hashDigits/2])
}

// Open returns the payload of an object, which may share data's memory. hash is
// what Seal gave, or "" where it is not known. Of the errors, a *FutureError is
// found by errors.As and ErrCorrupt by errors.Is.
func (c *Codec) Open(hash string, data []byte) ([]byte, error) {
	if hash != "" && hashOf(data) != hash {
		return nil, fmt.Errorf("open the stored object %s: its hash is %s: %w", hash, hashOf(data), ErrCorrupt)
	}
	payload, err := c.open(data)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", nameOf(hash), err)
	}
	return payload, nil
}

func nameOf(hash string) string {
	if hash == "" {
		return "a stored object"
	}
	return "the stored object " + hash
}

func (c *Codec) open(data []byte) ([]byte, error) {
	switch {
	case len(data) < headBytes:
		return nil, fmt.Errorf("it has %d bytes and no head: %w", len(data), ErrCorrupt)
	case data[0] > schema:
		return nil, &FutureError{Version: int(data[0])}
	case data[0] != schema:
		return nil, fmt.Errorf("its schema is %d: %w", data[0], ErrCorrupt)
	}
	body := data[headBytes:]
	switch data[1] {
	case plain:
		if len(body) > maxPayload {
			return nil, fmt.Errorf("it has %d bytes, more than are allowed: %w", len(body), ErrCorrupt)
		}
		return body, nil
	case compressed:
		if len(body) == 0 {
			return nil, fmt.Errorf("nothing follows its head: %w", ErrCorrupt)
		}
		payload, err := c.decoder.DecodeAll(body, nil)
		if err != nil {
			return nil, fmt.Errorf("decompressing it: %w: %w", err, ErrCorrupt)
		}
		return payload, nil
	}
	return nil, fmt.Errorf("its compression is %q, which there is not: %w", data[1], ErrCorrupt)
}
