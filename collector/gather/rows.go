package gather

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// sums adds up the samples of a row by class.
type sums struct {
	value [classes]float64
	count [classes]int
	fault *slo.Fault
}

func sumUp(samples []sample) sums {
	var s sums
	for _, x := range samples {
		s.value[x.class] += x.value
		s.count[x.class]++
		if math.IsNaN(x.value) || math.IsInf(x.value, 0) {
			s.fault = &slo.Fault{Reason: slo.InvalidData, Detail: "the answer holds " + strconv.FormatFloat(x.value, 'g', -1, 64)}
		}
	}
	return s
}

// countedRow makes the row of a counted question of all its samples. ok is
// false when they are no row: bad events of another metric, none of them, and
// no total.
func countedRow(check *rubric.Check, samples []sample) (row slo.Row, ok bool) {
	row = slo.Row{Service: samples[0].service, Cell: samples[0].cell}
	s := sumUp(samples)
	if row.Fault = s.fault; row.Fault != nil {
		return row, true
	}
	if ambiguous(samples) {
		row.Fault = &slo.Fault{Reason: slo.Ambiguous, Detail: "the answer has several rows with the very same labels: is a proxy joining answers of replicas without removing duplicates?"}
		return row, true
	}
	bad, total := s.value[classBad], s.value[classBad]+s.value[classGood]
	switch {
	case check.Histogram != nil:
		if s.count[classAll]+s.count[classWithin]+s.count[classNativeAll] == 0 {
			return row, false // what lacks the bound has not counted anything
		}
		row.Interpolated = s.isNative()
		if bad, total, row.Fault = bucketCounts(check.Histogram, s); row.Fault != nil {
			return row, true
		}
	case check.Events.BadOf != nil:
		total = s.value[classAll]
		if bad <= 0 && s.count[classAll] == 0 {
			return row, false
		}
	}
	counts, valid := slo.NewCounts(bad, total)
	if !valid {
		row.Fault = &slo.Fault{Reason: slo.InvalidData, Detail: fmt.Sprintf("%g bad events of %g cannot be", bad, total)}
	}
	row.Counts = counts
	return row, true
}

// isNative reports that a service has native histograms alone.
func (s *sums) isNative() bool { return s.count[classAll]+s.count[classWithin] == 0 }

// bucketCounts returns the observations above the bound, and all. Classic
// buckets stand before native histograms where a service has both.
func bucketCounts(h *rubric.Histogram, s sums) (bad, total float64, fault *slo.Fault) {
	switch {
	case s.isNative(): // nor does it matter what lacks the bound
		return s.value[classNativeAll] - s.value[classNativeWithin], s.value[classNativeAll], nil
	case s.count[classWithin] == 0:
		return 0, 0, &slo.Fault{Reason: slo.NoSuchBucket, Detail: missingBound(h)}
	case s.count[classLacking] > 0:
		return 0, 0, &slo.Fault{Reason: slo.NoSuchBucket, Detail: missingBoundOfSome(h)}
	case s.count[classAll] == 0:
		return 0, 0, &slo.Fault{Reason: slo.InvalidData, Detail: h.Metric + " has no +Inf bucket"}
	}
	return s.value[classAll] - s.value[classWithin], s.value[classAll], nil
}

// gaugeRow makes the row of a value question. Several samples under one tuple
// are ambiguous; several tuples of one service are merged as cells are.
func gaugeRow(check *rubric.Check, samples []sample) slo.Row {
	row := slo.Row{Service: samples[0].service, Cell: samples[0].cell}
	s := sumUp(samples)
	row.Fault = s.fault
	if row.Fault != nil {
		return row
	}
	if ambiguous(samples) {
		row.Fault = &slo.Fault{Reason: slo.Ambiguous, Detail: fmt.Sprintf("the query gives %d rows for one identity: aggregate by ($identity)", len(samples))}
		return row
	}
	lowest, highest := samples[0].value, samples[len(samples)-1].value
	switch across := check.Value.Across; {
	case across == rubric.Sum:
		row.Value = s.value[classValue]
	case across == rubric.Mean:
		row.Value = s.value[classValue] / float64(len(samples))
	case (across == rubric.Best) == (check.Op == rubric.AtMost):
		row.Value = lowest
	default:
		row.Value = highest
	}
	if math.IsInf(row.Value, 0) {
		row.Value, row.Fault = 0, &slo.Fault{Reason: slo.InvalidData, Detail: "the sum of the values is not finite"}
	}
	return row
}

