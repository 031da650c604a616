package codec

import (
	"fmt"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// DecodeStates returns the grading states of a payload.
func DecodeStates(payload []byte) (map[scorecard.Key]*scorecard.State, error) {
	r := stateReader{newReader(payload)}
	states := map[scorecard.Key]*scorecard.State{}
	r.fields(func(name []byte) bool {
		if string(name) != "states" {
			return false
		}
		r.items(func() {
			key, state := r.state()
			states[key] = state
		})
		return true
	})
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode grading states: %w", err)
	}
	return states, nil
}

type stateReader struct{ *reader }

func (r stateReader) state() (scorecard.Key, *scorecard.State) {
	var key scorecard.Key
	s := &scorecard.State{}
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "rubric":
			key.Rubric = r.text()
		case "namespace":
			key.Service.Namespace = r.text()
		case "service":
			key.Service.Name = r.text()
		case "rubric_version":
			s.RubricVersion = r.text()
		case "service_version":
			s.ServiceVersion = r.text()
		case "level":
			s.Level = r.text()
		case "detected":
			s.Detected = r.bool()
		case "absent_since":
			s.AbsentSince = r.time()
		case "last_score":
			s.LastScore = new(r.number())
		case "last_scored_at":
			s.LastScoredAt = r.time()
		case "checks":
			s.Checks = map[string]scorecard.CheckState{}
			r.items(func() {
				check, state := r.checkState(s.LastScoredAt)
				s.Checks[check] = state
			})
		default:
			return false
		}
		return true
	})
	return key, s
}

func (r stateReader) checkState(scoredAt time.Time) (check string, s scorecard.CheckState) {
	r.fields(func(name []byte) bool {
		if r.remembered(&s, name, scoredAt) {
			return true
		}
		switch string(name) {
		case "name":
			check = r.text()
		case "hash":
			s.Hash = r.text()
		case "verdict":
			s.Verdict = scorecard.Verdict(r.text())
		case "reason":
			s.Reason = r.text()
		case "since":
			s.Since = r.time()
		case "unknown_since":
			s.UnknownSince = r.time()
		case "down_ticks":
			s.DownTicks = r.int()
		case "down_at":
			s.DownAt = r.time()
		case "firing":
			r.items(func() { s.Firing = append(s.Firing, r.pair()) })
		case "seen":
			s.Seen = r.bool()
		case "absent_since":
			s.AbsentSince = r.time()
		case "inapplicable":
			s.Inapplicable = r.bool()
		default:
			return false
		}
		return true
	})
	return check, s
}

// remembered reads a field of what the check came to. The first version has
// only the verdict, reason and credit of a standing: it is taken for one of the
// last score.
func (r stateReader) remembered(s *scorecard.CheckState, name []byte, scoredAt time.Time) bool {
	switch string(name) {
	case "standing":
		s.Standing = r.standing(scoredAt)
	case "steady":
		if r.bool() {
			s.Evaluated = scorecard.Evaluation{Verdict: s.Standing.Verdict, Credit: s.Standing.Credit, At: s.Standing.At}
		}
	case "evaluated":
		s.Evaluated = r.evaluation(s.Standing.At)
	case "turns":
		r.items(func() { s.Turns = append(s.Turns, r.time()) })
	case "windows":
		r.items(func() { s.Windows = append(s.Windows, r.window(s.Standing.At)) })
	default:
		return false
	}
	return true
}

func (r stateReader) pair() scorecard.FiringPair {
	var p scorecard.FiringPair
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "long":
			p.Long = r.duration()
		case "short":
			p.Short = r.duration()
		case "idle_since":
			p.IdleSince = r.time()
		default:
			return false
		}
		return true
	})
	return p
}

func (r stateReader) standing(scoredAt time.Time) scorecard.Standing {
	s := scorecard.Standing{Coverage: 1, At: scoredAt}
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "verdict":
			s.Verdict = scorecard.Verdict(r.text())
		case "reason":
			s.Reason = r.text()
		case "credit":
			s.Credit = r.number()
		case "value":
			s.Value = new(r.number())
		case "coverage":
			s.Coverage = r.number()
		case "at":
			s.At = r.time()
		default:
			return false
		}
		return true
	})
	return s
}

func (r stateReader) evaluation(at time.Time) scorecard.Evaluation {
	e := scorecard.Evaluation{At: at}
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "verdict":
			e.Verdict = scorecard.Verdict(r.text())
		case "credit":
			e.Credit = r.number()
		case "at":
			e.At = r.time()
		default:
			return false
		}
		return true
	})
	return e
}

// window reads the four numbers of a window.
func (r stateReader) window(at time.Time) scorecard.WindowState {
	k := scorecard.WindowState{Length: r.duration()}
	k.Counts.Bad, k.Counts.Total = r.number(), r.number()
	k.At = at.Unix() - int64(r.int())
	return k
}
