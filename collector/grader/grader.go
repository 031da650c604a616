package grader

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// Grader keeps the ledger and the grading state, and judges. It is not safe
// for concurrent use: one goroutine owns it.
type Grader struct {
	plan        *question.Plan
	environment string
	stateless   bool
	sources     []string
	evidenceAt  func(source string, question, service int) string
	series      [][]*slo.Series // by SLI, then service; nil where it does not apply
	counted     []int           // places of the SLIs that are counted
	gauges      []int           // and of the others
	lender      lender
	states      map[scorecard.Key]*scorecard.State
	conflicts   map[int]map[int]string // by identity, then service
	evidence    map[evidenceKey]string
	held        map[heldKey]slo.Facts // of checks on SLIs that are asked for more often
	slots       func(map[slo.Outcome]int)
	panicked    func()
	log         *slog.Logger
	grade       func(scorecard.Input) (*scorecard.Scorecard, *scorecard.State)
}

type evidenceKey struct {
	source            string
	question, service int
}

// Options say what is graded, and how. All but Grade must be set.
type Options struct {
	Plan        *question.Plan
	Sources     []string // the source of each block of a tick
	Environment string   // as the scorecards say it
	// Stateless says that there is no state to go on from, which the scorecards
	// tell.
	Stateless bool
	// Evidence returns a link to what a service has at a source that a question
	// is about, or "". It is asked once for each, and must not change.
	Evidence func(source string, question, service int) string
	// Slots hears how many of the slots that were entered had which outcome.
	Slots func(map[slo.Outcome]int)
	// Panicked hears of each panic that was recovered.
	Panicked func()
	Logger   *slog.Logger
	// Grade judges one service by one rubric; nil: scorecard.Grade.
	Grade func(scorecard.Input) (*scorecard.Scorecard, *scorecard.State)
}

// New prepares to grade, with a ledger that is empty and no state.
func New(o Options) *Grader {
	g := &Grader{
		plan: o.Plan, environment: o.Environment, stateless: o.Stateless, sources: o.Sources,
		evidenceAt: o.Evidence, slots: o.Slots, panicked: o.Panicked, log: o.Logger, grade: o.Grade,
		conflicts: map[int]map[int]string{}, evidence: map[evidenceKey]string{}, held: map[heldKey]slo.Facts{},
	}
	if g.grade == nil {
		g.grade = scorecard.Grade
	}
	for i := range g.plan.SLIs {
		if g.plan.SLIs[i].Check.Kind.Counted() {
			g.counted = append(g.counted, i)
		} else {
			g.gauges = append(g.gauges, i)
		}
	}
	g.Use(slo.NewLedger(o.Plan.Interval), nil)
	g.findConflicts()
	return g
}

// Use makes a ledger the one that answers go to and that is graded from, and goes
// on from the states of the last grading; nil is none. The ledger stays the
// caller's, who must not use it while the grader does.
func (g *Grader) Use(ledger *slo.Ledger, states map[scorecard.Key]*scorecard.State) {
	g.states, g.series = states, make([][]*slo.Series, len(g.plan.SLIs))
	for i := range g.plan.SLIs {
		s := &g.plan.SLIs[i]
		g.series[i] = make([]*slo.Series, len(g.plan.Services))
		for service, applies := range s.Applies {
			if applies {
				series := ledger.Series(s.Hash, g.plan.Services[service].ID.String())
				series.Declared = declaredSources(g.plan.Services[service])
				g.series[i][service] = series
			}
		}
	}
}

