package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
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

// BenchmarkStates encodes, seals, opens and decodes the grading states of 5,000
// scorecards.
func BenchmarkStates(b *testing.B) {
	c, all := newCodec(b), states(fleet(benchCards))
	var object Object
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			payload, err := EncodeStates(all)
			require.NoError(b, err)
			object = sealed(b, c, payload)
		}
		b.ReportMetric(float64(len(object.Data))/benchCards, "stored-B/card")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			payload, err := c.Open(object.Hash, object.Data)
			require.NoError(b, err)
			_, err = DecodeStates(payload)
			require.NoError(b, err)
		}
	})
}

// BenchmarkCatalog encodes, seals, opens and decodes a catalog of 5,000
// services.
func BenchmarkCatalog(b *testing.B) {
	c := newCodec(b)
	snapshot := catalog.NewSnapshot(services(fleet(benchCards)), nil)
	var object Object
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			payload, err := EncodeCatalog(snapshot)
			require.NoError(b, err)
			object = sealed(b, c, payload)
		}
		b.ReportMetric(float64(len(object.Data))/benchCards, "stored-B/service")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			payload, err := c.Open(object.Hash, object.Data)
			require.NoError(b, err)
			_, err = DecodeCatalog(payload)
			require.NoError(b, err)
		}
	})
}
