package memstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	rules "github.com/apgarhq/apgar/store/history"
)

// history is the history of all scorecards, the removed ones included, until
// their last point is 90 days old.
type history struct {
	series   map[scorecard.Key]*series
	levels   []string // by number; numbers are for good
	levelNo  map[string]uint16
	newest   int64 // tick
	interval int64 // between ticks
}

func newHistory() *history {
	return &history{
		series:  map[scorecard.Key]*series{},
		levels:  []string{""},
		levelNo: map[string]uint16{"": 0},
	}
}

// History returns the kept points of a scorecard in (from, to], oldest first:
// one per tick for 2 hours, per 5 minutes for 48 hours and per hour for 90
// days before the newest tick; each is the last of its bucket, and buckets
// include their end. A positive step thins them further, to the last point in
// every bucket of that length, aligned to 1970, so that overlapping requests
// agree. Scores are as they were committed, times are cut to whole seconds,
// coverage is rounded to four decimals, and only a whole 1 is 1. The error is
// scorecard.ErrNotFound for a scorecard that has no history.
func (s *Store) History(ctx context.Context, key scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the history of %s of rubric %q: %w", key.Service, key.Rubric, err)
	}
	kept, ok := s.history.series[key]
	if !ok {
		return nil, fmt.Errorf("read the history of %s of rubric %q: %w", key.Service, key.Rubric, scorecard.ErrNotFound)
	}
	return s.history.points(kept, from.Unix(), to.Unix(), step), nil
}

// ScoresAt returns what the scores were at a time in the past, removed
// scorecards included: the last known one at or before it that is no older
// than the resolution kept there (an interval, 5 minutes or an hour). A
// scorecard without one is not in the map, which is the caller's.
func (s *Store) ScoresAt(ctx context.Context, at time.Time) (map[scorecard.Key]float64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the scores at %s: %w", instant(at), err)
	}
	h := s.history
	scores := make(map[scorecard.Key]float64, len(h.series))
	for key, kept := range h.series {
		if score, ok := kept.scoreAt(at.Unix(), h.newest, h.interval); ok {
			scores[key] = score
		}
	}
	return scores, nil
}

// points returns the points of one series for History.
func (h *history) points(kept *series, from, to int64, step time.Duration) []scorecard.HistoryPoint {
	var (
		points []scorecard.HistoryPoint
		last   int64
	)
	kept.between(from, to, h.newest, func(p *point) {
		bucket := rules.Step(int64(p.at), step)
		if len(points) > 0 && bucket == last {
			points = points[:len(points)-1]
		}
		points, last = append(points, h.point(p)), bucket
	})
	return points
}

func (h *history) point(p *point) scorecard.HistoryPoint {
	out := scorecard.HistoryPoint{
		Time:     time.Unix(int64(p.at), 0).UTC(),
		Coverage: rules.Coverage(p.coverage),
		Level:    h.levels[p.level],
	}
	if !math.IsNaN(p.score) {
		score := p.score
		out.Score = &score
	}
	return out
}

// stagedPoint is a point that has not been appended yet.
type stagedPoint struct {
	key scorecard.Key
	point
}

// stage turns rows into points. It fails without changing what readers see.
func (h *history) stage(rows []scorecard.HistoryRow) ([][]stagedPoint, error) {
	staged := make([][]stagedPoint, len(rows))
	for i, row := range rows {
		at := uint32(row.Tick.Unix())
		staged[i] = make([]stagedPoint, len(row.Points))
		for j, p := range row.Points {
			level, err := h.levelNumber(p.Level)
			if err != nil {
				return nil, err
			}
			staged[i][j] = stagedPoint{p.Key, point{
				score: rules.ScoreOrNaN(p.Score), at: at, coverage: rules.PackCoverage(p.Coverage), level: level,
			}}
		}
	}
	return staged, nil
}

// append adds the points of one tick and forgets what has become too old.
func (h *history) append(tick int64, staged []stagedPoint, interval time.Duration) {
	h.newest, h.interval = tick, rules.Seconds(interval)
	for key, kept := range h.series {
		if !kept.expire(h.newest) {
			delete(h.series, key)
		}
	}
	for _, p := range staged {
		kept, ok := h.series[p.key]
		if !ok {
			kept = &series{}
			h.series[p.key] = kept
		}
		kept.add(p.point, h.interval)
	}
}

func (h *history) levelNumber(level string) (uint16, error) {
	no, ok := h.levelNo[level]
	if !ok {
		if len(h.levels) > math.MaxUint16 {
			return 0, errors.New("the history knows 65,535 names of levels and has no room for another; restart with an empty store")
		}
		no = uint16(len(h.levels))
		h.levels = append(h.levels, level)
		h.levelNo[level] = no
	}
	return no, nil
}
