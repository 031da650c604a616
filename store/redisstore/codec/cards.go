package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// Common is what nearly all scorecards of a generation share. It is left out of
// a scorecard that has the same, so that the payload of scorecards that are what
// they were at the last tick is what it was. It is kept elsewhere: a payload is
// decoded with the Common that it was encoded with, or with that of a later
// generation with the same payload.
type Common struct {
	Tick, EvaluatedAt time.Time
	Environment       string
}

// EncodeCards returns the payload of a list of scorecards, in their order. A
// service that known knows is stored as its id only, any other with all that it
// says; known may be nil. It fails for a scorecard with a number that is not
// finite, with a year that is not of four digits or without a service, and
// names them.
func EncodeCards(cards []*scorecard.Scorecard, common Common, known func(*catalog.Service) bool) ([]byte, error) {
	w := cardWriter{common: common, known: known, numbers: map[definition]int{}}
	w.buf = make([]byte, 0, sizeOf(cards))
	w.open('[')
	for _, c := range cards {
		w.next()
		w.card(c)
		if w.err != nil {
			return nil, fmt.Errorf("encode %s: %w", nameOfCard(c), w.err)
		}
	}
	w.close(']')
	return w.payload()
}

// sizeOf guesses how long the payload of scorecards becomes.
func sizeOf(cards []*scorecard.Scorecard) int {
	size := 64
	for _, c := range cards {
		size += 512
		if c != nil {
			size += 1024 * len(c.Results)
		}
	}
	return size
}

func nameOfCard(c *scorecard.Scorecard) string {
	if c == nil || c.Service == nil {
		return "a scorecard"
	}
	return fmt.Sprintf("the scorecard of %s by rubric %q", c.Service.ID, c.Rubric)
}

// definition is what the results of one check have in common over services. It
// is stored once.
type definition struct {
	check, title, severity, unit, hash string
	window                             time.Duration
	weight, target                     uint64 // bits
	hasTarget                          bool
}

func definitionOf(r *scorecard.Result) definition {
	d := definition{
		check: r.Check, title: r.Title, severity: r.Severity, unit: r.Unit, hash: r.CheckHash,
		window: r.Window, weight: math.Float64bits(r.Weight),
	}
	if r.Target != nil {
		d.target, d.hasTarget = math.Float64bits(*r.Target), true
	}
	return d
}

// cardWriter writes scorecards, and numbers the definitions that it meets.
type cardWriter struct {
	writer
	common      Common
	known       func(*catalog.Service) bool
	definitions []definition
	numbers     map[definition]int
	latest      []int // the definitions of the scorecard before, by place
}

// payload puts the definitions before the scorecards that refer to them.
func (w *cardWriter) payload() ([]byte, error) {
	head := writer{buf: make([]byte, 0, len(w.buf)+64+256*len(w.definitions))}
	head.open('{')
	head.key("checks")
	head.open('[')
	for _, d := range w.definitions {
		head.next()
		head.definition(d)
	}
	head.close(']')
	head.key("cards")
	head.buf = append(head.buf, w.buf...)
	head.close('}')
	if head.err != nil {
		return nil, fmt.Errorf("encode the checks of scorecards: %w", head.err)
	}
	return head.buf, nil
}

func (w *writer) definition(d definition) {
	w.open('{')
	w.text("name", d.check)
	w.text("title", d.title)
	w.text("severity", d.severity)
	w.number("weight", math.Float64frombits(d.weight))
	w.duration("window", d.window)
	if d.hasTarget {
		target := math.Float64frombits(d.target)
		w.numberOrNil("target", &target)
	}
	w.text("unit", d.unit)
	w.text("hash", d.hash)
	w.close('}')
}

// number returns the number of a result's definition. Scorecards are sorted by
// rubric, so it mostly is that of the result in the same place before.
func (w *cardWriter) numberOf(r *scorecard.Result, place int) int {
	d := definitionOf(r)
	if place < len(w.latest) && w.definitions[w.latest[place]] == d {
		return w.latest[place]
	}
	n, ok := w.numbers[d]
	if !ok {
		n = len(w.definitions)
		w.definitions = append(w.definitions, d)
		w.numbers[d] = n
	}
	w.latest = append(w.latest[:min(place, len(w.latest))], n)
	return n
}

func (w *cardWriter) card(c *scorecard.Scorecard) {
	if c == nil || c.Service == nil {
		w.err = errors.New("it has no service")
		return
	}
	w.open('{')
	w.service(c.Service)
	w.text("rubric", c.Rubric)
	w.text("version", c.RubricVersion)
	if c.Environment != w.common.Environment {
		w.key("environment")
		w.quote(c.Environment)
	}
	w.text("status", string(c.Status))
	w.boolOrNil("pass", c.Pass)
	w.scores(c)
	w.text("grade", c.Grade)
	w.text("level", c.Level)
	if c.LevelRank != nil {
		w.key("rank")
		w.buf = fmt.Append(w.buf, *c.LevelRank)
	}
	w.text("capped_by", c.CappedBy)
	w.numberOrNil("cap_points", c.CapPoints)
	w.numberOrNil("delta_1h", c.Delta.Hour)
	w.numberOrNil("delta_1d", c.Delta.Day)
	w.numberOrNil("delta_1w", c.Delta.Week)
	w.unless("evaluated_at", c.EvaluatedAt, w.common.EvaluatedAt)
	w.unless("data_time", c.DataTime, w.common.Tick)
	w.bool("stateless", c.Stateless)
	w.bool("draft", c.Draft)
	w.nextSteps(c.NextSteps)
	w.results(c.Results)
	w.close('}')
}

