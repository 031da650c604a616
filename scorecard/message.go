package scorecard

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

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
		return fmt.Sprintf("all %d scrape targets of the service are down", j.facts.Down)
	case j.result.Reason == ReasonNoData:
		return "targets are up and have no such metric, which on_missing counts as " + string(j.result.Verdict)
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
		return "targets are up and have no such metric, so the check does not apply"
	}
	return "the check's applies_to does not select this service"
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
		return "there were no " + j.events() + " to judge"
	case ReasonWarmingUp:
		return fmt.Sprintf("%d of the %d slots of 5m that a first judgement needs are measured", j.facts.Measured, minMeasuredSlots)
	case ReasonNoData:
		return j.noDataMessage()
	}
	if f := j.quorum.fault; f != nil {
		return fmt.Sprintf("%s did not answer: %s", cellName(j.quorum.cell), f.Detail)
	}
	if j.result.Reason == ReasonPartial && j.check.Kind == rubric.KindValue {
		return fmt.Sprintf("only %s of the expected cells answered, and a sum needs all", percent(j.quorum.fresh))
	}
	return "too few slots of the windows are measured to tell"
}

func (j *judgement) noDataMessage() string {
	switch {
	case j.facts.Unidentified:
		return "no identity of the check names this service: its expression gives an empty value"
	case j.quorum.rows > 0:
		return fmt.Sprintf("cells worth only %s of the service answered", percent(j.quorum.fresh))
	case j.facts.Up == 0 && j.facts.Down > 0:
		return fmt.Sprintf("all %d scrape targets are down and there are no series", j.facts.Down)
	case j.facts.Up == 0:
		return "no source has a scrape target or a series of this service"
	}
	return fmt.Sprintf("%d scrape targets are up, none has the metric", j.facts.Up)
}

func cellName(key slo.CellKey) string {
	if key.Cell == key.Source {
		return key.Source
	}
	return key.Source + "/" + key.Cell
}

func (j *judgement) valueMessage() string {
	unit := j.check.Value.Unit
	message := quantity(*j.result.Value, unit) + ": pass is " + direction(j.check.Op) + " " + quantity(*j.check.Pass, unit)
	if j.check.Fail != nil {
		message += ", fail " + direction(opposite(j.check.Op)) + " " + quantity(*j.check.Fail, unit)
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

func (j *judgement) ratioMessage() string {
	w, _ := j.facts.Window(j.check.Window)
	message := fmt.Sprintf("%s over %s: pass is %s %s", j.share(w.Counts), duration(w.Length), direction(j.check.Op), percent(*j.check.Pass))
	if j.result.LowTraffic {
		message += "; too few to prove more"
	}
	return message
}

func (j *judgement) objectiveMessage() string {
	period := duration(j.check.Period)
	w, _ := j.facts.Window(j.check.Period)
	left := ""
	if r := j.result.Budget.Remaining; r != nil {
		left = budgetLeft(*r)
	}
	switch j.result.Reason {
	case ReasonBurningFast, ReasonBurningSlow:
		return j.burningMessage(period, left)
	case ReasonBudgetSpent:
		return fmt.Sprintf("%s over %s, more than the %s that the objective allows: %s",
			j.share(w.Counts), j.covered(period), percent(1-j.check.Objective), left)
	}
	if w.Counts.Total <= 0 {
		return fmt.Sprintf("there were no %s over %s; the budget of %s is untouched", j.events(), j.covered(period), percent(1-j.check.Objective))
	}
	message := fmt.Sprintf("%s over %s: %s", j.share(w.Counts), j.covered(period), left)
	if j.result.LowTraffic {
		message += "; too few to prove a burn"
	}
	return message
}

// burningMessage names the pair that fires, fastest first.
func (j *judgement) burningMessage(period, left string) string {
	for _, pair := range slo.BurnTable(j.check.Period, j.check.Objective) {
		page := j.result.Reason == ReasonBurningFast
		firing := false
		for _, f := range j.next.Firing {
			firing = firing || f.Long == pair.Long && f.Short == pair.Short
		}
		if pair.Page != page || !firing {
			continue
		}
		short, _ := j.facts.Window(pair.Short)
		long, _ := j.facts.Window(pair.Long)
		return fmt.Sprintf("%s in the last %s: the %s budget burns %s times too fast (%s: %s), %s",
			j.share(short.Counts), duration(pair.Short), period,
			number(slo.Burn(plainShare(short.Counts), j.check.Objective)), duration(pair.Long),
			number(slo.Burn(plainShare(long.Counts), j.check.Objective)), left)
	}
	return "the " + period + " budget burns too fast, " + left
}

// covered says what of the period is measured, where that is not all.
func (j *judgement) covered(period string) string {
	if slo.AtLeast(j.result.Budget.Covered, 0.995) {
		return period
	}
	measured := time.Duration(j.result.Budget.Covered * float64(j.check.Period)).Round(slo.SlotLength)
	return fmt.Sprintf("the %s measured of %s", duration(measured), period)
}

func budgetLeft(remaining float64) string {
	if remaining < 0 {
		return fmt.Sprintf("the error budget is overspent by %s", percent(-remaining))
	}
	return percent(remaining) + " of the error budget is left"
}

// share says how many of the events were bad.
func (j *judgement) share(c slo.Counts) string {
	ratio, _ := c.ErrorRatio()
	what := j.events() + " failed"
	if h := j.check.Histogram; h != nil {
		what = j.events() + " were over " + threshold(h)
	}
	return fmt.Sprintf("%s of %s %s", percent(ratio), count(c.Total), what)
}

func threshold(h *rubric.Histogram) string {
	if strings.HasSuffix(h.Metric, "_seconds") {
		return duration(time.Duration(math.Round(h.Threshold*1e3)) * time.Millisecond)
	}
	return number(h.Threshold)
}

// events names what is counted, by the metric's own last noun.
func (j *judgement) events() string {
	metric := ""
	switch {
	case j.check.Events != nil:
		metric = strings.TrimSuffix(j.check.Events.Total.Metric, "_total")
	case j.check.Histogram != nil:
		metric = strings.NewReplacer("_duration", "", "_latency", "", "_seconds", "", "_milliseconds", "").Replace(j.check.Histogram.Metric)
	}
	noun := metric[strings.LastIndexByte(metric, '_')+1:]
	switch {
	case strings.HasSuffix(noun, "s") && len(noun) > 2:
		return noun
	case noun == "request" || noun == "call" || noun == "query":
		return strings.TrimSuffix(strings.Replace(noun, "query", "querie", 1), "s") + "s"
	}
	return "events"
}

func duration(d time.Duration) string { return model.Duration(d).String() }

// percent writes a ratio with two significant digits, and as many nines as
// it takes near 100 %.
func percent(ratio float64) string {
	p := 100 * ratio
	decimals := 0
	switch gap := math.Min(math.Abs(p), math.Abs(100-p)); {
	case gap == 0 || gap >= 10:
	case gap >= 1:
		decimals = 1
	default:
		decimals = min(6, 1-int(math.Floor(math.Log10(gap))))
	}
	text := strconv.FormatFloat(p, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " %"
}

// number writes three significant digits, and whole numbers above 100.
func number(x float64) string {
	if math.Abs(x) >= 100 {
		return count(x)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// count writes a number of events, in groups of three digits.
func count(x float64) string {
	digits := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// quantity writes a gauge with its unit.
func quantity(x float64, unit string) string {
	switch unit {
	case "ratio":
		return percent(x)
	case "":
		return number(x)
	}
	return number(x) + " " + unit
}
