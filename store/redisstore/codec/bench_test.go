package codec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const benchCards = 5000

// BenchmarkEncodeCards encodes and seals 5,000 scorecards in 64 chunks, as the
// shards of a store are.
func BenchmarkEncodeCards(b *testing.B) {
	c, cards := newCodec(b), fleet(benchCards)
	size, stored := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		size, stored = 0, 0
		for shard := range 64 {
			payload, err := EncodeCards(cards[shard*len(cards)/64:(shard+1)*len(cards)/64], common(), all)
			require.NoError(b, err)
			size += len(payload)
			stored += len(sealed(b, c, payload).Data)
		}
	}
	b.ReportMetric(float64(size)/benchCards, "B/card")
	b.ReportMetric(float64(stored)/benchCards, "stored-B/card")
}

// BenchmarkDecodeCards opens and decodes what BenchmarkEncodeCards made.
func BenchmarkDecodeCards(b *testing.B) {
	c, cards := newCodec(b), fleet(benchCards)
	find := finder(cards)
	var objects []Object
	for shard := range 64 {
		payload, err := EncodeCards(cards[shard*len(cards)/64:(shard+1)*len(cards)/64], common(), all)
		require.NoError(b, err)
		objects = append(objects, sealed(b, c, payload))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, object := range objects {
			payload, err := c.Open(object.Hash, object.Data)
			require.NoError(b, err)
			_, err = DecodeCards(payload, common(), find)
			require.NoError(b, err)
		}
	}
}
