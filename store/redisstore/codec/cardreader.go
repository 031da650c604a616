package codec

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// DecodeCards returns the scorecards of a payload. service finds the services
// that are stored by their id only; one that it does not find is an error. What
// the scorecards say alike they share in memory.
func DecodeCards(payload []byte, common Common, service func(catalog.ID) (*catalog.Service, bool)) ([]*scorecard.Scorecard, error) {
	common.Tick, common.EvaluatedAt = bare(common.Tick), bare(common.EvaluatedAt)
	r := cardReader{reader: newReader(payload), common: common, find: service}
	var cards []*scorecard.Scorecard
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "checks":
			r.items(func() { r.checks = append(r.checks, r.definition()) })
		case "cards":
			r.items(func() { cards = append(cards, r.card()) })
		default:
			return false
		}
		return true
	})
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode scorecards: %w", err)
	}
	return cards, nil
}

// bare returns t in UTC without the reading of a monotonic clock.
func bare(t time.Time) time.Time { return t.UTC().Round(0) }

// cardReader reads what a cardWriter wrote.
type cardReader struct {
	*reader
	common  Common
	find    func(catalog.ID) (*catalog.Service, bool)
	checks  []scorecard.Result // with what a definition says
	results int                // of the scorecard before
}

func (r *cardReader) definition() scorecard.Result {
	var d scorecard.Result
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "name":
			d.Check = r.text()
		case "title":
			d.Title = r.text()
		case "severity":
			d.Severity = r.text()
		case "weight":
			d.Weight = r.number()
		case "window":
			d.Window = r.duration()
		case "target":
			d.Target = new(r.number())
		case "unit":
			d.Unit = r.text()
		case "hash":
			d.CheckHash = r.text()
		default:
			return false
		}
		return true
	})
	return d
}

func (r *cardReader) card() *scorecard.Scorecard {
	c := &scorecard.Scorecard{
		Environment: r.common.Environment, EvaluatedAt: r.common.EvaluatedAt, DataTime: r.common.Tick, LastScoredAt: r.common.Tick,
	}
	r.fields(func(name []byte) bool {
		return r.identity(c, name) || r.standing(c, name) || r.scores(c, name)
	})
	if r.err == nil && c.Service == nil {
		r.fail(errors.New("a scorecard names no service"))
	}
	return c
}

// identity reads a field that says which scorecard it is.
func (r *cardReader) identity(c *scorecard.Scorecard, name []byte) bool {
	switch string(name) {
	case "service":
		c.Service = r.service()
	case "whole_service":
		c.Service = r.wholeService()
	case "rubric":
		c.Rubric = r.text()
	case "version":
		c.RubricVersion = r.text()
	case "environment":
		c.Environment = r.text()
	case "evaluated_at":
		c.EvaluatedAt = r.time()
	case "data_time":
		c.DataTime = r.time()
	case "stateless":
		c.Stateless = r.bool()
	case "draft":
		c.Draft = r.bool()
	default:
		return false
	}
	return true
}

// standing reads a field that says how the service stands.
func (r *cardReader) standing(c *scorecard.Scorecard, name []byte) bool {
	switch string(name) {
	case "status":
		c.Status = scorecard.Status(r.text())
	case "pass":
		c.Pass = new(r.bool())
	case "grade":
		c.Grade = r.text()
	case "level":
		c.Level = r.text()
	case "rank":
		c.LevelRank = new(r.int())
	case "capped_by":
		c.CappedBy = r.text()
	case "cap_points":
		c.CapPoints = new(r.number())
	case "delta_1h":
		c.Delta.Hour = new(r.number())
	case "delta_1d":
		c.Delta.Day = new(r.number())
	case "delta_1w":
		c.Delta.Week = new(r.number())
	case "next_steps":
		r.items(func() { c.NextSteps = append(c.NextSteps, r.nextStep()) })
	case "results":
		c.Results = r.resultList()
	default:
		return false
	}
	return true
}

func (r *cardReader) scores(c *scorecard.Scorecard, name []byte) bool {
	switch string(name) {
	case "score":
		c.Score = new(r.number())
	case "last_score":
		c.LastScore = new(r.number())
	case "last_scored_at":
		c.LastScoredAt = r.time()
	case "raw_score":
		c.RawScore = new(r.number())
	case "score_low":
		c.ScoreLow = new(r.number())
	case "score_high":
		c.ScoreHigh = new(r.number())
	case "score_without_waivers":
		c.ScoreWithoutWaivers = new(r.number())
	case "coverage":
		c.Coverage = r.number()
	case "fresh_coverage":
		c.FreshCoverage = r.number()
	default:
		return false
	}
	return true
}

// service finds the service of an id.
func (r *cardReader) service() *catalog.Service {
	text := r.text()
	if r.err != nil {
		return nil
	}
	namespace, name, _ := strings.Cut(text, "/")
	if r.find != nil {
		if s, ok := r.find(catalog.ID{Namespace: namespace, Name: name}); ok {
			return s
		}
	}
	r.fail(fmt.Errorf("the service %.150q is not in the catalog that was stored with the scorecards", text))
	return nil
}

