package wire

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

// none is the name of what has no level.
const none = "none"

// Rollup encodes the scores of a bucket of services.
func Rollup(r *scorecard.Rollup) (*Body, error) {
	w := writer{buf: make([]byte, 0, 1024)}
	w.open('{')
	w.text("rubric", r.Rubric)
	w.text("by", string(r.By))
	w.textOrNull("name", r.Name)
	w.score("score", r.Score)
	w.number("points", &r.Points)
	w.number("known_weight", &r.Known)
	w.number("weight", &r.Weight)
	w.int("services", int64(r.Services))
	w.int("scored", int64(r.Scored))
	w.int("held", int64(r.Held))
	w.int("unknown", int64(r.Unknown))
	w.int("not_scored", int64(r.NotScored))
	w.counts("grades", r.Grades)
	w.counts("levels", r.Levels)
	w.worst(r.Worst)
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the rollup of %s %q: %w", r.By, r.Name, w.err)
	}
	return &Body{json: w.buf}, nil
}

// counts writes how many there are of each kind, in order of name.
func (w *writer) counts(name string, counts map[string]int) {
	w.key(name)
	w.open('{')
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		w.next()
		w.quote(cmp.Or(kind, none))
		w.buf = append(w.buf, ':')
		w.buf = fmt.Append(w.buf, counts[kind])
	}
	w.close('}')
}

func (w *writer) worst(worst []scorecard.Worst) {
	w.key("worst")
	w.open('[')
	for _, s := range worst {
		w.next()
		w.open('{')
		w.text("namespace", s.Service.Namespace)
		w.text("name", s.Service.Name)
		w.score("score", &s.Score)
		w.bool("held", s.Held)
		w.close('}')
	}
	w.close(']')
}
