package slo

import (
	"slices"
	"time"
)

// Block is what one source answered at one tick, or about one slot. Its
// columns follow the order of the plan that it names. A Block is immutable
// once handed over.
type Block struct {
	Source string
	Plan   string    // hash of the plan, so that a block of another is not misread
	Time   time.Time // the tick, or the end of the slot
	// Cells are the names that Row.Cell counts: the source's own name alone,
	// or the values of its partition label, sorted.
	Cells   []string
	Columns []Column
	Targets []TargetColumn // one for each identity of the plan
	// Slow is who is scraped too seldom to be counted; the rows say so, too.
	Slow Slowness
	Cost Cost
}

// Slowness is how many of the services of a block have targets in some cell that
// are all scraped too seldom to fill slots.
type Slowness struct {
	Services int
	Of       int    // services whose targets were measured
	Detail   string // for people; "" when there are none
}

// All reports that nobody is scraped often enough who is scraped at all.
func (s Slowness) All() bool { return s.Services > 0 && s.Services == s.Of }

// Column is the answer to one question, in rows ordered by service, then cell.
type Column struct {
	Asked bool   // false: not due at this tick
	Fault *Fault // of the whole answer; the rows are then empty
	// BirthFault is why it is not known what was born in a slot of which that was
	// asked; the rows then have nothing born.
	BirthFault *Fault
	Rows       []Row
}

// Row is what one cell of a source said of one service: counts for a counted
// question, a value for a gauge.
type Row struct {
	Service int32 // index into the roster of the plan
	Cell    int32 // index into Block.Cells
	Counts  Counts
	// Born are bad events that counters were born with, beside Counts: Prometheus
	// sees no increase in the first value of a series.
	Born float64
	// OnlyBorn says that the questions about counts have no such row.
	OnlyBorn bool
	// Interpolated says that the counts were read off native histograms, whose
	// buckets may not have the bound.
	Interpolated bool
	Value        float64
	Fault        *Fault // of this row alone
}

// WithoutBirths returns the block as it would be had nobody asked what was born.
func (b *Block) WithoutBirths() *Block {
	if b == nil {
		return nil
	}
	out := *b
	out.Columns = slices.Clone(b.Columns)
	for i := range out.Columns {
		c := &out.Columns[i]
		c.BirthFault = nil
		if !slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Born != 0 || r.OnlyBorn }) {
			continue
		}
		c.Rows = slices.DeleteFunc(slices.Clone(c.Rows), func(r Row) bool { return r.OnlyBorn })
		for j := range c.Rows {
			c.Rows[j].Born = 0
		}
	}
	return &out
}

// TargetColumn is the answer to one presence query.
type TargetColumn struct {
	Fault *Fault
	Rows  []TargetRow
}

// TargetRow counts the scrape targets of a service in a cell.
type TargetRow struct {
	Service  int32
	Cell     int32
	Up, Down int32
}

// Cost is what a block cost its source.
type Cost struct {
	Queries  int
	Failed   int
	Samples  int64 // queryable samples, as the source counted them
	Bytes    int64
	Duration time.Duration // from the first question to the last answer
	// Unmatched is the largest number of rows of one answer that name no
	// service of the catalog.
	Unmatched int
}

// Plus returns what two askings have cost, one after the other.
func (c Cost) Plus(o Cost) Cost {
	return Cost{
		Queries: c.Queries + o.Queries, Failed: c.Failed + o.Failed, Samples: c.Samples + o.Samples, Bytes: c.Bytes + o.Bytes,
		Duration: c.Duration + o.Duration, Unmatched: max(c.Unmatched, o.Unmatched),
	}
}

// Fault says why data cannot be used. Faults are facts of one cell: they
// lower its coverage and never count as zero.
type Fault struct {
	Reason Reason
	Detail string // for people; holds no secret
}

// Reason is the machine-readable cause of a fault.
type Reason string

// The faults of data, gravest first: where several cells of a service have
// faults, the first of these names the result.
const (
	InvalidData  Reason = "invalid_data"   // NaN, infinite or contradictory numbers
	Ambiguous    Reason = "ambiguous"      // several rows for one identity
	Partial      Reason = "partial"        // a warning or a truncation
	NoSuchBucket Reason = "no_such_bucket" // the histogram lacks the bound
	SourceError  Reason = "source_error"   // unreachable, refused, timed out
)

// Rank orders reasons, gravest (0) first; one that is not listed comes last.
func (r Reason) Rank() int {
	switch r {
	case InvalidData:
		return 0
	case Ambiguous:
		return 1
	case Partial:
		return 2
	case NoSuchBucket:
		return 3
	case SourceError:
		return 4
	}
	return 5
}

// Graver returns the graver of two faults; either may be nil.
func Graver(a, b *Fault) *Fault {
	if a == nil || (b != nil && b.Reason.Rank() < a.Reason.Rank()) {
		return b
	}
	return a
}
