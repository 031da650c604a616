// Package rubric says what good looks like: rubrics of checks with levels, and
// identities that say how series name a service. It loads and validates them,
// and ships some as packs. It knows PromQL as a language and never asks a
// Prometheus; it judges nothing.
package rubric

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog"
)

// Overall is the name of the built-in scorecard over all rubrics of a service,
// which no rubric may have.
const Overall = "overall"

// Rubric is a named, versioned set of checks with levels: what good looks
// like. A loaded Rubric is immutable.
type Rubric struct {
	Name          string
	Title         string
	Description   string
	Pack          bool               // shipped with Apgar
	Detect        bool               // grades a service that chooses it, or once its checks have rows of it: see Choose
	AppliesTo     *catalog.Condition // nil: every service
	Levels        []string           // lowest first; rank of Levels[i] is i+1
	Strict        bool               // a warn does not hold a level
	PassLevel     string
	CoverageFloor float64 // 0 to 1
	Weight        float64 // in the overall scorecard
	EffectiveFrom time.Time
	Draft         bool
	Checks        []*Check
	Version       string // 12 hex digits over the meaning, not the prose
	Position      catalog.Position
}

// InEffect reports whether the rubric counts at a time. A draft never does, any
// other from EffectiveFrom on.
func (r *Rubric) InEffect(at time.Time) bool { return !r.Draft && !at.Before(r.EffectiveFrom) }

// Check is one criterion of a rubric.
type Check struct {
	Rubric     string
	Name       string
	Title      string
	Why        string
	Fix        string
	Severity   Severity
	Weight     float64
	Level      string
	LevelRank  int         // 0 when the check has no level
	Identities []*Identity // alternatives, in order; empty for catalog checks
	AppliesTo  *catalog.Condition
	OnMissing  OnMissing
	Kind       Kind

	// One of these is set, as Kind says.
	Events    *Events
	Histogram *Histogram
	Value     *Value
	Catalog   *catalog.Condition

	Objective float64       // 0: none
	Period    time.Duration // of the objective
	Window    time.Duration // of an un-objectived ratio, or of a value's $window
	Pass      *float64
	Fail      *float64
	// Op says which side of Pass is good: AtMost or AtLeast.
	Op       Op
	Interval time.Duration // 0: every tick

	// Hash is the check's meaning: it keys memory, state and baseline.
	Hash string
	// SLI is what is counted or measured (metric, where, bad, bound, query,
	// identity): it keys the ledger. Empty for catalog checks.
	SLI      string
	Position catalog.Position

	overrides map[string]string
}

// Overrides returns the fields that the service overrides for which For made the
// check, with the values as they are written; nil where there are none. It must
// not be changed.
func (c *Check) Overrides() map[string]string { return c.overrides }

// Kind is how a check comes to its facts.
type Kind string

// The kinds of check. Events and histogram checks are counted.
const (
	KindEvents    Kind = "events"
	KindHistogram Kind = "histogram"
	KindValue     Kind = "value"
	KindCatalog   Kind = "catalog"
)

// Counted reports whether the check is kept in the ledger.
func (k Kind) Counted() bool { return k == KindEvents || k == KindHistogram }

// Severity says how much a check matters; it gives the default weight.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // weight 10; a fail caps the score
	High     Severity = "high"     // weight 7.5
	Medium   Severity = "medium"   // weight 5
	Low      Severity = "low"      // weight 2.5
)

// OnMissing is the verdict when targets are up and the metric is missing in
// every cell.
type OnMissing string

// The choices of on_missing.
const (
	MissingUnknown       OnMissing = "unknown"
	MissingFail          OnMissing = "fail"
	MissingPass          OnMissing = "pass"
	MissingNotApplicable OnMissing = "not_applicable"
)

// Op is the direction of a threshold.
type Op string

// The directions.
const (
	AtMost  Op = "<="
	AtLeast Op = ">="
)

// Across merges a gauge over cells.
type Across string

// The ways to merge a gauge over cells.
const (
	Worst Across = "worst"
	Best  Across = "best"
	Sum   Across = "sum"
	Mean  Across = "mean"
)

// Selector is a metric with matchers; the matchers never include __name__.
type Selector struct {
	Metric string
	Where  []*labels.Matcher
}

// Events counts events, and the bad ones among them.
type Events struct {
	Total Selector
	// Bad classifies the rows of Total where BadOf is nil: a row is bad when
	// all matchers match, a missing label being "".
	Bad []*labels.Matcher
	// BadOf selects the bad events where they are another metric.
	BadOf *Selector
	// Recorded is "increase5m" when the metric is already an increase over 5m.
	Recorded string
}

// Histogram counts the observations above Threshold as bad.
type Histogram struct {
	Selector          // of the histogram, without _bucket
	Threshold float64 // a bucket bound, in the unit of the metric
}

// Value is a gauge, by the author's PromQL.
type Value struct {
	Query string
	// Expr is the query with $identity and $window still standing, as
	// IdentityPlaceholder and WindowPlaceholder. It is shared: Render copies.
	Expr   parser.Expr
	Across Across
	Unit   string
}

// Identity says how series name a service: label names, and for each a CEL
// expression over the service that yields its value or values.
type Identity struct {
	Name   string
	Labels []IdentityLabel // in order of label name
	// Presence is a PromQL query with one row for each service that has
	// targets, whose value is how many of them are up; "" for the default,
	// sum by ($identity) (up). RenderPresence writes it out.
	Presence string
	Hash     string
	Position catalog.Position

	presence parser.Expr // with IdentityPlaceholder still standing
}

// IdentityLabel is one label of an identity.
type IdentityLabel struct {
	Name   string
	Values *catalog.Expression
}