// fewSamples are compared with each other one by one.
const fewSamples = 16

// ambiguous reports whether two samples of one class have the same tuple.
func ambiguous(samples []sample) bool {
	if len(samples) <= fewSamples {
		for i := range samples {
			for j := range samples[:i] {
				if samples[i].same(samples[j]) {
					return true
				}
			}
		}
		return false
	}
	sorted := slices.SortedFunc(slices.Values(samples), func(a, b sample) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.tuple, b.tuple))
	})
	for i := range sorted[1:] {
		if sorted[i].same(sorted[i+1]) {
			return true
		}
	}
	return false
}

func (x sample) same(o sample) bool { return x.class == o.class && x.tuple == o.tuple }

// targetRow counts the targets of a service in a cell; its numbers are finite.
func targetRow(samples []sample) slo.TargetRow {
	row := slo.TargetRow{Service: samples[0].service, Cell: samples[0].cell}
	var up, down float64
	for _, x := range samples {
		switch {
		case x.class == classDown:
			down += x.value
		case x.class == classPresent && x.value <= 0:
			down++
		default:
			up += x.value
		}
	}
	row.Up, row.Down = targetCount(up), targetCount(down)
	return row
}

// targetCount rounds up: a share of a target is one.
func targetCount(x float64) int32 { return int32(math.Ceil(min(max(x, 0), math.MaxInt32))) }

// classifierOf returns how a query's rows become samples of what it feeds.
func classifierOf(p *question.Plan, d question.Dialect, f question.Feed) func(*promapi.Series) (class, bool) {
	switch f.Role {
	case question.RoleTotal:
		return always(classAll)
	case question.RoleBad, question.RoleBorn:
		return always(classBad)
	case question.RoleGauge, question.RoleScrapes:
		return always(classValue)
	case question.RolePresence:
		return always(classPresent)
	case question.RoleTargets:
		return targetClass
	case question.RoleTold:
		return toldClass(f.Bad)
	case question.RoleBuckets:
		return bucketClass(p.Questions[f.Question].Check.Histogram.Threshold)
	}
	return eventClass(d, p.Questions[f.Question].Check.Events.Bad)
}

// eventClass tells bad events from good ones as Prometheus' own matchers do:
// a missing label is "", a pattern is anchored.
func eventClass(d question.Dialect, bad []*labels.Matcher) func(*promapi.Series) (class, bool) {
	names := make([]string, len(bad))
	for i, m := range bad {
		names[i] = d.Label(m.Name)
	}
	return func(s *promapi.Series) (class, bool) {
		for i, m := range bad {
			if !m.Matches(string(s.Label(names[i]))) {
				return classGood, true
			}
		}
		return classBad, true
	}
}

// toldClass reads what the source says.
func toldClass(label string) func(*promapi.Series) (class, bool) {
	return func(s *promapi.Series) (class, bool) {
		if string(s.Label(label)) == question.BadMark {
			return classBad, true
		}
		return classGood, true
	}
}

func always(c class) func(*promapi.Series) (class, bool) {
	return func(*promapi.Series) (class, bool) { return c, true }
}

// bucketClass matches le as a number. Rows that count series without the bound have
// no le.
func bucketClass(threshold float64) func(*promapi.Series) (class, bool) {
	return func(s *promapi.Series) (class, bool) {
		if len(s.Label(question.LackingLabel)) > 0 {
			return classLacking, true
		}
		le, err := strconv.ParseFloat(string(s.Label(model.BucketLabel)), 64)
		switch {
		case err != nil:
			return 0, false
		case math.IsInf(le, 1):
			return classAll, true
		}
		return classWithin, le == threshold
	}
}

// targetClass reads whether the targets of a row are up.
func targetClass(s *promapi.Series) (class, bool) {
	if string(s.Label(question.UpLabel)) == "0" {
		return classDown, true
	}
	return classUp, true
}
