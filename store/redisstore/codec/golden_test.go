package codec

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds the stored form of a value to what it was: its payload is the
// golden file, and the golden file reads as the value.
func golden[T any](t *testing.T, name string, want T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	payload, err := encode(want)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, payload, 0o644))
	}
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	got, err := decode(before)
	require.NoError(t, err)
	again, err := encode(got)
	require.NoError(t, err)
	require.Equal(t, string(before), string(again), "what was stored before is not read whole any more: the schema needs a new version")
	require.Equal(t, string(before), string(payload),
		"the stored form has changed: write the golden files anew with -update if those who know the last form can read it (a field more), else give the schema a new version")
}

func TestTheStoredFormIsWhatItWas(t *testing.T) {
	cards := append(fleet(3), ptrTo(full[scorecard.Scorecard](t)))
	golden(t, "cards", cards, func(cards []*scorecard.Scorecard) ([]byte, error) {
		return EncodeCards(cards, common(), func(s *catalog.Service) bool { return s.ID.Name == "service-1" })
	}, func(payload []byte) ([]*scorecard.Scorecard, error) {
		return DecodeCards(payload, common(), finder(cards))
	})
	golden(t, "states", full[map[scorecard.Key]*scorecard.State](t), EncodeStates, DecodeStates)
	golden(t, "changes", numbered(full[[]scorecard.Change](t)), EncodeChanges, decodeChanges)
	golden(t, "sources", full[head](t), encodeHead, decodeHead)
	golden(t, "catalog", catalog.NewSnapshot(full[[]*catalog.Service](t), full[[]*catalog.Entity](t)), EncodeCatalog, DecodeCatalog)
	golden(t, "rubrics", append(everyField(t), full[[]*rubric.Rubric](t)...), EncodeRubrics, DecodeRubrics)
	golden(t, "history", realistic(4, 30, 3600), func(h *History) ([]byte, error) { return h.Encode(), nil }, DecodeHistory)
}

// TestSealedObjectsStayReadable opens what the first version has sealed. What
// it compresses to may change with the library.
func TestSealedObjectsStayReadable(t *testing.T) {
	c := newCodec(t)
	payload, err := EncodeCards(fleet(3), common(), nil)
	require.NoError(t, err)
	path := filepath.Join("testdata", "sealed.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, sealed(t, c, payload).Data, 0o644))
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 'z'}, data[:headBytes])
	opened, err := c.Open("", data)
	require.NoError(t, err)
	cards, err := DecodeCards(opened, common(), nil)
	require.NoError(t, err)
	requireSameCards(t, common(), fleet(3), cards)
}
