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
	points, err := s.readHistory(ctx, key, from, to, step)
	if _, swept := errors.AsType[*missingError](err); swept {
		// The generation that is served here has been followed by others.
		if err = s.Sync(ctx); err == nil {
			points, err = s.readHistory(ctx, key, from, to, step)
		}
	}
	if err != nil {
		return nil, wrap(err, doing)
	}
	return points, nil
}

func (s *Store) readHistory(ctx context.Context, key scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	m := s.view.Load().manifest
	if m == nil {
		return nil, scorecard.ErrNotFound
	}
	shard, newest := shardOf(key.Service), m.tick.Unix()
	r, err := s.rootOf(ctx, m, shard)
	if err != nil {
		return nil, s.noted("history", err)
	}
	points, err := s.pointsIn(ctx, r, shard, key, history.Stretches(from.Unix(), to.Unix(), newest))
	if err != nil {
		return nil, err
	}
	if len(points) == 0 {
		all, err := s.pointsIn(ctx, r, shard, key, history.Stretches(0, newest, newest))
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, scorecard.ErrNotFound
		}
	}
	return thin(points, step), nil
}

// rootOf reads one root of a generation; one that is damaged is empty.
func (s *Store) rootOf(ctx context.Context, m *manifest, shard int) (*root, error) {
	r := &root{}
	name := m.body.Roots[shard]
	if name == "" {
		return r, nil
	}
	payloads, err := s.fetch(ctx, []want{{shard, name}})
	if err == nil {
		err = unmarshalRoot(payloads[0], r)
	}
	if errors.Is(err, codec.ErrCorrupt) {
		return &root{}, nil
	}
	return r, err
}

// pointsIn reads the points of a scorecard in some stretches, in their order.
func (s *Store) pointsIn(ctx context.Context, r *root, shard int, key scorecard.Key, stretches []history.Stretch) ([]scorecard.HistoryPoint, error) {
	var points []scorecard.HistoryPoint
	refs, wants := r.within(stretches, shard)
	got := s.fetchEach(ctx, wants)
	for i, ref := range refs {
		block, err := decodeBlock(got[i])
		if errors.Is(err, codec.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, s.noted("history", err)
		}
		for p := range block.Points(key, ref.stretch.From, ref.stretch.To) {
			points = append(points, historyPoint(p))
		}
	}
	s.heard()
	return points, nil
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
	doing := "read the scores at " + instant(at)
	if err := ctx.Err(); err != nil {
		return nil, wrap(err, doing)
	}
	scores, err := s.readScores(ctx, at.Unix())
	if _, swept := errors.AsType[*missingError](err); swept {
		if err = s.Sync(ctx); err == nil {
			scores, err = s.readScores(ctx, at.Unix())
		}
	}
	return scores, wrap(err, doing)
}

func (s *Store) readScores(ctx context.Context, at int64) (map[scorecard.Key]float64, error) {
	scores := map[scorecard.Key]float64{}
	m := s.view.Load().manifest
	if m == nil {
		return scores, nil
	}
	newest := m.tick.Unix()
	stretches := history.Stretches(at-history.Resolution(at, newest, history.Seconds(m.body.Interval)), at, newest)
	if len(stretches) == 0 {
		return scores, nil
	}
	roots, lost, err := s.readRoots(ctx, m)
	if err == nil && lost.missing() {
		err = lost[0].err
	}
	if err != nil {
		return nil, s.noted("scores", err)
	}
	var (
		parts []partOfBlock
		wants []want
	)
	for shard := range roots {
		p, w := roots[shard].within(stretches, shard)
		parts, wants = append(parts, p...), append(wants, w...)
	}
	for i, f := range s.fetchEach(ctx, wants) {
		block, err := decodeBlock(f)
		if errors.Is(err, codec.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, s.noted("scores", err)
		}
		for key, score := range block.Scores(parts[i].stretch.To, parts[i].stretch.To-parts[i].stretch.From) {
			scores[key] = score
		}
	}
	s.heard()
	return scores, nil
}
