package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// History returns the kept points of a scorecard in (from, to], oldest first:
// one per tick for 2 hours, per 5 minutes for 48 hours and per hour for 90
// days before the newest tick; each is the last of its bucket, and buckets
// include their end. A positive step thins them further, to the last point in
// every bucket of that length, aligned to 1970, so that overlapping requests
// agree. Scores are as they were committed, times are cut to whole seconds,
// coverage is rounded to four decimals, and only a whole 1 is 1. What is
// damaged is left out. The error is scorecard.ErrNotFound for a scorecard that
// has no history.
func (s *Store) History(ctx context.Context, key scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	doing := fmt.Sprintf("read the history of %s of rubric %q", key.Service, key.Rubric)
	if err := ctx.Err(); err != nil {
		return nil, wrap(err, doing)
	}
	var points []scorecard.HistoryPoint
	err := s.fromHistory(ctx, "history", func(m *manifest) (missing bool, err error) {
		points, missing, err = s.readHistory(ctx, m, key, from, to)
		return missing, err
	})
	if err != nil {
		return nil, wrap(err, doing)
	}
	return thin(points, step), nil
}

// fromHistory calls read with the generation that is served here. When that has
// been followed by others, so that objects are missing, read is called again
// with the newest; what is missing then is lost, and done without.
func (s *Store) fromHistory(ctx context.Context, operation string, read func(*manifest) (missing bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := s.view.Load().manifest
	missing, err := read(m)
	if err == nil && missing {
		// Whether that works or not, what is served then is the best there is.
		if failed := s.Sync(ctx); failed != nil && ctx.Err() != nil {
			return failed
		}
		if newest := s.view.Load().manifest; newest != m {
			_, err = read(newest)
		}
	}
	if err == nil || errors.Is(err, scorecard.ErrNotFound) {
		return err // Redis need not have been asked
	}
	return s.noted(operation, err)
}

func (s *Store) readHistory(ctx context.Context, m *manifest, key scorecard.Key, from, to time.Time) (points []scorecard.HistoryPoint, missing bool, err error) {
	if m == nil {
		return nil, false, scorecard.ErrNotFound
	}
	shard, newest := shardOf(key.Service), m.Tick.Unix()
	if m.Roots[shard] == "" {
		return nil, false, scorecard.ErrNotFound
	}
	root := decodeEach(ctx, s, s.rootCache, []want{{shard, m.Roots[shard]}}, decodeRoot)[0]
	if isLoss(root.err) {
		return nil, isMissing(root.err), nil
	}
	if root.err != nil {
		return nil, false, root.err
	}
	stretches := history.Stretches(from.Unix(), to.Unix(), newest)
	if points, missing, err = s.pointsIn(ctx, root.value, shard, key, stretches); err != nil || len(points) > 0 || missing {
		return points, missing, err
	}
	all, missing, err := s.pointsIn(ctx, root.value, shard, key, history.Stretches(0, newest, newest))
	if err == nil && !missing && len(all) == 0 {
		err = scorecard.ErrNotFound
	}
	return nil, missing, err
}

// pointsIn reads the points of a scorecard in some stretches, in their order,
// and reports whether blocks are missing.
func (s *Store) pointsIn(ctx context.Context, r *root, shard int, key scorecard.Key, stretches []history.Stretch) (points []scorecard.HistoryPoint, missing bool, err error) {
	refs, wants := r.within(stretches, shard)
	for i, block := range decodeEach(ctx, s, s.blockCache, wants, codec.DecodeHistory) {
		if isLoss(block.err) {
			missing = missing || isMissing(block.err)
			continue
		}
		if block.err != nil {
			return nil, false, block.err
		}
		for p := range block.value.Points(key, refs[i].stretch.From, refs[i].stretch.To) {
			points = append(points, historyPoint(p))
		}
	}
	return points, missing, nil
}

func historyPoint(p codec.Point) scorecard.HistoryPoint {
	out := scorecard.HistoryPoint{Time: time.Unix(p.Tick, 0).UTC(), Coverage: p.Coverage, Level: p.Level}
	if !math.IsNaN(p.Score) {
		out.Score = &p.Score
	}
	return out
}

// partOfBlock is what of a block lies in a stretch.
type partOfBlock struct {
	historyRef
	stretch history.Stretch
}

// within lists the blocks of a root that overlap stretches, in the order of
// time, and where their objects are.
func (r *root) within(stretches []history.Stretch, shard int) (parts []partOfBlock, wants []want) {
	for _, stretch := range stretches {
		for _, h := range r.History {
			if h.Tier == stretch.Tier && h.End > stretch.From && h.End-blockLength(h.Tier) < stretch.To {
				parts = append(parts, partOfBlock{h, stretch})
				wants = append(wants, want{shard, h.Object})
			}
		}
	}
	return parts, wants
}

// thin keeps the last point of every step.
func thin(points []scorecard.HistoryPoint, step time.Duration) []scorecard.HistoryPoint {
	if step <= 0 {
		return points
	}
	var kept []scorecard.HistoryPoint
	for i := range points {
		if n := len(kept); n > 0 && history.Step(kept[n-1].Time.Unix(), step) == history.Step(points[i].Time.Unix(), step) {
			kept = kept[:n-1]
		}
		kept = append(kept, points[i])
	}
	return kept
}

// ScoresAt returns what the scores were at a time in the past, removed
// scorecards included: the last known one at or before it that is no older
// than the resolution kept there (an interval, 5 minutes or an hour). A
// scorecard without one is not in the map, which is the caller's.
func (s *Store) ScoresAt(ctx context.Context, at time.Time) (map[scorecard.Key]float64, error) {
	var scores map[scorecard.Key]float64
	err := s.fromHistory(ctx, "scores", func(m *manifest) (missing bool, err error) {
		scores, missing, err = s.readScores(ctx, m, at.Unix())
		return missing, err
	})
	if err != nil {
		return nil, wrap(err, "read the scores at "+instant(at))
	}
	return scores, nil
}

func (s *Store) readScores(ctx context.Context, m *manifest, at int64) (scores map[scorecard.Key]float64, missing bool, err error) {
	scores = map[scorecard.Key]float64{}
	if m == nil {
		return scores, false, nil
	}
	newest := m.Tick.Unix()
	stretches := history.Stretches(at-history.Resolution(at, newest, history.Seconds(m.Interval)), at, newest)
	if len(stretches) == 0 {
		return scores, false, nil
	}
	roots, lost, err := s.readRoots(ctx, m)
	if err != nil {
		return nil, false, err
	}
	var (
		parts []partOfBlock
		wants []want
	)
	for shard := range roots {
		p, w := roots[shard].within(stretches, shard)
		parts, wants = append(parts, p...), append(wants, w...)
	}
	missing = lost.missing()
	for i, block := range decodeEach(ctx, s, s.blockCache, wants, codec.DecodeHistory) {
		if isLoss(block.err) {
			missing = missing || isMissing(block.err)
			continue
		}
		if block.err != nil {
			return nil, false, block.err
		}
		for key, score := range block.value.Scores(parts[i].stretch.To, parts[i].stretch.To-parts[i].stretch.From) {
			scores[key] = score
		}
	}
	return scores, missing, nil
}
