package slo

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/slo/column"
)

// storedDays returns a ledger of one service in two cells, with four days of
// slots, and what a store has of it.
func storedDays(t require.TestingT) (*Ledger, shelf, int64) {
	l, store := NewLedger(time.Minute), shelf{}
	s := l.Series("sli", "shop/cart")
	at := int64(noon)
	for ; at < noon+4*daySeconds; at += 300 {
		failed := map[string]*Fault{}
		if at%3600 == 600 {
			failed["b"] = &Fault{Reason: SourceError, Detail: "timeout"}
		}
		tick(s, at, failed, has(cellA, 1, 75.3), has(cellB, 1, 25.1))
	}
	store.save(t, l)
	return l, store, at - 300
}

func pageOf(store shelf, prefix string) Page {
	var found Page
	for key, p := range store {
		if strings.HasPrefix(key.Name, prefix) && key.Name > found.Name {
			found = p
		}
	}
	return found
}

func TestAPageThatCannotBeReadIsWrittenAnew(t *testing.T) {
	l, store, at := storedDays(t)
	for _, kind := range []string{"head", "ring", "slots", "hours"} {
		good := pageOf(store, kind)
		changed := func(change func(data []byte) []byte) Page {
			return NewPage(good.PageKey, change(slices.Clone(good.Data)))
		}
		flipped := slices.Clone(good.Data)
		flipped[len(flipped)/2] ^= 4
		other := pageOf(store, map[string]string{"head": "ring", "ring": "slots", "slots": "hours", "hours": "head"}[kind])
		for _, test := range []struct {
			name, text string
			page       Page
		}{
			{"nothing", "cut short", changed(func([]byte) []byte { return []byte{} })},
			{"half", "reading", changed(func(data []byte) []byte { return data[:len(data)/2] })},
			{"all but the last byte", "cut short", changed(func(data []byte) []byte { return data[:len(data)-1] })},
			{"a byte more", "1 bytes too many", changed(func(data []byte) []byte { return append(data, 0) })},
			{"a flipped bit", "its content is not that of version", Page{good.PageKey, good.Version, flipped}},
			{"a later schema", "written by a later version of Apgar, in schema 3", changed(func(data []byte) []byte { data[0] = 3; return data })},
			{"another page", "it is the content of another page", NewPage(good.PageKey, other.Data)},
			{"another shard", "service \"shop/cart\" is of shard", NewPage(PageKey{good.Shard ^ 1, good.Name}, good.Data)},
		} {
			t.Run(kind+" with "+test.name, func(t *testing.T) {
				ok, err := l.Load(test.page)
				require.True(t, ok)
				require.ErrorContains(t, err, test.text)
				require.ErrorContains(t, err, "page "+good.Name+" of shard")
				assert.Contains(t, l.Changed(), test.page.PageKey)
				again := l.Pages()
				require.Len(t, again, 1)
				if test.page.Shard == good.Shard {
					assert.Equal(t, good, again[0], "what the ledger has of it stays")
				} else {
					assert.Equal(t, NewPage(test.page.PageKey, nil), again[0], "the ledger has nothing of it")
				}
				l.Saved(again)

				fresh := NewLedger(time.Minute)
				_, err = fresh.Load(test.page)
				require.Error(t, err)
				assert.False(t, fresh.Has("sli", "shop/cart"))
				require.Equal(t, []Page{NewPage(test.page.PageKey, nil)}, fresh.Pages(), "it is dropped from the store")
			})
		}
	}
	loaded := NewLedger(time.Minute)
	store.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
	requireSame(t, l, loaded, at)
}

func TestNoPrefixOfAPageIsRead(t *testing.T) {
	_, store, _ := storedDays(t)
	for _, kind := range []string{"head", "ring", "slots", "hours"} {
		good := pageOf(store, kind)
		for n := range len(good.Data) {
			l := NewLedger(time.Minute)
			_, err := l.Load(NewPage(good.PageKey, good.Data[:n:n]))
			require.Error(t, err, "%d bytes of %s", n, good.Name)
			require.False(t, l.Has("sli", "shop/cart"))
		}
	}
}

func TestPagesWithoutDataEmptyALedger(t *testing.T) {
	l, store, at := storedDays(t)
	for key := range store {
		ok, err := l.Load(NewPage(key, nil))
		require.True(t, ok)
		require.NoError(t, err)
	}
	empty := NewLedger(time.Minute)
	empty.Series("sli", "shop/cart")
	requireSame(t, empty, l, at)
	require.Equal(t, empty.Pages(), l.Pages(), "the name of the series is to be saved")
	s := l.Series("sli", "shop/cart")
	assert.Zero(t, s.Facts(at, grace, []time.Duration{7 * day}).Measured)
	assert.Equal(t, Measured, tick(s, noon-daySeconds, nil, has(cellA, 1, 10)), "no time has passed in it")
	assert.Equal(t, Counts{1, 10}, s.Sum(7*day, noon).Counts)
}

