package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// EncodeStates returns the payload of grading states, ordered by rubric and
// service. It fails for a state with a number that is not finite or a year that
// is not of four digits, and names its scorecard and check.
func EncodeStates(states map[scorecard.Key]*scorecard.State) ([]byte, error) {
	w := writer{buf: make([]byte, 0, 1024*len(states))}
	w.open('{')
	w.key("states")
	w.open('[')
	for _, key := range slices.SortedFunc(maps.Keys(states), compareKeys) {
		w.next()
		w.state(key, states[key])
		if w.err != nil {
			return nil, fmt.Errorf("encode the grading state of %s by rubric %q: %w", key.Service, key.Rubric, w.err)
		}
	}
	w.close(']')
	w.close('}')
	return w.buf, nil
}

func (w *writer) state(key scorecard.Key, s *scorecard.State) {
	if s == nil {
		w.err = errors.New("there is none")
		return
	}
	w.open('{')
	w.text("rubric", key.Rubric)
	w.text("namespace", key.Service.Namespace)
	w.text("service", key.Service.Name)
	w.text("rubric_version", s.RubricVersion)
	w.text("service_version", s.ServiceVersion)
	w.text("level", s.Level)
	w.bool("detected", s.Detected)
	w.time("absent_since", s.AbsentSince)
	w.numberOrNil("last_score", s.LastScore)
	w.time("last_scored_at", s.LastScoredAt) // before the checks, which refer to it
	if len(s.Checks) > 0 {
		w.key("checks")
		w.open('[')
		for _, name := range slices.Sorted(maps.Keys(s.Checks)) {
			w.next()
			w.checkState(name, s.Checks[name], s.LastScoredAt)
			if w.err != nil {
				w.err = fmt.Errorf("check %q: %w", name, w.err)
				return
			}
		}
		w.close(']')
	}
	w.close('}')
}

func (w *writer) checkState(name string, s scorecard.CheckState, scoredAt time.Time) {
	w.open('{')
	w.text("name", name)
	w.text("hash", s.Hash)
	w.text("verdict", string(s.Verdict))
	w.text("reason", s.Reason)
	w.time("since", s.Since)
	w.time("unknown_since", s.UnknownSince)
	w.int("down_ticks", s.DownTicks)
	w.time("down_at", s.DownAt)
	w.firing(s.Firing)
	w.standing(&s.Standing, scoredAt)
	w.evaluated(&s)
	w.windows(s.Windows, s.Standing.At)
	w.bool("seen", s.Seen)
	w.time("absent_since", s.AbsentSince)
	w.bool("inapplicable", s.Inapplicable)
	w.close('}')
}

func (w *writer) firing(pairs []scorecard.FiringPair) {
	if len(pairs) == 0 {
		return
	}
	w.key("firing")
	w.open('[')
	for _, pair := range pairs {
		w.next()
		w.open('{')
		w.duration("long", pair.Long)
		w.duration("short", pair.Short)
		w.time("idle_since", pair.IdleSince)
		w.close('}')
	}
	w.close(']')
}

// standing leaves out what is usual: all cells have answered, at the tick of
// the last score.
func (w *writer) standing(s *scorecard.Standing, scoredAt time.Time) {
	if s.Verdict == "" && s.Reason == "" && s.Value == nil && s.At.IsZero() && isZero(s.Credit) && isZero(s.Coverage) {
		return
	}
	w.key("standing")
	w.open('{')
	w.text("verdict", string(s.Verdict))
	w.text("reason", s.Reason)
	w.number("credit", s.Credit)
	w.numberOrNil("value", s.Value)
	if s.Coverage != 1 {
		w.numberOrNil("coverage", &s.Coverage)
	}
	w.unless("at", s.At, scoredAt)
	w.close('}')
}

// isZero tells 0 from -0.
func isZero(x float64) bool { return math.Float64bits(x) == 0 }

// evaluated writes the newest evaluation, which mostly is what stands, and when
// its verdict changed.
func (w *writer) evaluated(s *scorecard.CheckState) {
	e, standing := &s.Evaluated, &s.Standing
	same := e.Verdict == standing.Verdict && math.Float64bits(e.Credit) == math.Float64bits(standing.Credit) && e.At.Equal(standing.At)
	switch {
	case e.Verdict == "" && isZero(e.Credit) && e.At.IsZero():
	case same:
		w.bool("steady", true)
	default:
		w.key("evaluated")
		w.open('{')
		w.text("verdict", string(e.Verdict))
		w.number("credit", e.Credit)
		w.unless("at", e.At, standing.At)
		w.close('}')
	}
	if len(s.Turns) == 0 {
		return
	}
	w.key("turns")
	w.open('[')
	for _, t := range s.Turns {
		w.next()
		w.timeText("turns", t)
	}
	w.close(']')
}

// windows writes a list of length, bad, total and how many seconds before the
// standing result the window was judged; then those of the next.
func (w *writer) windows(windows []scorecard.WindowState, at time.Time) {
	if len(windows) == 0 {
		return
	}
	w.key("windows")
	w.open('[')
	for _, k := range windows {
		w.next()
		w.buf = appendSeconds(w.buf, k.Length)
		w.next()
		w.float("windows", k.Counts.Bad)
		w.next()
		w.float("windows", k.Counts.Total)
		w.next()
		w.buf = strconv.AppendInt(w.buf, at.Unix()-k.At, 10)
	}
	w.close(']')
}