func (w *cardWriter) nextSteps(steps []scorecard.NextStep) {
	if len(steps) == 0 {
		return
	}
	w.key("next_steps")
	w.open('[')
	for _, s := range steps {
		w.next()
		w.open('{')
		w.text("check", s.Check)
		w.text("level", s.Level)
		w.numberOrNil("points", s.Points)
		w.close('}')
	}
	w.close(']')
}

func (w *cardWriter) scores(c *scorecard.Scorecard) {
	w.numberOrNil("score", c.Score)
	w.numberOrNil("last_score", c.LastScore)
	w.unless("last_scored_at", c.LastScoredAt, w.common.Tick)
	w.numberOrNil("raw_score", c.RawScore)
	w.numberOrNil("score_low", c.ScoreLow)
	w.numberOrNil("score_high", c.ScoreHigh)
	w.numberOrNil("score_without_waivers", c.ScoreWithoutWaivers)
	w.number("coverage", c.Coverage)
	w.number("fresh_coverage", c.FreshCoverage)
}

// service writes the id of a service that is known, or else the whole service.
func (w *cardWriter) service(s *catalog.Service) {
	if w.known != nil && w.known(s) && !strings.Contains(s.ID.Namespace, "/") {
		w.text("service", s.ID.String())
		return
	}
	data, err := marshal(newStoredService(s))
	if err != nil {
		w.fail("whole_service", err)
		return
	}
	w.key("whole_service")
	w.buf = append(w.buf, data...)
}

// unless leaves a time out that is the usual one.
func (w *writer) unless(name string, t, usual time.Time) {
	if !t.Equal(usual) {
		w.instant(name, t)
	}
}

func (w *cardWriter) results(results []scorecard.Result) {
	if len(results) == 0 {
		return
	}
	w.key("results")
	w.open('[')
	for i := range results {
		w.next()
		if w.err != nil {
			return
		}
		if w.result(&results[i], i); w.err != nil {
			w.err = fmt.Errorf("check %q: %w", results[i].Check, w.err)
			return
		}
	}
	w.close(']')
}

func (w *cardWriter) result(r *scorecard.Result, place int) {
	w.finite("weight", &r.Weight)
	w.finite("target", r.Target)
	if w.err != nil {
		return
	}
	w.open('{')
	w.int("check", w.numberOf(r, place))
	w.text("verdict", string(r.Verdict))
	w.text("reason", r.Reason)
	w.overrides(r.Overrides)
	w.numberOrNil("credit", r.Credit)
	w.numberOrNil("points_lost", r.PointsLost)
	w.numberOrNil("value", r.Value)
	w.number("coverage", r.Coverage)
	w.text("without_waiver", string(r.WithoutWaiver))
	w.bool("carried", r.Carried)
	w.text("missing", r.Missing)
	w.text("pending", string(r.Pending))
	w.bool("flapping", r.Flapping)
	w.bool("low_traffic", r.LowTraffic)
	w.time("since", r.Since)
	w.unless("data_time", r.DataTime, w.common.Tick)
	w.text("message", r.Message)
	w.text("evidence", r.Evidence)
	w.cells(r.Cells)
	w.budget(r.Budget)
	w.close('}')
}

// finite refuses a number that JSON has not.
func (w *writer) finite(name string, x *float64) {
	if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
		w.float(name, *x)
	}
}

// overrides writes a list of field, value, field, value and so on, in order of
// field.
func (w *cardWriter) overrides(fields map[string]string) {
	if fields == nil {
		return
	}
	w.key("overrides")
	w.open('[')
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		w.next()
		w.quote(field)
		w.next()
		w.quote(fields[field])
	}
	w.close(']')
}

func (w *cardWriter) cells(cells []scorecard.CellResult) {
	if len(cells) == 0 {
		return
	}
	w.key("cells")
	w.open('[')
	for i := range cells {
		c := &cells[i]
		w.next()
		w.open('{')
		w.text("source", c.Source)
		w.text("cell", c.Cell)
		w.numberOrNil("value", c.Value)
		w.number("coverage", c.Coverage)
		w.text("fault", c.Fault)
		w.close('}')
	}
	w.close(']')
}

// budget writes an error budget. Burns are a list of window, rate, window, rate
// and so on, with null for a rate that is not known.
func (w *cardWriter) budget(b *scorecard.Budget) {
	if b == nil {
		return
	}
	w.key("budget")
	w.open('{')
	w.number("objective", b.Objective)
	w.duration("period", b.Period)
	w.number("covered", b.Covered)
	w.unless("to", b.To, w.common.Tick)
	w.unless("from", b.From, b.To.Add(-b.Period))
	w.numberOrNil("remaining", b.Remaining)
	w.number("bad", b.Bad)
	w.number("total", b.Total)
	w.number("born", b.Born)
	if len(b.Burn) > 0 {
		w.key("burn")
		w.open('[')
		for _, burn := range b.Burn {
			w.next()
			w.buf = appendSeconds(w.buf, burn.Window)
			w.next()
			if burn.Rate == nil {
				w.buf = append(w.buf, "null"...)
			} else {
				w.float("burn", *burn.Rate)
			}
		}
		w.close(']')
	}
	w.close('}')
}