func TestNamesThatPagesNeverMakesAreNotTheLedgers(t *testing.T) {
	l := NewLedger(time.Minute)
	keys := []PageKey{{-1, "head"}, {Shards, "head"}}
	for _, name := range []string{
		"", "tail", "head/", "head/0", "head/900", "ring", "ring/", "ring/0", "ring/-900", "ring/901", "ring/0900", "ring/+900",
		"ring/900/", "ring/99999999999999999999", "Ring/900", "slots/900", "hours/3600",
	} {
		keys = append(keys, PageKey{0, name})
	}
	for _, key := range keys {
		for _, data := range [][]byte{nil, {1}} {
			ok, err := l.Load(NewPage(key, data))
			assert.False(t, ok, "%v", key)
			assert.NoError(t, err)
		}
	}
	assert.Empty(t, l.Changed())
	l.Saved([]Page{NewPage(PageKey{-1, "head"}, nil), NewPage(PageKey{0, "tail"}, nil)})
	for _, name := range []string{"head", "ring/900", "slots/3600", "hours/86400"} {
		ok, err := l.Load(NewPage(PageKey{0, name}, nil))
		assert.True(t, ok, "%v", name)
		assert.NoError(t, err)
	}
	assert.Empty(t, l.Changed())
}

func TestWhatIsOnOtherPagesOutlivesALostOne(t *testing.T) {
	l, store, at := storedDays(t)
	whole := l.Series("sli", "shop/cart").Sum(7*day, at)
	restore := func(t *testing.T, without string) *Series {
		rest := shelf{}
		for key, p := range store {
			if !strings.HasPrefix(key.Name, without) {
				rest[key] = p
			}
		}
		loaded := NewLedger(time.Minute)
		rest.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
		return loaded.Series("sli", "shop/cart")
	}
	t.Run("the slots", func(t *testing.T) {
		s := restore(t, "slots/")
		assert.Equal(t, whole, s.Sum(7*day, at), "the hours have them")
		again := floorTo(at, hourSeconds) - 300
		tick(s, again, nil, has(cellA, 1, 75.3), has(cellB, 1, 25.1))
		assert.Equal(t, whole, s.Sum(7*day, at), "an hour is not cut down to what is asked again of it")
		tick(s, at+300, nil, has(cellA, 1, 75.3), has(cellB, 1, 25.1))
		assert.Equal(t, 1+whole.Measured, s.Facts(at+300, grace, nil).Measured)
	})
	t.Run("the hours", func(t *testing.T) {
		s := restore(t, "hours/")
		assert.Equal(t, l.Series("sli", "shop/cart").Sum(3*day, at), s.Sum(3*day, at), "they follow from the slots")
	})
	t.Run("the head", func(t *testing.T) {
		s := restore(t, "head")
		assert.Zero(t, s.Sum(7*day, at).Expected)
		tick(s, at+300, nil, has(cellA, 1, 75.3), has(cellB, 1, 25.1))
		s.AddSlot(&Round{Time: noon, Witnesses: scraping(cellA, cellB)}, []Answer{has(cellA, 1, 75.3), has(cellB, 1, 25.1)})
		assert.Equal(t, whole.Measured+1, s.Sum(7*day, at+300).Measured, "once its first slot is known again")
	})
}

func TestAPageHoldsNoNumbersThatAreNoCounts(t *testing.T) {
	good := func() (*Ledger, *Series) {
		l := NewLedger(time.Minute)
		s := l.Series("sli", "shop/cart")
		tick(s, noon, nil, has(cellA, 1, 75.3))
		return l, s
	}
	for name, spoil := range map[string]func(s *Series){
		"a negative count":    func(s *Series) { s.slots.at(noon).bad[11] = -1 },
		"an infinite hour":    func(s *Series) { s.hours.day(ceilTo(noon, daySeconds)).total[11] = math.Inf(1) },
		"a time before 1970":  func(s *Series) { s.swept = -5 },
		"a time out of reach": func(s *Series) { s.cells[0].last = mostTime + 1 },
		"a negative identity": func(s *Series) { s.cells[0].identity = -1 },
		"cells out of order":  func(s *Series) { s.cells = []*cellMemory{{key: cellB}, {key: cellA}} },
		"a cell twice":        func(s *Series) { s.cells = append(s.cells, s.cells[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			l, s := good()
			spoil(s)
			refused := 0
			for key, data := range written(l) {
				if _, err := NewLedger(time.Minute).Load(NewPage(key, []byte(data))); err != nil {
					refused++
				}
			}
			assert.NotZero(t, refused)
		})
	}
}

// FuzzLoad enters any bytes as any page, with the head of it in or without: the
// ledger must take it or refuse it, stay in order, and, where it has taken it,
// give it out as it was.
func FuzzLoad(f *testing.F) {
	_, store, _ := storedDays(f)
	head := pageOf(store, "head")
	kinds := []string{"head", "ring", "slots", "hours"}
	for i, kind := range kinds {
		page := pageOf(store, kind)
		f.Add(uint8(i), page.Data)
		f.Add(uint8(i+4), page.Data)
	}
	var w column.Writer
	w.Byte(firstSchema)
	f.Add(uint8(0), w.Data())
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		l := NewLedger(time.Minute)
		if which&4 != 0 {
			_, err := l.Load(head)
			require.NoError(t, err)
		}
		page := NewPage(pageOf(store, kinds[which&3]).PageKey, data)
		if data == nil {
			page = NewPage(page.PageKey, []byte{})
		}
		ok, err := l.Load(page)
		require.True(t, ok)
		now := l.shards[page.Shard].now
		for _, sh := range l.shards {
			for _, e := range sh.series {
				e.Facts(now, grace, playedWindows)
				tick(e.Series, noon+4*daySeconds, nil, has(cellA, 1, 75.3), has(pod(1), 0, 1))
				e.Facts(noon+4*daySeconds, grace, playedWindows)
			}
		}
		if err != nil {
			return
		}
		saved, again := shelf{}, NewLedger(time.Minute)
		l.Unsave()
		saved.save(t, l)
		saved.restore(t, again, rand.New(rand.NewPCG(1, 1)))
		require.Equal(t, written(l), written(again))
	})
}
