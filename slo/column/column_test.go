package column

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatIsWrittenIsReadBackBitByBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ints := rapid.SliceOf(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3))).Draw(t, "ints")
		words := rapid.SliceOf(rapid.OneOf(rapid.Uint64(), rapid.Just(uint64(0)))).Draw(t, "floats")
		bits := rapid.SliceOf(rapid.Bool()).Draw(t, "bits")
		texts := rapid.SliceOf(rapid.String()).Draw(t, "texts")
		floats := make([]float64, len(words))
		for i, word := range words {
			floats[i] = math.Float64frombits(word)
		}
		var w Writer
		w.Byte(7)
		w.Uint(uint64(len(texts)))
		for _, text := range texts {
			w.Text(text)
		}
		w.Ints(ints)
		w.Floats(floats)
		w.Bits(bits)
		w.Sparse(floats)

		r := NewReader(w.Data())
		if r.Byte() != 7 {
			t.Fatal("the byte is another")
		}
		gotTexts := make([]string, r.Count())
		for i := range gotTexts {
			gotTexts[i] = r.Text()
		}
		gotInts, gotFloats, gotBits := r.Ints(len(ints)), r.Floats(len(floats)), r.Bits(len(bits))
		gotSparse := r.Sparse(len(floats))
		if err := r.End(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(texts, gotTexts) {
			t.Fatalf("texts %q became %q", texts, gotTexts)
		}
		for i, want := range ints {
			if got := gotInts.Next(); got != want {
				t.Fatalf("whole number %d was %d and is %d", i, want, got)
			}
		}
		for i, want := range words {
			if got := math.Float64bits(gotFloats.Next()); got != want {
				t.Fatalf("number %d was %x and is %x", i, want, got)
			}
		}
		for i, want := range words {
			if got := math.Float64bits(gotSparse.Next()); got != want {
				t.Fatalf("sparse number %d was %x and is %x", i, want, got)
			}
		}
		for i, want := range bits {
			if got := gotBits.Next(); got != want {
				t.Fatalf("bit %d was %t", i, want)
			}
		}
	})
}

func TestColumnsOfOneNumberCostNextToNothing(t *testing.T) {
	var w Writer
	w.Ints(make([]int64, 1000))
	w.Floats(make([]float64, 1000))
	assert.Len(t, w.Data(), 2)

	w = Writer{}
	w.Floats(slices.Repeat([]float64{1 << 20}, 1000)) // no mantissa
	assert.Less(t, len(w.Data()), 2010)
}

func TestWhatIsCutShortIsAnError(t *testing.T) {
	var w Writer
	w.Text("checkout")
	w.Uint(300)
	w.Ints([]int64{1, 300, -5})
	w.Floats([]float64{1.5, 0, 1e100})
	w.Bits([]bool{true, false, true})
	w.Sparse([]float64{0, 2.5})
	read := func(data []byte) error {
		r := NewReader(data)
		r.Text()
		r.Uint(1000)
		r.Ints(3)
		r.Floats(3)
		r.Bits(3)
		r.Sparse(2)
		return r.End()
	}
	require.NoError(t, read(w.Data()))
	for n := range len(w.Data()) {
		assert.Error(t, read(w.Data()[:n]), "%d bytes", n)
	}
	require.ErrorContains(t, read(append(slices.Clone(w.Data()), 0)), "1 bytes too many")
}

func TestNothingIsReadAfterAnError(t *testing.T) {
	r := NewReader([]byte{9, 1, 2, 3})
	assert.Zero(t, r.Uint(8), "it is more than it may be")
	require.ErrorContains(t, r.Err(), "8 at most")
	assert.Zero(t, r.Byte())
	ints, floats, bits, sparse := r.Ints(1<<40), r.Floats(1<<40), r.Bits(1<<40), r.Sparse(1<<40)
	assert.Zero(t, sparse.Next())
	assert.Zero(t, ints.Next())
	assert.Zero(t, floats.Next())
	assert.False(t, bits.Next())
	assert.ErrorContains(t, r.End(), "8 at most", "the first error stays")
}

func TestAColumnEndsWithZeros(t *testing.T) {
	var w Writer
	w.Floats([]float64{3})
	w.Bits([]bool{true})
	r := NewReader(w.Data())
	floats, bits := r.Floats(1), r.Bits(1)
	assert.InDelta(t, 3, floats.Next(), 0)
	assert.Zero(t, floats.Next())
	assert.True(t, bits.Next())
	for range 20 {
		assert.False(t, bits.Next())
	}
}
