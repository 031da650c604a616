package collector

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// Grader keeps the ledger and the grading state, and judges. It is not safe
// for concurrent use: one goroutine owns it.
type Grader struct {
	plan        *Plan
	environment string
	stateless   bool
	sources     []string
	askers      []*asker
	ledger      *slo.Ledger
	series      [][]*slo.Series // by SLI, then service; nil where it does not apply
	states      map[scorecard.Key]*scorecard.State
	conflicts   map[int]map[int]string // by identity, then service
	evidence    map[evidenceKey]string
	metrics     *metrics
	log         *slog.Logger
	grade       func(scorecard.Input) (*scorecard.Scorecard, *scorecard.State)
}

type evidenceKey struct {
	source            string
	question, service int
}

func newGrader(plan *Plan, askers []*asker, environment string, m *metrics, log *slog.Logger) *Grader {
	g := &Grader{
		plan: plan, environment: environment, askers: askers, metrics: m, log: log, grade: scorecard.Grade,
		states:    map[scorecard.Key]*scorecard.State{},
		conflicts: map[int]map[int]string{}, evidence: map[evidenceKey]string{},
	}
	for _, a := range askers {
		g.sources = append(g.sources, a.Name)
	}
	g.use(slo.NewLedger(plan.Interval))
	g.findConflicts()
	return g
}

// use makes a ledger the one that answers go to, and that is graded from.
func (g *Grader) use(ledger *slo.Ledger) {
	g.ledger, g.series = ledger, make([][]*slo.Series, len(g.plan.slis))
	for i := range g.plan.slis {
		s := &g.plan.slis[i]
		g.series[i] = make([]*slo.Series, len(g.plan.Services))
		for service, applies := range s.applies {
			if applies {
				series := ledger.Series(s.hash, g.plan.Services[service].ID.String())
				series.Declared = declaredSources(g.plan.Services[service])
				g.series[i][service] = series
			}
		}
	}
}