// States returns the state of the newest grading. It is not changed any more.
func (g *Grader) States() map[scorecard.Key]*scorecard.State { return g.states }

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
	for i, id := range g.plan.Identities {
		g.conflicts[i] = map[int]string{}
		for _, c := range id.Index.Conflicts() {
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

// AddTick enters what the blocks of a tick, in the order of the sources, say of
// a scope: first what is counted, then gauges, which borrow cells of it. A nil block
// is a source that has not answered.
func (g *Grader) AddTick(tick time.Time, blocks []*slo.Block, of question.Scope) {
	at, boundary := tick.Unix(), question.IsBoundary(tick)
	entered := func(i int) bool {
		s := &g.plan.SLIs[i]
		return of.HasSLI(i) && s.Due(at) && asked(s, blocks)
	}
	outcomes := map[slo.Outcome]int{}
	for _, i := range g.counted {
		if entered(i) {
			g.enter(i, at, blocks, of, func(series *slo.Series, r *slo.Round, answers []slo.Answer) {
				series.AddTick(r, answers)
				if boundary {
					outcomes[series.AddSlot(r, answers)]++
				}
			})
		}
	}
	var gauges []int
	for _, i := range g.gauges {
		if entered(i) {
			gauges = append(gauges, i)
		}
	}
	g.lend(gauges, at, of)
	for _, i := range gauges {
		g.enter(i, at, blocks, of, (*slo.Series).AddTick)
	}
	g.slots(outcomes)
}

// enter hands on what the blocks about an instant say of an SLI, by its place, service
// by service.
func (g *Grader) enter(sli int, at int64, blocks []*slo.Block, of question.Scope, take func(*slo.Series, *slo.Round, []slo.Answer)) {
	m := newMerger(g.plan, &g.plan.SLIs[sli], at, g.sources, blocks)
	for service, series := range g.series[sli] {
		if series != nil && of.HasService(service) {
			take(series, m.round, m.answers(service, series))
		}
	}
}

// asked reports whether blocks are about an SLI at all: those of the past may
// be about the ledger alone. That nothing came is about every SLI.
func asked(s *question.SLI, blocks []*slo.Block) bool {
	nothing := true
	for _, b := range blocks {
		if b == nil {
			continue
		}
		nothing = false
		if slices.ContainsFunc(s.Questions, func(q int) bool { return q < len(b.Columns) && b.Columns[q].Asked }) {
			return true
		}
	}
	return nothing
}

// AddSlot enters what the blocks about one slot, named by its end, say of a
// scope: asked again, or backfilled. They are in the order of the sources.
func (g *Grader) AddSlot(end time.Time, blocks []*slo.Block, of question.Scope) {
	outcomes := map[slo.Outcome]int{}
	for _, i := range g.counted {
		if of.HasSLI(i) {
			g.enter(i, end.Unix(), blocks, of, func(series *slo.Series, r *slo.Round, answers []slo.Answer) {
				outcomes[series.AddSlot(r, answers)]++
			})
		}
	}
	g.slots(outcomes)
}

// Grade judges every service by every rubric that applies, and by all of them
// together, as of a tick whose blocks have been added, and moves the grading
// state on. The scorecards are in the order of scorecard.Compare.
func (g *Grader) Grade(tick, evaluatedAt time.Time) []*scorecard.Scorecard {
	var cards []*scorecard.Scorecard
	states := make(map[scorecard.Key]*scorecard.State, len(g.states))
	services := make([]graded, len(g.plan.Services))
	for i := range g.plan.Graded {
		one := &g.plan.Graded[i]
		service := g.plan.Services[one.Service]
		key := scorecard.Key{Rubric: one.Rubric.Name, Service: service.ID}
		card, state, sound := g.gradeOne(one, scorecard.Input{
			Rubric: one.Rubric, Service: service, Environment: g.environment,
			Tick: tick.UTC(), EvaluatedAt: evaluatedAt.UTC(), Interval: g.plan.Interval,
			Previous: g.states[key], Stateless: g.stateless, Detect: one.Detect, ServiceVersion: one.Version, Waivers: one.Waived(tick),
		})
		if state != nil {
			states[key] = state
		}
		if card != nil {
			cards = append(cards, card)
			services[one.Service].add(card, one.Rubric)
		}
		if !sound {
			services[one.Service].incomplete = true
		}
	}
	cards = append(cards, g.overall(services, states)...)
	g.states = states
	slices.SortFunc(cards, scorecard.Compare)
	return cards
}

// gradeOne judges one service by one rubric. A panic is a defect in the
// judging of this one: it is not sound, and costs the service the scorecard of
// this tick and the overall one, nothing else.
func (g *Grader) gradeOne(graded *question.GradedService, in scorecard.Input) (card *scorecard.Scorecard, state *scorecard.State, sound bool) {
	defer func() {
		if cause := recover(); cause != nil {
			g.survived(cause, "grading a service panicked, and there is no scorecard of it and no overall one for this tick",
				"service", in.Service.ID, "rubric", in.Rubric.Name, "tick", in.Tick)
			card, state, sound = nil, in.Previous, false
		}
	}()
	in.Facts = g.facts(graded, in.Tick.Unix())
	card, state = g.grade(in)
	return card, state, true
}

// survived tells of a panic that was recovered.
func (g *Grader) survived(cause any, what string, about ...any) {
	g.panicked()
	g.log.Error(what+": please report this defect", append(about, "cause", cause, "stack", string(debug.Stack()))...)
}

// facts gathers what is known of each check of a rubric for one service.
func (g *Grader) facts(graded *question.GradedService, tick int64) []scorecard.CheckFacts {
	facts := make([]scorecard.CheckFacts, len(graded.Rubric.Checks))
	for i, check := range graded.Rubric.Checks {
		if at := graded.SLIs[i]; at >= 0 {
			facts[i] = g.checkFacts(check, &g.plan.SLIs[at], g.series[at][graded.Service], graded.Service, tick)
		}
	}
	return facts
}

func (g *Grader) checkFacts(check *rubric.Check, s *question.SLI, series *slo.Series, service int, tick int64) scorecard.CheckFacts {
	f := scorecard.CheckFacts{
		Facts:        g.factsOf(check, s, series, service, tick),
		Unidentified: true,
	}
	for _, q := range s.Questions {
		id := &g.plan.Identities[g.plan.Questions[q].Identity]
		if id.Index.Identified(service) {
			f.Unidentified = false
		}
		f.IdentityProblem = cmp.Or(f.IdentityProblem, id.Problems[service])
	}
	f.Conflict = g.conflictOf(s, series, service, f.Cells)
	f.Evidence = g.evidenceOf(s, series, service, &f.Facts)
	return f
}

// conflictOf says who else claims the identity that a service is known by in
// its cells; where it has never been seen, by the first that names it. What
// nobody looks at does not matter. It is "" without a conflict.
func (g *Grader) conflictOf(s *question.SLI, series *slo.Series, service int, cells []slo.CellFact) string {
	conflict := func(alternative int) string {
		return g.conflicts[g.plan.Questions[s.Questions[alternative]].Identity][service]
	}
	seen := false
	for _, cell := range cells {
		if alternative, known := series.Identity(cell.Key); known && alternative < len(s.Questions) {
			seen = true
			if text := conflict(alternative); text != "" {
				return text
			}
		}
	}
	for alternative, q := range s.Questions {
		if !seen && g.plan.Identities[g.plan.Questions[q].Identity].Index.Identified(service) {
			return conflict(alternative)
		}
	}
	return ""
}

// evidenceOf links to the query at the first source that is expected to have
// the service, under the identity that it has there. Links do not change from
// tick to tick and are kept.
func (g *Grader) evidenceOf(s *question.SLI, series *slo.Series, service int, f *slo.Facts) string {
	if len(f.Cells) == 0 {
		return ""
	}
	cell := f.Cells[0].Key
	alternative, _ := series.Identity(cell)
	key := evidenceKey{cell.Source, s.Questions[min(alternative, len(s.Questions)-1)], service}
	link, known := g.evidence[key]
	if known {
		return link
	}
	link = g.evidenceAt(cell.Source, key.question, service)
	g.evidence[key] = link
	return link
}
