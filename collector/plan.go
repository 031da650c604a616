package collector

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// Plan is what follows from rubrics, catalog and interval: the distinct
// questions, and which services each concerns. It is immutable.
type Plan struct {
	// Hash names the plan in fact blocks.
	Hash string
	// Interval is the time between ticks; it divides five minutes.
	Interval time.Duration
	Catalog  *catalog.Snapshot
	Rubrics  []*rubric.Rubric
	// Services is the roster: rows name a service by its place in it.
	Services []*catalog.Service

	identities []planIdentity
	questions  []question
	slis       []sli
	graded     []gradedRubric
	scoped     map[int]bool // services asked for alone; nil: all
}

// planIdentity is one way in which series name services.
type planIdentity struct {
	*rubric.Identity
	index *rubric.IdentityIndex
}

// question is one SLI under one identity: what a column of a block answers.
type question struct {
	sli      int
	identity int
	check    *rubric.Check // one of those that the SLI serves
}

// sli is one thing that is counted or measured, asked for once whatever the
// number of checks on it. Its questions are the alternatives of identity.
type sli struct {
	hash      string
	check     *rubric.Check
	questions []int
	applies   []bool // by service
	period    time.Duration
}

// gradedRubric is a rubric with the services that it grades.
type gradedRubric struct {
	rubric   *rubric.Rubric
	services []int
	slis     []int // by check; -1 for catalog checks
}

// PlanOptions say what to plan for.
type PlanOptions struct {
	Catalog  *catalog.Snapshot
	Rubrics  []*rubric.Rubric
	Interval time.Duration
	// Only restricts the questions to some services, by id; empty: all.
	Only []catalog.ID
}

// NewPlan plans the questions.
func NewPlan(o PlanOptions) (*Plan, error) {
	p := &Plan{Interval: o.Interval, Catalog: o.Catalog, Rubrics: o.Rubrics, Services: o.Catalog.Services()}
	if err := p.scope(o.Only); err != nil {
		return nil, err
	}
	identities, slis := map[string]int{}, map[string]int{}
	for _, r := range o.Rubrics {
		g := gradedRubric{rubric: r}
		for i, s := range p.Services {
			if p.wants(i) && scorecard.Applies(r, s) {
				g.services = append(g.services, i)
			}
		}
		for _, check := range r.Checks {
			if check.Interval%o.Interval != 0 {
				return nil, fmt.Errorf("%s: check %s of rubric %s has the interval %s, which is no multiple of the evaluation interval %s: change one of the two",
					check.Position, check.Name, r.Name, check.Interval, o.Interval)
			}
			g.slis = append(g.slis, p.addCheck(check, g.services, identities, slis))
		}
		p.graded = append(p.graded, g)
	}
	p.Hash = p.hash()
	return p, nil
}

func (p *Plan) scope(only []catalog.ID) error {
	if len(only) == 0 {
		return nil
	}
	p.scoped = map[int]bool{}
	for _, id := range only {
		i, ok := p.Catalog.Index(id)
		if !ok {
			return fmt.Errorf("the catalog has no service %s", id)
		}
		p.scoped[i] = true
	}
	return nil
}

func (p *Plan) wants(service int) bool { return p.scoped == nil || p.scoped[service] }

// addCheck finds or adds the SLI of a check and returns its place.
func (p *Plan) addCheck(check *rubric.Check, services []int, identities, slis map[string]int) int {
	if check.Kind == rubric.KindCatalog {
		return -1
	}
	i, known := slis[check.SLI]
	if !known {
		i = len(p.slis)
		slis[check.SLI] = i
		s := sli{hash: check.SLI, check: check, applies: make([]bool, len(p.Services))}
		for _, identity := range check.Identities {
			s.questions = append(s.questions, len(p.questions))
			p.questions = append(p.questions, question{sli: i, identity: p.addIdentity(identity, identities), check: check})
		}
		p.slis = append(p.slis, s)
	}
	for _, service := range services {
		p.slis[i].applies[service] = true
	}
	p.slis[i].period = max(p.slis[i].period, check.Period, check.Window)
	return i
}

func (p *Plan) addIdentity(identity *rubric.Identity, known map[string]int) int {
	i, ok := known[identity.Hash]
	if !ok {
		i = len(p.identities)
		known[identity.Hash] = i
		p.identities = append(p.identities, planIdentity{identity, identity.Index(p.Services)})
	}
	return i
}

// hash covers whatever the meaning of a block's rows depends on.
func (p *Plan) hash() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", p.Interval, p.Catalog.Version())
	for _, q := range p.questions {
		_, _ = fmt.Fprintf(h, "%s %d\n", p.slis[q.sli].hash, q.identity)
	}
	for _, id := range p.identities {
		_, _ = io.WriteString(h, id.Hash+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// due reports whether a question is asked at a tick (Unix seconds).
func (q question) due(tick int64) bool {
	every := int64(q.check.Interval / time.Second)
	return every == 0 || tick%every == 0
}

// asOf is the newest tick, at or before one, at which a check was due.
func asOf(check *rubric.Check, tick int64) int64 {
	every := int64(check.Interval / time.Second)
	if every == 0 {
		return tick
	}
	return tick - tick%every
}

// IdentityReports lists, for each identity in use, what catalog and series
// cannot agree on.
func (p *Plan) IdentityReports() []scorecard.IdentityReport {
	reports := make([]scorecard.IdentityReport, 0, len(p.identities))
	for _, id := range p.identities {
		report := scorecard.IdentityReport{Identity: id.Name, Unreached: id.index.Unidentified()}
		for _, c := range id.index.Conflicts() {
			report.Conflicts = append(report.Conflicts, scorecard.IdentityConflict{Labels: c.Labels, Services: c.Services})
		}
		reports = append(reports, report)
	}
	return reports
}

// longest is how far back the ledger is needed.
func (p *Plan) longest() time.Duration {
	var d time.Duration
	for _, s := range p.slis {
		if s.check.Kind.Counted() {
			d = max(d, s.period)
		}
	}
	return d
}
