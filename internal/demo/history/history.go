// Package history writes what a fleet's instances would have been scraped for in the past straight into a block of a
// Prometheus time series database, and the most recent stretch into its head.
//
// It is much faster than appending: each series is encoded once, from first sample to last. The package knows instances
// by their columns only, and nothing of the fleet they belong to.
package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"

	"github.com/apgarhq/apgar/internal/demo/instance"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// samplesPerChunk is what Prometheus itself aims at.
const samplesPerChunk = 120

// Span is the stretch of time to write: samples lie in (From, To], one per Step and instance, each instance at its own
// offset into the step as real targets are. Step must be at least a second.
type Span struct {
	From, To time.Time
	Step     time.Duration
}

// times returns when an instance is scraped within the span, in milliseconds since 1970.
func (s Span) times(i *instance.Instance) []int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(i.Path())) // a hash never fails to write
	step := s.Step.Milliseconds()
	offset := int64(h.Sum64() % uint64(step))
	first := s.From.UnixMilli()/step*step + offset
	for first <= s.From.UnixMilli() {
		first += step
	}
	times := make([]int64, 0, max(0, (s.To.UnixMilli()-first)/step+1))
	for t := first; t <= s.To.UnixMilli(); t += step {
		times = append(times, t)
	}
	return times
}

// WriteBlock writes one block with the past of all instances into dir, the folder of a database that is not open, and
// returns the number of samples. It writes nothing if the span holds no sample.
func WriteBlock(ctx context.Context, dir string, instances []*instance.Instance, span Span) (samples uint64, err error) {
	if span.Step < time.Second {
		return 0, fmt.Errorf("writing the history into %s: the step %s is shorter than a second", dir, span.Step)
	}
	id := ulid.Make()
	final := filepath.Join(dir, id.String())
	temporary := final + ".tmp"
	w := blockWriter{dir: temporary, id: id}
	if err := w.write(ctx, instances, span); err != nil {
		return 0, fmt.Errorf("writing the history of %d instances into %s: %w (is the disk full?)",
			len(instances), temporary, errors.Join(err, os.RemoveAll(temporary)))
	}
	if w.meta.Stats.NumSamples == 0 {
		return 0, os.RemoveAll(temporary)
	}
	if err := os.Rename(temporary, final); err != nil {
		return 0, fmt.Errorf("publishing the block of the history: %w", err)
	}
	return w.meta.Stats.NumSamples, nil
}

type blockWriter struct {
	dir    string
	id     ulid.ULID
	meta   tsdb.BlockMeta
	series []encodedSeries
}

// encodedSeries is a series with its chunks in memory: both the chunks and the index must be written in the order of
// the labels, while encoding goes by instance, so that each reading is taken once.
type encodedSeries struct {
	labels labels.Labels
	chunks []chunks.Meta
}

func (w *blockWriter) write(ctx context.Context, instances []*instance.Instance, span Span) error {
	if err := w.encodeAll(ctx, instances, span); err != nil {
		return err
	}
	slices.SortFunc(w.series, func(a, b encodedSeries) int { return labels.Compare(a.labels, b.labels) })
	if err := w.writeChunks(); err != nil {
		return err
	}
	if err := w.writeIndex(ctx); err != nil {
		return err
	}
	return w.writeMeta()
}

func (w *blockWriter) encodeAll(ctx context.Context, instances []*instance.Instance, span Span) error {
	var readings []traffic.Reading
	for _, i := range instances {
		if err := ctx.Err(); err != nil {
			return err
		}
		times, meter := span.times(i), i.Meter()
		readings = readings[:0]
		for _, t := range times {
			readings = append(readings, meter.Read(time.UnixMilli(t)))
		}
		for _, column := range i.Columns() {
			if metas := w.encode(column, times, readings); len(metas) > 0 {
				w.series = append(w.series, encodedSeries{labels: column.Labels, chunks: metas})
			}
		}
	}
	return nil
}

func (w *blockWriter) writeChunks() (err error) {
	cw, err := chunks.NewWriter(filepath.Join(w.dir, "chunks"))
	if err != nil {
		return fmt.Errorf("creating the chunks: %w", err)
	}
	defer func() { err = errors.Join(err, cw.Close()) }()
	for _, s := range w.series {
		if err := cw.WriteChunks(s.chunks...); err != nil {
			return fmt.Errorf("writing chunks of %s: %w", s.labels, err)
		}
		for k := range s.chunks {
			s.chunks[k].Chunk = nil // on disk now; only the reference is needed
		}
	}
	return nil
}

