package slo

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apgarhq/apgar/slo/column"
)

// Bounds of what a page may say.
const (
	mostTime  = 1 << 40 // seconds; far beyond what anything here lives to see
	mostKept  = 1e220   // what maxCount cannot add up to
	mostSmall = math.MaxInt32
)

var errOrder = errors.New("its names are not in order")

// writeNames writes the names of the series on a page: each SLI and each
// service once, and a bit for each pair.
func writeNames(w *column.Writer, members []*entry) {
	var services, slis []string
	for _, e := range members {
		services, slis = append(services, e.service), append(slis, e.sli)
	}
	services = slices.Compact(services) // members are ordered by service
	slices.Sort(slis)
	slis = slices.Compact(slis)
	writeTexts(w, services)
	writeTexts(w, slis)
	there := make([]bool, 0, len(services)*len(slis))
	for _, service := range services {
		for _, sli := range slis {
			is := len(members) > 0 && members[0].seriesName == seriesName{service, sli}
			if is {
				members = members[1:]
			}
			there = append(there, is)
		}
	}
	w.Bits(there)
}

// readNames reads the names of the series on a page, in order.
func readNames(r *column.Reader, shard int) []seriesName {
	services, slis := readTexts(r), readTexts(r)
	for _, service := range services {
		if ShardOf(service) != shard {
			r.Fail(fmt.Errorf("service %q is of shard %d", service, ShardOf(service)))
		}
	}
	there := r.Bits(len(services) * len(slis))
	if r.Err() != nil {
		return nil
	}
	var names []seriesName
	for _, service := range services {
		for _, sli := range slis {
			if there.Next() {
				names = append(names, seriesName{service, sli})
			}
		}
	}
	return names
}

// writeTexts writes sorted strings.
func writeTexts(w *column.Writer, texts []string) {
	w.Uint(uint64(len(texts)))
	for _, text := range texts {
		w.Text(text)
	}
}

func readTexts(r *column.Reader) []string {
	var texts []string
	for i := range r.Count() {
		text := r.Text()
		if i > 0 && text <= texts[i-1] {
			r.Fail(errOrder)
		}
		if r.Err() != nil {
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

// cellNames are the cells that a page names, in order; they are written once.
type cellNames struct {
	keys  []CellKey
	index map[CellKey]int64
}

func writeCellNames(w *column.Writer, keys []CellKey) cellNames {
	slices.SortFunc(keys, CellKey.Compare)
	n := cellNames{keys: slices.Compact(keys), index: map[CellKey]int64{}}
	w.Uint(uint64(len(n.keys)))
	for i, key := range n.keys {
		n.index[key] = int64(i)
		w.Text(key.Source)
		w.Text(key.Cell)
	}
	return n
}

func readCellNames(r *column.Reader) []CellKey {
	var keys []CellKey
	for i := range r.Count() {
		key := CellKey{r.Text(), r.Text()}
		if i > 0 && key.Compare(keys[i-1]) <= 0 {
			r.Fail(errOrder)
		}
		if r.Err() != nil {
			return nil
		}
		keys = append(keys, key)
	}
	return keys
}

// numbers reads a column of whole numbers, each from 0 to most.
func numbers(r *column.Reader, n int, most int64) func() int64 {
	c := r.Ints(n)
	return func() int64 {
		v := c.Next()
		if v < 0 || v > most {
			r.Fail(fmt.Errorf("a number is %d, and can be 0 to %d", v, most))
			return 0
		}
		return v
	}
}

// runs reads how many things each of n series has. Each is one of a list, and
// they come in its order, so that none has more than the list.
func runs(r *column.Reader, n, list int) (lengths []int, all int) {
	next := numbers(r, n, int64(list))
	for range n {
		length := int(next())
		all += length
		if r.Err() != nil || all > mostSmall {
			r.Fail(errors.New("it has too many cells"))
			return nil, 0
		}
		lengths = append(lengths, length)
	}
	return lengths, all
}

// countColumns are pairs of counts, in a column of bad and one of total.
type countColumns struct{ bad, total []float64 }

func (c *countColumns) add(counts Counts) {
	c.bad, c.total = append(c.bad, counts.Bad), append(c.total, counts.Total)
}

func (c *countColumns) write(w *column.Writer) {
	w.Sparse(c.bad)
	w.Sparse(c.total)
}

// counts reads a column of bad and one of total.
func counts(r *column.Reader, n int) func() Counts {
	bad, total := r.Sparse(n), r.Sparse(n)
	return func() Counts {
		c := Counts{bad.Next(), total.Next()}
		if !(c.Bad >= 0 && c.Bad <= mostKept && c.Total >= 0 && c.Total <= mostKept) {
			r.Fail(fmt.Errorf("%g bad of %g are no counts", c.Bad, c.Total))
			return Counts{}
		}
		return c
	}
}
