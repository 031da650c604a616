package question

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/waiver"
)

// Plan is what follows from rubrics, catalog and interval: the distinct
// questions, and which services each concerns. It is immutable, all that it
// points to included, and safe for concurrent use.
type Plan struct {
	// Hash names the plan in fact blocks.
	Hash string
	// Interval is the time between ticks; it divides five minutes.
	Interval time.Duration
	Catalog  *catalog.Snapshot
	Rubrics  []*rubric.Rubric
	// Services is the roster: rows name a service by its place in it.
	Services []*catalog.Service

	Identities []Identity
	// Questions are in the order of the columns of a block.
	Questions []Question
	SLIs      []SLI
	Graded    []GradedService // rubric by rubric

	scoped   map[int]bool // services asked for alone; nil: all
	versions []string     // what the catalog says of each service, by its place
	exempt   []waiver.Exemptions
}

// Identity is one way in which series name services.
type Identity struct {
	*rubric.Identity
	Index *rubric.IdentityIndex // of the services of the plan, by their place
	// Problems are what went wrong in naming single services, by their place.
	Problems map[int]string
}

// Question is one SLI under one identity: what a column of a block answers.
type Question struct {
	SLI      int           // place in the plan's SLIs
	Identity int           // place in the plan's Identities
	Check    *rubric.Check // one of those that the SLI serves
}

// SLI is one thing that is counted or measured, asked for once whatever the
// number of checks on it. Its questions are the alternatives of identity.
type SLI struct {
	Hash      string        // names it in ledgers and pages, whatever the plan
	Check     *rubric.Check // one of those on it
	Questions []int         // places in the plan's Questions, the preferred identity first
	Applies   []bool        // by place of a service: whether any check on it does
	period    time.Duration
	every     int64 // seconds between two askings, often enough for each of its checks
}

// GradedService is a service with the rubric that grades it, as it holds for that
// service: its annotations may override what checks ask of it.
type GradedService struct {
	Service int // place in the plan's Services
	Rubric  *rubric.Rubric
	SLIs    []int // places in the plan's SLIs, by check; -1 for catalog checks
	// Origin is the rubric without the service's overrides.
	Origin *rubric.Rubric
	// Detect says that the rubric grades the service only once a row was seen.
	Detect bool
	// Version names what the catalog says of the service.
	Version string
	// Exemptions are the waivers that may be in force for the service.
	Exemptions waiver.Exemptions
}

// Waived returns the ids of the waivers in force at a tick, by check; nil for
// none.
func (g *GradedService) Waived(tick time.Time) map[string]string {
	if len(g.Exemptions) == 0 {
		return nil
	}
	var waived map[string]string
	for _, check := range g.Rubric.Checks {
		if w, ok := g.Exemptions.For(g.Rubric.Name, check.Name, tick); ok {
			if waived == nil {
				waived = map[string]string{}
			}
			waived[check.Name] = w.ID
		}
	}
	return waived
}

// PlanOptions say what to plan for. Nothing in them may be changed any more.
type PlanOptions struct {
	Catalog  *catalog.Snapshot
	Rubrics  []*rubric.Rubric
	Interval time.Duration // between ticks: whole seconds that divide five minutes
	// Only restricts the questions to some services, by id; empty: all.
	Only []catalog.ID
	// Waivers exempt services from checks; nil: none.
	Waivers *waiver.Set
}

// NewPlan plans the questions. It is an error when the interval does not
// divide five minutes, when a check's own interval is no multiple of it, and
// when Only names a service that the catalog does not have.
func NewPlan(o PlanOptions) (*Plan, error) {
	if o.Interval < time.Second || o.Interval%time.Second != 0 || slo.SlotLength%o.Interval != 0 {
		return nil, fmt.Errorf("planning the questions: the evaluation interval %s does not divide 5m into whole seconds: use e.g. 1m or 15s", o.Interval)
	}
	p := &Plan{Interval: o.Interval, Catalog: o.Catalog, Rubrics: o.Rubrics, Services: o.Catalog.Services()}
	if err := p.restrict(o.Only); err != nil {
		return nil, err
	}
	p.look(o.Waivers)
	identities, slis := map[string]int{}, map[string]int{}
	for _, r := range o.Rubrics {
		for _, check := range r.Checks {
			if check.Interval%o.Interval != 0 {
				return nil, fmt.Errorf("%s: check %s of rubric %s has the interval %s, which is no multiple of the evaluation interval %s: change one of the two",
					check.Position, check.Name, r.Name, check.Interval, o.Interval)
			}
		}
		p.addRubric(r, identities, slis)
	}
	p.Hash = p.hash()
	return p, nil
}

// look notes what is needed of each service whatever the rubric.
func (p *Plan) look(waivers *waiver.Set) {
	p.versions = make([]string, len(p.Services))
	p.exempt = make([]waiver.Exemptions, len(p.Services))
	for i, s := range p.Services {
		if p.wants(i) {
			p.versions[i], p.exempt[i] = s.Version(), waivers.Of(s)
		}
	}
}

func (p *Plan) restrict(only []catalog.ID) error {
	if len(only) == 0 {
		return nil
	}
	p.scoped = map[int]bool{}
	for _, id := range only {
		i, ok := p.Catalog.Index(id)
		if !ok {
			return fmt.Errorf("planning the questions of single services: the catalog has no service %s: correct its name", id)
		}
		p.scoped[i] = true
	}
	return nil
}

func (p *Plan) wants(service int) bool { return p.scoped == nil || p.scoped[service] }