// declaredSources reads in which sources or cells the catalog expects a
// service; nil when it does not say.
func declaredSources(s *catalog.Service) []string {
	text, ok := s.Annotations[catalog.AnnotationSources]
	if !ok {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (g *Grader) findConflicts() {
	for i, id := range g.plan.identities {
		g.conflicts[i] = map[int]string{}
		for _, c := range id.index.Conflicts() {
			names := make([]string, len(c.Services))
			for j, id := range c.Services {
				names[j] = id.String()
			}
			text := fmt.Sprintf("%s is claimed by %s", c.Labels, strings.Join(names, ", "))
			for _, id := range c.Services {
				if service, ok := g.plan.Catalog.Index(id); ok {
					g.conflicts[i][service] = text
				}
			}
		}
	}
}

// AddTick enters the blocks of a tick, in the order of the plan. A nil block
// is a source that has not answered.
func (g *Grader) AddTick(tick time.Time, blocks []*slo.Block) { g.addTick(tick, blocks, scope{}) }

// addTick enters what the blocks of a tick say of a scope.
func (g *Grader) addTick(tick time.Time, blocks []*slo.Block, of scope) {
	at := tick.Unix()
	boundary, outcomes := isBoundary(tick), map[slo.Outcome]int{}
	for i := range g.plan.slis {
		s := &g.plan.slis[i]
		if !of.sli(i) || !s.due(at) || !s.asked(blocks) {
			continue
		}
		m := newMerger(g.plan, s, at, g.sources, blocks)
		for service, series := range g.series[i] {
			if series == nil || !of.service(service) {
				continue
			}
			answers := m.answers(service, series)
			series.AddTick(m.round, answers)
			if boundary && s.check.Kind.Counted() {
				outcomes[series.AddSlot(m.round, answers)]++
			}
		}
	}
	g.metrics.slots.add(outcomes)
}

// asked reports whether blocks are about an SLI at all: those of the past may
// be about the ledger alone. That nothing came is about every SLI.
func (s *sli) asked(blocks []*slo.Block) bool {
	nothing := true
	for _, b := range blocks {
		if b == nil {
			continue
		}
		nothing = false
		if slices.ContainsFunc(s.questions, func(q int) bool { return q < len(b.Columns) && b.Columns[q].Asked }) {
			return true
		}
	}
	return nothing
}

// AddSlot enters the blocks about one slot, named by its end: asked again, or
// backfilled.
func (g *Grader) AddSlot(end time.Time, blocks []*slo.Block) { g.addSlot(end, blocks, scope{}) }

// addSlot enters what the blocks about a slot say of a scope.
func (g *Grader) addSlot(end time.Time, blocks []*slo.Block, of scope) {
	outcomes := map[slo.Outcome]int{}
	for i := range g.plan.slis {
		s := &g.plan.slis[i]
		if !of.sli(i) || !s.check.Kind.Counted() {
			continue
		}
		m := newMerger(g.plan, s, end.Unix(), g.sources, blocks)
		for service, series := range g.series[i] {
			if series != nil && of.service(service) {
				outcomes[series.AddSlot(m.round, m.answers(service, series))]++
			}
		}
	}
	g.metrics.slots.add(outcomes)
}

// Grade judges every service by every rubric that applies, as of a tick whose
// blocks have been added, and moves the grading state on.
func (g *Grader) Grade(tick, evaluatedAt time.Time) []*scorecard.Scorecard {
	var cards []*scorecard.Scorecard
	states := make(map[scorecard.Key]*scorecard.State, len(g.states))
	for i := range g.plan.graded {
		graded := &g.plan.graded[i]
		service := g.plan.Services[graded.service]
		key := scorecard.Key{Rubric: graded.rubric.Name, Service: service.ID}
		card, state := g.gradeOne(graded, scorecard.Input{
			Rubric: graded.rubric, Service: service, Environment: g.environment,
			Tick: tick.UTC(), EvaluatedAt: evaluatedAt.UTC(), Interval: g.plan.Interval,
			Previous: g.states[key], Stateless: g.stateless, ServiceVersion: g.plan.versions[graded.service],
		})
		if state != nil {
			states[key] = state
		}
		if card != nil {
			cards = append(cards, card)
		}
	}
	g.states = states
	slices.SortFunc(cards, scorecard.Compare)
	return cards
}

// gradeOne judges one service by one rubric. A panic is a defect in the
// judging of this one: it costs it the scorecard of this tick, nothing else.
func (g *Grader) gradeOne(graded *gradedService, in scorecard.Input) (card *scorecard.Scorecard, state *scorecard.State) {
	defer func() {
		if cause := recover(); cause != nil {
			g.metrics.panics.Inc()
			g.log.Error("grading a service panicked, and there is no scorecard of it for this tick: please report this defect",
				"service", in.Service.ID, "rubric", in.Rubric.Name, "tick", in.Tick, "cause", cause, "stack", string(debug.Stack()))
			card, state = nil, in.Previous
		}
	}()
	in.Facts = g.facts(graded, in.Tick.Unix())
	return g.grade(in)
}

// facts gathers what is known of each check of a rubric for one service.
func (g *Grader) facts(graded *gradedService, tick int64) []scorecard.CheckFacts {
	facts := make([]scorecard.CheckFacts, len(graded.rubric.Checks))
	for i, check := range graded.rubric.Checks {
		if at := graded.slis[i]; at >= 0 {
			facts[i] = g.checkFacts(check, &g.plan.slis[at], g.series[at][graded.service], graded.service, tick)
		}
	}
	return facts
}

func (g *Grader) checkFacts(check *rubric.Check, s *sli, series *slo.Series, service int, tick int64) scorecard.CheckFacts {
	f := scorecard.CheckFacts{
		Facts:        series.Facts(s.asOf(tick), scorecard.Grace(check, g.plan.Interval), scorecard.WindowsOf(check)),
		Unidentified: true,
	}
	for _, q := range s.questions {
		id := &g.plan.identities[g.plan.questions[q].identity]
		if id.index.Identified(service) {
			f.Unidentified = false
		}
		f.IdentityProblem = cmp.Or(f.IdentityProblem, id.problems[service])
	}
	f.Conflict = g.conflictOf(s, series, service, f.Cells)
	f.Evidence = g.evidenceOf(s, series, service, &f.Facts)
	return f
}

// conflictOf says who else claims the identity that a service is known by in
// its cells; where it has never been seen, by the first that names it. What
// nobody looks at does not matter. It is "" without a conflict.
func (g *Grader) conflictOf(s *sli, series *slo.Series, service int, cells []slo.CellFact) string {
	conflict := func(alternative int) string {
		return g.conflicts[g.plan.questions[s.questions[alternative]].identity][service]
	}
	seen := false
	for _, cell := range cells {
		if alternative, known := series.Identity(cell.Key); known && alternative < len(s.questions) {
			seen = true
			if text := conflict(alternative); text != "" {
				return text
			}
		}
	}
	for alternative, q := range s.questions {
		if !seen && g.plan.identities[g.plan.questions[q].identity].index.Identified(service) {
			return conflict(alternative)
		}
	}
	return ""
}

// evidenceOf links to the query at the first source that is expected to have
// the service, under the identity that it has there. Links do not change from
// tick to tick and are kept.
func (g *Grader) evidenceOf(s *sli, series *slo.Series, service int, f *slo.Facts) string {
	if len(f.Cells) == 0 {
		return ""
	}
	cell := f.Cells[0].Key
	alternative, _ := series.Identity(cell)
	key := evidenceKey{cell.Source, s.questions[min(alternative, len(s.questions)-1)], service}
	link, known := g.evidence[key]
	if known {
		return link
	}
	for _, a := range g.askers {
		if a.Name == cell.Source {
			link = a.evidence(key.question, service)
		}
	}
	g.evidence[key] = link
	return link
}

// setDeltas fills in how far each score has moved, from the scores of an
// hour, a day and a week ago.
func setDeltas(ctx context.Context, cards []*scorecard.Scorecard, tick time.Time, scores ScoreHistory) error {
	ages := []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	for i, age := range ages {
		then, err := scores.ScoresAt(ctx, tick.Add(-age))
		if err != nil {
			return fmt.Errorf("reading the scores of %s ago: %w", age, err)
		}
		for _, card := range cards {
			before, ok := then[card.Key()]
			if !ok || card.Score == nil {
				continue
			}
			delta := *card.Score - before
			switch i {
			case 0:
				card.Delta.Hour = &delta
			case 1:
				card.Delta.Day = &delta
			case 2:
				card.Delta.Week = &delta
			}
		}
	}
	return nil
}
