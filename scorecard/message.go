package scorecard

import (
	"fmt"
	"slices"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// message explains a result in one sentence, with its numbers.
func (j *judgement) message() string {
	switch j.result.Verdict {
	case NotApplicable:
		return j.notApplicableMessage()
	case VerdictUnknown:
		return j.unknownMessage()
	}
	switch {
	case j.result.Reason == ReasonTargetDown:
		return j.downMessage()
	case j.result.Reason == ReasonNoData:
		return j.upMessage() + ", which on_missing counts as " + string(j.result.Verdict)
	case j.check.Kind == rubric.KindCatalog:
		return j.catalogMessage()
	case j.check.Kind == rubric.KindValue:
		return j.valueMessage()
	case j.check.Objective > 0:
		return j.objectiveMessage()
	}
	return j.ratioMessage()
}

func (j *judgement) notApplicableMessage() string {
	switch j.result.Reason {
	case ReasonCELError:
		return "the check's condition cannot be evaluated for this service"
	case ReasonNoData:
		if j.facts.Up == 0 {
			return "no target that was up has ever had the metric, so the check does not apply"
		}
		return j.upMessage() + ", so the check does not apply"
	}
	return "the check's applies_to does not select this service"
}

func (j *judgement) downMessage() string {
	if j.facts.Down == 1 {
		return "the only scrape target of the service is down"
	}
	return "all " + count(float64(j.facts.Down)) + " scrape targets of the service are down"
}

func (j *judgement) upMessage() string {
	if j.facts.Up == 1 {
		return "one scrape target is up and does not have the metric"
	}
	return count(float64(j.facts.Up)) + " scrape targets are up and none has the metric"
}

func (j *judgement) catalogMessage() string {
	if j.result.Verdict == Pass {
		return "the catalog entry meets " + j.check.Catalog.Source()
	}
	return "the catalog entry does not meet " + j.check.Catalog.Source()
}

func (j *judgement) unknownMessage() string {
	switch j.result.Reason {
	case ReasonIdentityConflict:
		return "another service claims the same series: " + j.facts.Conflict
	case ReasonIdle:
		return "there were no " + j.events() + " to judge in the last " + FormatDuration(j.result.Window)
	case ReasonWarmingUp:
		return fmt.Sprintf("%d of the %d slots of 5m that a first judgement needs are measured", j.facts.Measured, minMeasuredSlots)
	case ReasonNoData:
		return j.noDataMessage()
	}
	if f := j.quorum.fault; f != nil && !slo.AtLeast(j.quorum.fresh, minFresh) {
		return j.faultMessage(f)
	}
	switch {
	case j.check.Kind != rubric.KindValue:
		return j.gapsMessage()
	case j.result.Reason == ReasonPartial:
		return "only cells worth " + percent(j.quorum.fresh) + " of the service answered, and a sum needs all"
	}
	return "the values of the cells add up to no finite number"
}

// faultMessage names the cell with the gravest fault.
func (j *judgement) faultMessage(f *slo.Fault) string {
	message := "the data of " + cellName(j.quorum.cell) + " cannot be used"
	if f.Reason == slo.SourceError {
		message = cellName(j.quorum.cell) + " did not answer"
	}
	if f.Detail != "" {
		message += ": " + f.Detail
	}
	if more := j.quorum.faults - 1; more > 0 {
		message += fmt.Sprintf(" (%d of %d cells have faults)", j.quorum.faults, len(j.facts.Cells))
	}
	return message
}

// gapsMessage names the first window that is measured too thinly.
func (j *judgement) gapsMessage() string {
	windows := []window{}
	if j.check.Objective == 0 {
		windows = append(windows, j.window(j.check.Window))
	}
	for _, pair := range j.pairs {
		windows = append(windows, j.window(pair.Short), j.window(pair.Long))
	}
	i := slices.IndexFunc(windows, func(w window) bool { return !w.judged })
	if i < 0 {
		return "too little of the windows is measured to tell"
	}
	w := windows[i]
	return fmt.Sprintf("only %d of %d answers of 5m in the last %s are measured, too few to tell",
		w.Measured, w.Expected, FormatDuration(w.Length))
}

func (j *judgement) noDataMessage() string {
	switch {
	case j.facts.Unidentified && j.facts.IdentityProblem != "":
		return "no identity of the check names this service: " + j.facts.IdentityProblem
	case j.facts.Unidentified:
		return "no identity of the check names this service: its expression gives an empty value"
	case j.quorum.rows > 0:
		return "only cells worth " + percent(j.quorum.fresh) + " of the service answered"
	case j.facts.Up > 0:
		return j.upMessage()
	case j.facts.Down > 0:
		return j.downMessage() + " and there are no series"
	}
	return "no source has a scrape target or a series of this service"
}

func cellName(key slo.CellKey) string {
	if key.Cell == key.Source {
		return key.Source
	}
	return key.Source + "/" + key.Cell
}

func (j *judgement) valueMessage() string {
	c := j.check
	message := quantity(*j.result.Value, c.Value.Unit, c.Pass, c.Fail) +
		": pass is " + direction(c.Op) + " " + quantity(*c.Pass, c.Value.Unit)
	if c.Fail != nil {
		message += ", fail is " + direction(opposite(c.Op)) + " " + quantity(*c.Fail, c.Value.Unit)
	}
	return message
}

func direction(op rubric.Op) string {
	if op == rubric.AtLeast {
		return "at least"
	}
	return "at most"
}

func opposite(op rubric.Op) rubric.Op {
	if op == rubric.AtLeast {
		return rubric.AtMost
	}
	return rubric.AtLeast
}

// ratioMessage speaks of the share of bad events, and turns the bounds, which
// are shares of good ones, around.
func (j *judgement) ratioMessage() string {
	c := j.check
	w := j.window(c.Window)
	badPass := 1 - *c.Pass
	bounds := []*float64{&badPass}
	limits := "pass is " + direction(opposite(c.Op)) + " " + percent(badPass)
	if c.Fail != nil {
		badFail := 1 - *c.Fail
		bounds = append(bounds, &badFail)
		limits += ", fail is " + direction(c.Op) + " " + percent(badFail)
	}
	message := j.share(w.Counts, bounds...) + " in the last " + FormatDuration(w.Length) + ": " + limits
	if j.result.LowTraffic {
		message += "; too few to prove more"
	}
	return message
}