// addRubric finds the services that a rubric grades, and what is asked for it.
func (p *Plan) addRubric(r *rubric.Rubric, identities, slis map[string]int) {
	common := make([]int, len(r.Checks))
	for j, check := range r.Checks {
		common[j] = p.addCheck(check, identities, slis)
	}
	packs := rubric.PackNames(p.Rubrics)
	for i, s := range p.Services {
		grades, detect := r.Choose(s, packs)
		if !p.wants(i) || !grades || !scorecard.Applies(r, s) {
			continue
		}
		g := GradedService{
			Service: i, Rubric: r, SLIs: common, Origin: r, Detect: detect, Version: p.versions[i], Exemptions: p.exempt[i],
		}
		// An override that is no good is left out here; whoever checks the
		// configuration reports it.
		if own, _ := r.For(s); own != r {
			g.Rubric, g.SLIs = own, make([]int, len(own.Checks))
			for j, check := range own.Checks {
				g.SLIs[j] = p.addCheck(check, identities, slis)
			}
		}
		for _, sli := range g.SLIs {
			if sli >= 0 {
				p.SLIs[sli].Applies[i] = true
			}
		}
		p.Graded = append(p.Graded, g)
	}
}

// addCheck finds or adds the SLI of a check and returns its place; -1 for
// catalog checks. A check that a service overrides has the SLI of the original,
// unless its query says $window, or its values merge in the other direction.
func (p *Plan) addCheck(check *rubric.Check, identities, slis map[string]int) int {
	if check.Kind == rubric.KindCatalog {
		return -1
	}
	hash := sliHash(check)
	i, known := slis[hash]
	if !known {
		i = len(p.SLIs)
		slis[hash] = i
		s := SLI{Hash: hash, Check: check, Applies: make([]bool, len(p.Services))}
		for _, identity := range check.Identities {
			s.Questions = append(s.Questions, len(p.Questions))
			p.Questions = append(p.Questions, Question{SLI: i, Identity: p.addIdentity(identity, identities), Check: check})
		}
		p.SLIs = append(p.SLIs, s)
	}
	s := &p.SLIs[i]
	s.period = max(s.period, check.Period, check.Window)
	s.every = commonDivisor(p.stepOf(check), s.every)
	return i
}

// sliHash names what a check counts or measures. A gauge also depends on how
// the values of one service are merged.
func sliHash(check *rubric.Check) string {
	if check.Value == nil {
		return check.SLI
	}
	return fmt.Sprintf("%s %s %s", check.SLI, check.Value.Across, check.Op)
}

func commonDivisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (p *Plan) addIdentity(identity *rubric.Identity, known map[string]int) int {
	i, ok := known[identity.Hash]
	if !ok {
		i = len(p.Identities)
		known[identity.Hash] = i
		index := identity.Index(p.Services)
		p.Identities = append(p.Identities, Identity{identity, index, p.identityProblems(identity, index)})
	}
	return i
}

// identityProblems asks anew about the services that an identity does not
// name, one by one, if anything went wrong at all: an index does not say which
// service its errors are about.
func (p *Plan) identityProblems(identity *rubric.Identity, index *rubric.IdentityIndex) map[int]string {
	if len(index.Errors()) == 0 {
		return nil
	}
	problems := map[int]string{}
	for i := range p.Services {
		if index.Identified(i) {
			continue
		}
		if errs := identity.Index(p.Services[i : i+1]).Errors(); len(errs) > 0 {
			problems[i] = errs[0].Error()
		}
	}
	return problems
}

// hash covers whatever the meaning of a block's rows depends on.
func (p *Plan) hash() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", p.Interval, p.Catalog.Version())
	for _, q := range p.Questions {
		_, _ = fmt.Fprintf(h, "%s %d\n", p.SLIs[q.SLI].Hash, q.Identity)
	}
	for _, id := range p.Identities {
		_, _ = io.WriteString(h, id.Hash+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Due reports whether an SLI is asked for at a tick, in Unix seconds.
func (s *SLI) Due(tick int64) bool { return tick%s.every == 0 }

// AsOf is the newest tick, at or before one, at which a check was due; both are in
// Unix seconds.
func (p *Plan) AsOf(check *rubric.Check, tick int64) int64 { return tick - tick%p.stepOf(check) }

// Paces reports whether an SLI is asked for just as often as a check on it wants,
// and no other check has it asked for more often.
func (p *Plan) Paces(check *rubric.Check, s *SLI) bool { return p.stepOf(check) == s.every }

// stepOf is how often a check is judged, in seconds.
func (p *Plan) stepOf(check *rubric.Check) int64 { return seconds(max(check.Interval, p.Interval)) }

// Due reports whether a question, by its place, is asked at a tick, in Unix
// seconds.
func (p *Plan) Due(question int, tick int64) bool { return p.SLIs[p.Questions[question].SLI].Due(tick) }

// reaches reports whether an identity names any service that is asked for.
func (p *Plan) reaches(identity int) bool {
	for i := range p.Services {
		if p.wants(i) && p.Identities[identity].Index.Identified(i) {
			return true
		}
	}
	return false
}

// IdentityReports lists, for each identity in use, what catalog and series
// cannot agree on.
func (p *Plan) IdentityReports() []scorecard.IdentityReport {
	reports := make([]scorecard.IdentityReport, 0, len(p.Identities))
	for _, id := range p.Identities {
		report := scorecard.IdentityReport{Identity: id.Name, Unreached: id.Index.Unidentified()}
		for _, c := range id.Index.Conflicts() {
			report.Conflicts = append(report.Conflicts, scorecard.IdentityConflict{Labels: c.Labels, Services: c.Services})
		}
		reports = append(reports, report)
	}
	return reports
}

// Longest is how far back the ledger is needed; 0 when nothing is counted.
func (p *Plan) Longest() time.Duration {
	var d time.Duration
	for _, depth := range p.Counted() {
		d = max(d, depth)
	}
	return d
}