// encode returns the chunks of a column. Where a series ends before the readings do, a staleness marker follows it.
func (w *blockWriter) encode(column instance.Column, times []int64, readings []traffic.Reading) []chunks.Meta {
	var metas []chunks.Meta
	var appender chunkenc.Appender
	var current *chunkenc.XORChunk
	alive := false
	for k, t := range times {
		v, exists := column.Value(&readings[k])
		if !exists {
			if !alive {
				continue
			}
			v = staleMarker()
		}
		alive = exists
		if current == nil || current.NumSamples() == samplesPerChunk {
			current = chunkenc.NewXORChunk()
			appender, _ = current.Appender() // of an empty chunk, it cannot fail
			metas = append(metas, chunks.Meta{Chunk: current, MinTime: t})
		}
		appender.Append(0, t, v)
		metas[len(metas)-1].MaxTime = t
		w.count(t)
	}
	w.meta.Stats.NumChunks += uint64(len(metas))
	return metas
}

func (w *blockWriter) count(t int64) {
	if w.meta.Stats.NumSamples == 0 || t < w.meta.MinTime {
		w.meta.MinTime = t
	}
	w.meta.MaxTime = max(w.meta.MaxTime, t+1)
	w.meta.Stats.NumSamples++
	w.meta.Stats.NumFloatSamples++
}

func (w *blockWriter) writeIndex(ctx context.Context) (err error) {
	iw, err := index.NewWriter(ctx, filepath.Join(w.dir, "index"))
	if err != nil {
		return fmt.Errorf("creating the index: %w", err)
	}
	defer func() { err = errors.Join(err, iw.Close()) }()
	for _, symbol := range symbols(w.series) {
		if err := iw.AddSymbol(symbol); err != nil {
			return fmt.Errorf("adding a symbol to the index: %w", err)
		}
	}
	for k, s := range w.series {
		if err := iw.AddSeries(storage.SeriesRef(k), s.labels, s.chunks...); err != nil {
			return fmt.Errorf("adding %s to the index: %w", s.labels, err)
		}
	}
	return nil
}

func symbols(series []encodedSeries) []string {
	set := map[string]struct{}{}
	for _, s := range series {
		s.labels.Range(func(l labels.Label) {
			set[l.Name] = struct{}{}
			set[l.Value] = struct{}{}
		})
	}
	sorted := make([]string, 0, len(set))
	for s := range set {
		sorted = append(sorted, s)
	}
	slices.Sort(sorted)
	return sorted
}

func (w *blockWriter) writeMeta() error {
	w.meta.ULID, w.meta.Version = w.id, 1
	w.meta.Stats.NumSeries = uint64(len(w.series))
	w.meta.Compaction.Level = 1
	w.meta.Compaction.Sources = []ulid.ULID{w.id}
	text, err := json.MarshalIndent(w.meta, "", "\t")
	if err != nil {
		return fmt.Errorf("encoding meta.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "meta.json"), text, 0o600); err != nil {
		return fmt.Errorf("writing meta.json: %w", err)
	}
	return nil
}

// Append appends the samples of the span to an open database: the stretch between the end of the block and the first
// live scrape. A sample that is older than what the database has is left out.
func Append(ctx context.Context, db storage.AppendableV2, instances []*instance.Instance, span Span) error {
	app := db.AppenderV2(ctx)
	for _, i := range instances {
		times, meter := span.times(i), i.Meter()
		if len(times) == 0 {
			continue
		}
		columns := i.Columns()
		for _, t := range times {
			reading := meter.Read(time.UnixMilli(t))
			for _, column := range columns {
				v, exists := column.Value(&reading)
				if !exists {
					continue
				}
				if err := appendSample(app, column.Labels, t, v); err != nil {
					return errors.Join(fmt.Errorf("appending %s at %d to the history: %w", column.Labels, t, err), app.Rollback())
				}
			}
		}
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("committing the newest part of the history: %w", err)
	}
	return nil
}

func appendSample(app storage.AppenderV2, l labels.Labels, t int64, v float64) error {
	_, err := app.Append(0, l, 0, t, v, nil, nil, storage.AOptions{})
	if errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrOutOfBounds) || errors.Is(err, storage.ErrDuplicateSampleForTimestamp) {
		return nil
	}
	return err
}

func staleMarker() float64 { return math.Float64frombits(value.StaleNaN) }
