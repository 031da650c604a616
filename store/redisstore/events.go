package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// The changes are a stream whose entries are batches. An entry's id is that of
// the last change in it, so that XRANGE finds the batch that a change is in,
// and trimming by id keeps every batch with a change that must be kept.
const (
	changesOfBatch = 250
	batchesAtOnce  = 64
)

// events encodes the changes of a commit as the script takes them.
func (d *drafter) events(out *draft) error {
	for part := range slices.Chunk(d.commit.Changes, changesOfBatch) {
		payload, err := codec.EncodeChanges(part)
		if err != nil {
			return fmt.Errorf("encode the changes: %w", err)
		}
		sealed, err := d.s.codec.Seal(payload)
		if err != nil {
			return fmt.Errorf("seal the changes: %w", err)
		}
		out.changes = append(out.changes, len(part), sealed.Data)
	}
	return nil
}

// readChanges returns the changes after one id up to another, as far as they
// are kept. A batch that is damaged is left out, which is logged: readers of
// the log hear of the gap.
func (s *Store) readChanges(ctx context.Context, after, last uint64) ([]scorecard.Change, error) {
	if oldest := last - min(last, uint64(s.o.EventLimit)); after < oldest {
		after = oldest
	}
	var changes []scorecard.Change
	for from := after + 1; from <= last; {
		entries, err := s.client.XRangeN(ctx, s.keys.events(), streamID(from), "+", batchesAtOnce).Result()
		if err != nil {
			return nil, fmt.Errorf("read the changes after %d: %w", after, err)
		}
		if len(entries) == 0 {
			break
		}
		for _, entry := range entries {
			batch, lastOfBatch, err := s.openBatch(entry)
			if err != nil {
				s.metrics.corrupt.WithLabelValues("changes").Inc()
				s.o.Logger.Error("changes are lost: a batch of them cannot be read", "entry", entry.ID, "err", err)
				changes = nil // what comes after does not join on to what came before
			}
			changes = append(changes, batch...)
			from = max(from, lastOfBatch) + 1
		}
	}
	return slices.DeleteFunc(changes, func(c scorecard.Change) bool { return c.ID <= after || c.ID > last }), nil
}

func streamID(id uint64) string { return strconv.FormatUint(id, 10) + "-0" }

// openBatch returns the changes of an entry and the id of its last one.
func (s *Store) openBatch(entry redis.XMessage) ([]scorecard.Change, uint64, error) {
	number, _, _ := strings.Cut(entry.ID, "-")
	last, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("its id is no number: %w", codec.ErrCorrupt)
	}
	field := func(name string) string { text, _ := entry.Values[name].(string); return text }
	generation, err := strconv.ParseUint(field("generation"), 10, 64)
	if err != nil {
		return nil, last, fmt.Errorf("it names no generation: %w", codec.ErrCorrupt)
	}
	payload, err := s.codec.Open("", []byte(field("changes")))
	if err != nil {
		return nil, last, err
	}
	count, err := strconv.ParseUint(field("count"), 10, 64)
	if err != nil || count == 0 || count > last {
		return nil, last, fmt.Errorf("its number of changes is none: %w", codec.ErrCorrupt)
	}
	changes, err := codec.DecodeChanges(payload, last-count+1, generation)
	if err == nil && uint64(len(changes)) != count {
		err = fmt.Errorf("it has %d changes and says %d: %w", len(changes), count, codec.ErrCorrupt)
	}
	return changes, last, err
}
