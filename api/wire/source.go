package wire

import (
	"fmt"

	"github.com/apgarhq/apgar/scorecard"
)

// Source encodes what is known of a source.
func Source(s *scorecard.SourceStatus) (*Body, error) {
	w := writer{buf: make([]byte, 0, 512)}
	w.open('{')
	w.text("name", s.Name)
	w.text("environment", s.Environment)
	w.text("state", s.State)
	w.texts("cells", s.Cells)
	w.time("last_success", s.LastSuccess)
	w.textOrNull("last_error", s.LastError)
	w.textOrNull("replica", s.Replica)
	w.time("tick", s.Tick)
	w.int("queries", int64(s.Queries))
	w.int("failed", int64(s.Failed))
	w.int("samples", s.Samples)
	seconds := s.Duration.Seconds()
	w.number("duration_seconds", &seconds)
	w.int("unmatched", int64(s.Unmatched))
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the source %q: %w", s.Name, w.err)
	}
	return &Body{json: w.buf}, nil
}

// History encodes the points of one scorecard as {"items": […]}.
func History(points []scorecard.HistoryPoint) (*Body, error) {
	w := writer{buf: make([]byte, 0, 32+80*len(points))}
	w.open('{')
	w.key("items")
	w.open('[')
	for i := range points {
		w.next()
		w.open('{')
		w.time("time", points[i].Time)
		w.score("score", points[i].Score)
		w.decimal("coverage", &points[i].Coverage)
		w.textOrNull("level", points[i].Level)
		w.close('}')
	}
	w.close(']')
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode history: %w", w.err)
	}
	return &Body{json: w.buf}, nil
}