func (r *cardReader) wholeService() *catalog.Service {
	raw := r.value('{')
	if r.err != nil {
		return nil
	}
	var s storedService
	if err := unmarshal(raw, &s); err != nil {
		r.fail(err)
		return nil
	}
	return s.service()
}

// resultList makes room for as many results as the scorecard before had.
func (r *cardReader) resultList() []scorecard.Result {
	const most = 16 // so that no payload makes room for much more than it has
	var list []scorecard.Result
	r.items(func() {
		if list == nil {
			list = make([]scorecard.Result, 0, min(max(1, r.results), most))
		}
		list = append(list, scorecard.Result{})
		r.result(&list[len(list)-1])
	})
	r.results = len(list)
	return list
}

// result reads a result. The number of its definition comes first, and is 0
// where it is left out.
func (r *cardReader) result(into *scorecard.Result) {
	check := 0
	into.DataTime = r.common.Tick
	r.fields(func(name []byte) bool {
		if string(name) == "check" {
			check = r.int()
			return true
		}
		return r.judged(into, name) || r.shown(into, name)
	})
	if r.err != nil {
		return
	}
	if check < 0 || check >= len(r.checks) {
		r.fail(fmt.Errorf("a result is of check %d, but there are %d", check, len(r.checks)))
		return
	}
	d := &r.checks[check]
	into.Check, into.Title, into.Severity, into.Weight = d.Check, d.Title, d.Severity, d.Weight
	into.Window, into.Target, into.Unit, into.CheckHash = d.Window, d.Target, d.Unit, d.CheckHash
}

// judged reads a field that says what the check came to.
func (r *cardReader) judged(into *scorecard.Result, name []byte) bool {
	switch string(name) {
	case "verdict":
		into.Verdict = scorecard.Verdict(r.text())
	case "reason":
		into.Reason = r.text()
	case "overrides":
		into.Overrides = r.overrides()
	case "credit":
		into.Credit = new(r.number())
	case "points_lost":
		into.PointsLost = new(r.number())
	case "value":
		into.Value = new(r.number())
	case "coverage":
		into.Coverage = r.number()
	case "without_waiver":
		into.WithoutWaiver = scorecard.Verdict(r.text())
	case "carried":
		into.Carried = r.bool()
	case "missing":
		into.Missing = r.text()
	case "pending":
		into.Pending = scorecard.Verdict(r.text())
	default:
		return false
	}
	return true
}

// shown reads a field that says why.
func (r *cardReader) shown(into *scorecard.Result, name []byte) bool {
	switch string(name) {
	case "flapping":
		into.Flapping = r.bool()
	case "low_traffic":
		into.LowTraffic = r.bool()
	case "since":
		into.Since = r.time()
	case "data_time":
		into.DataTime = r.time()
	case "message":
		into.Message = r.text()
	case "evidence":
		into.Evidence = r.text()
	case "cells":
		r.items(func() { into.Cells = append(into.Cells, r.cell()) })
	case "budget":
		into.Budget = r.budget()
	default:
		return false
	}
	return true
}

// overrides reads a list of field, value, field, value.
func (r *cardReader) overrides() map[string]string {
	fields := map[string]string{}
	r.items(func() { fields[r.text()] = r.text() })
	return fields
}

func (r *cardReader) nextStep() scorecard.NextStep {
	var s scorecard.NextStep
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "check":
			s.Check = r.text()
		case "level":
			s.Level = r.text()
		case "points":
			s.Points = new(r.number())
		default:
			return false
		}
		return true
	})
	return s
}

func (r *cardReader) cell() scorecard.CellResult {
	var c scorecard.CellResult
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "source":
			c.Source = r.text()
		case "cell":
			c.Cell = r.text()
		case "value":
			c.Value = new(r.number())
		case "coverage":
			c.Coverage = r.number()
		case "fault":
			c.Fault = r.text()
		default:
			return false
		}
		return true
	})
	return c
}

func (r *cardReader) budget() *scorecard.Budget {
	b := &scorecard.Budget{To: r.common.Tick}
	usual := true
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "objective":
			b.Objective = r.number()
		case "period":
			b.Period = r.duration()
		case "covered":
			b.Covered = r.number()
		case "to":
			b.To = r.time()
		case "from":
			b.From, usual = r.time(), false
		case "remaining":
			b.Remaining = new(r.number())
		case "bad":
			b.Bad = r.number()
		case "total":
			b.Total = r.number()
		case "born":
			b.Born = r.number()
		case "burn":
			b.Burn = r.burns()
		default:
			return false
		}
		return true
	})
	if usual {
		b.From = b.To.Add(-b.Period)
	}
	return b
}

// burns reads a list of window, rate, window, rate.
func (r *cardReader) burns() []scorecard.Burn {
	var list []scorecard.Burn
	r.items(func() {
		if list == nil {
			list = make([]scorecard.Burn, 0, 7) // as many as an objective has
		}
		list = append(list, scorecard.Burn{Window: r.duration()})
		if r.err == nil && r.decoder.PeekKind() == 'n' {
			r.token('n')
			return
		}
		list[len(list)-1].Rate = new(r.number())
	})
	return list
}
