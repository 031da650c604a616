package codec

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newCodec(t testing.TB) *Codec {
	t.Helper()
	c, err := New()
	require.NoError(t, err)
	return c
}

func sealed(t testing.TB, c *Codec, payload []byte) Object {
	t.Helper()
	object, err := c.Seal(payload)
	require.NoError(t, err)
	return object
}

func TestWhatIsSealedOpens(t *testing.T) {
	c := newCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "unit")
		payload := bytes.Repeat(unit, rapid.IntRange(0, 50).Draw(t, "times"))
		object, err := c.Seal(payload)
		require.NoError(t, err)
		again, err := c.Seal(bytes.Clone(payload))
		require.NoError(t, err)
		require.Equal(t, object, again, "the same payload gives the same object")
		for _, hash := range []string{"", object.Hash} {
			opened, err := c.Open(hash, object.Data)
			require.NoError(t, err)
			require.True(t, bytes.Equal(payload, opened))
		}
	})
}

func TestObjectsDoNotDependOnWhatWasSealedBefore(t *testing.T) {
	payload := []byte(strings.Repeat(`{"check":"availability","value":0.9993}`, 500))
	other := []byte(strings.Repeat(`{"check":"latency","value":0.99}`, 90_000))
	fresh := sealed(t, newCodec(t), payload)
	c := newCodec(t)
	for range 20 {
		sealed(t, c, other)
		require.Equal(t, fresh, sealed(t, c, payload))
	}
}

func TestSmallPayloadsCanBeReadAsTheyAre(t *testing.T) {
	object := sealed(t, newCodec(t), []byte(`{"a":1}`))
	require.Equal(t, "\x01j"+`{"a":1}`, string(object.Data))
	require.Equal(t, "6c71a448321036b0f340537e83aa08d7", object.Hash)
}

func TestManyMaySealAndOpenAtOnce(t *testing.T) {
	c := newCodec(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			payload := bytes.Repeat([]byte{byte(i), 'x'}, 40_000)
			for range 20 {
				object, err := c.Seal(payload)
				if err != nil {
					t.Error(err)
					return
				}
				opened, err := c.Open(object.Hash, object.Data)
				if err != nil || !bytes.Equal(opened, payload) {
					t.Errorf("opened %d bytes: %v", len(opened), err)
				}
			}
		})
	}
	group.Wait()
}

func TestDamagedObjectsAreRefused(t *testing.T) {
	c := newCodec(t)
	whole := sealed(t, c, bytes.Repeat([]byte("scorecards "), 1000))
	for at := range whole.Data {
		flipped := bytes.Clone(whole.Data)
		flipped[at] ^= 0x10
		_, err := c.Open(whole.Hash, flipped)
		require.ErrorIs(t, err, ErrCorrupt)
		_, err = c.Open(whole.Hash, whole.Data[:at])
		require.ErrorIs(t, err, ErrCorrupt)
		_, err = c.Open("", whole.Data[:at])
		require.ErrorIs(t, err, ErrCorrupt, "cut at %d", at)
	}
	for name, data := range map[string]string{
		"nothing": "", "half a head": "\x01", "schema 0": "\x00j{}", "no such compression": "\x01q{}", "no zstd": "\x01z{}",
	} {
		_, err := c.Open("", []byte(data))
		require.ErrorIs(t, err, ErrCorrupt, name)
	}
}

func TestObjectsOfALaterVersionSaySo(t *testing.T) {
	_, err := newCodec(t).Open("", []byte("\x02j{}"))
	var future *FutureError
	require.ErrorAs(t, err, &future)
	require.Equal(t, 2, future.Version)
	require.NotErrorIs(t, err, ErrCorrupt)
	require.EqualError(t, err,
		"open a stored object: it was written by a later version of Apgar (schema 2, this one knows 1): upgrade this one")
}

func TestBombsDoNotGoOff(t *testing.T) {
	c := newCodec(t)
	big := make([]byte, maxPayload+1)
	_, err := c.Seal(big)
	require.ErrorContains(t, err, "at most 67108864 are allowed")

	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	oneFrame := encoder.EncodeAll(big, []byte{schema, compressed})
	require.Less(t, len(oneFrame), 10_000)
	_, err = c.Open("", oneFrame)
	require.ErrorIs(t, err, ErrCorrupt)

	manyFrames := []byte{schema, compressed}
	for range 65 {
		manyFrames = encoder.EncodeAll(big[:1<<20], manyFrames)
	}
	_, err = c.Open("", manyFrames)
	require.ErrorIs(t, err, ErrCorrupt, "no more in many frames than in one")

	var streamed bytes.Buffer
	streamed.Write([]byte{schema, compressed})
	stream, err := zstd.NewWriter(&streamed, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	_, err = stream.Write(big)
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	_, err = c.Open("", streamed.Bytes())
	require.ErrorIs(t, err, ErrCorrupt, "a frame that does not say how long it is")

	largest := sealed(t, c, big[:maxPayload])
	opened, err := c.Open(largest.Hash, largest.Data)
	require.NoError(t, err)
	require.Len(t, opened, maxPayload)
}

func FuzzOpen(f *testing.F) {
	c := newCodec(f)
	f.Add([]byte("\x01j{}"))
	f.Add(sealed(f, c, bytes.Repeat([]byte("abc"), 1000)).Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, err := c.Open("", data)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(payload), maxPayload)
		again, err := c.Open("", sealed(t, c, payload).Data)
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, again))
	})
}
