package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

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
	w.numberOrNil("last_score", s.LastScore)
	w.time("last_scored_at", s.LastScoredAt)
	if len(s.Checks) > 0 {
		w.key("checks")
		w.open('[')
		for _, name := range slices.Sorted(maps.Keys(s.Checks)) {
			w.next()
			w.checkState(name, s.Checks[name])
			if w.err != nil {
				w.err = fmt.Errorf("check %q: %w", name, w.err)
				return
			}
		}
		w.close(']')
	}
	w.close('}')
}

func (w *writer) checkState(name string, s scorecard.CheckState) {
	w.open('{')
	w.text("name", name)
	w.text("hash", s.Hash)
	w.text("verdict", string(s.Verdict))
	w.text("reason", s.Reason)
	w.time("since", s.Since)
	w.int("down_ticks", s.DownTicks)
	w.time("down_at", s.DownAt)
	if len(s.Firing) > 0 {
		w.key("firing")
		w.open('[')
		for _, pair := range s.Firing {
			w.next()
			w.open('{')
			w.duration("long", pair.Long)
			w.duration("short", pair.Short)
			w.time("idle_since", pair.IdleSince)
			w.close('}')
		}
		w.close(']')
	}
	if s.Standing != (scorecard.Standing{}) || math.Signbit(s.Standing.Credit) {
		w.key("standing")
		w.open('{')
		w.text("verdict", string(s.Standing.Verdict))
		w.text("reason", s.Standing.Reason)
		w.number("credit", s.Standing.Credit)
		w.close('}')
	}
	w.close('}')
}

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
		case "last_score":
			s.LastScore = new(r.number())
		case "last_scored_at":
			s.LastScoredAt = r.time()
		case "checks":
			s.Checks = map[string]scorecard.CheckState{}
			r.items(func() {
				check, state := r.checkState()
				s.Checks[check] = state
			})
		default:
			return false
		}
		return true
	})
	return key, s
}

func (r stateReader) checkState() (check string, s scorecard.CheckState) {
	r.fields(func(name []byte) bool {
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
		case "down_ticks":
			s.DownTicks = r.int()
		case "down_at":
			s.DownAt = r.time()
		case "firing":
			r.items(func() { s.Firing = append(s.Firing, r.pair()) })
		case "standing":
			s.Standing = r.standing()
		default:
			return false
		}
		return true
	})
	return check, s
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

func (r stateReader) standing() scorecard.Standing {
	var s scorecard.Standing
	r.fields(func(name []byte) bool {
		switch string(name) {
		case "verdict":
			s.Verdict = scorecard.Verdict(r.text())
		case "reason":
			s.Reason = r.text()
		case "credit":
			s.Credit = r.number()
		default:
			return false
		}
		return true
	})
	return s
}
