package scraping

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// tally is what a scrape reports about itself. The numbers are of samples exposed, of samples taken, and of series that
// the previous scrape did not have.
type tally struct {
	failed                bool
	exposed, taken, added int
}

// scrape asks the target and stores what it exposes under the time at; begin is when its duration begins. If any of it
// fails, nothing that the target exposed is stored, its series turn stale, and up is 0.
func (l *loop) scrape(ctx context.Context, buffer *bytes.Buffer, begin, at time.Time) {
	contentType, err := l.pool.fetch(ctx, l.target, buffer)
	if ctx.Err() != nil {
		return // the pool ends; that says nothing about the target
	}
	in := l.begin(ctx, at)
	if err == nil {
		if err = in.take(buffer.Bytes(), contentType); err != nil {
			exposed := in.tally
			l.rollBack(in.appender)
			in = l.begin(ctx, at)
			in.tally = exposed
		}
	}
	if err == nil {
		err = in.finish()
	} else {
		l.pool.logger.Debug("A scrape of the demo failed.", "path", l.target.Path, "err", err)
		in.failed = true
		err = in.markAllStale()
	}
	if err == nil {
		err = in.report(time.Since(begin))
	}
	l.commit(in.appender, err)
}

// end marks what the target's last scrape had stale, its reports included.
func (l *loop) end(ctx context.Context, slot time.Time) {
	in := l.begin(ctx, slot)
	err := in.markAllStale()
	for k := range l.reports {
		if err == nil && l.reports[k].ref != 0 {
			err = in.append(&l.reports[k], in.at, staleMarker())
		}
	}
	l.commit(in.appender, err)
}

func (l *loop) begin(ctx context.Context, at time.Time) *intake {
	l.series.round++
	l.families.begin(l.series.round)
	return &intake{loop: l, appender: l.pool.storage.AppenderV2(ctx), at: at.UnixMilli()}
}

// commit stores what was appended, unless err says that appending failed. Nobody can be told but the log.
func (l *loop) commit(appender storage.AppenderV2, err error) {
	if err != nil {
		l.rollBack(appender)
	} else {
		err = appender.Commit()
	}
	if err != nil {
		l.pool.logger.Warn("Storing a scrape of the demo failed.", "path", l.target.Path, "err", err)
	}
}

func (l *loop) rollBack(appender storage.AppenderV2) {
	if err := appender.Rollback(); err != nil {
		l.pool.logger.Warn("Discarding a scrape of the demo failed.", "path", l.target.Path, "err", err)
	}
}

// append adds a sample and keeps the reference by which the storage finds the series faster the next time.
func (in *intake) append(s *sampled, at int64, v float64) error {
	ref, err := in.appender.Append(s.ref, s.labels, 0, at, v, nil, nil, storage.AOptions{})
	if err == nil {
		s.ref = ref
	}
	return err
}

// isUntimely tells errors about the time of one sample, which leave the rest of a scrape intact.
func isUntimely(err error) bool {
	return errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrOutOfBounds) ||
		errors.Is(err, storage.ErrDuplicateSampleForTimestamp)
}

func staleMarker() float64 { return math.Float64frombits(value.StaleNaN) }
