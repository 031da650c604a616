package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// States returns the grading state of the newest commit. The map is the
// caller's. What is damaged or gone is left out, which is logged: grading goes
// on as if it were new.
func (s *Store) States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	var states map[scorecard.Key]*scorecard.State
	err := s.read(ctx, func(_ *manifest, roots *[shardCount]root, _ losses) (losses, error) {
		states = map[scorecard.Key]*scorecard.State{}
		return s.readStates(ctx, roots, states)
	})
	return states, wrap(err, "read the grading state")
}

func (s *Store) readStates(ctx context.Context, roots *[shardCount]root, into map[scorecard.Key]*scorecard.State) (lost losses, err error) {
	var wants []want
	for shard := range roots {
		if name := roots[shard].States; name != "" {
			wants = append(wants, want{shard, name})
		}
	}
	for i, f := range s.fetchEach(ctx, wants) {
		var decoded map[scorecard.Key]*scorecard.State
		if f.err == nil {
			decoded, f.err = codec.DecodeStates(f.payload)
		}
		if isLoss(f.err) {
			lost = append(lost, loss{want: wants[i], err: f.err})
			continue
		}
		if f.err != nil {
			return lost, f.err
		}
		maps.Copy(into, decoded)
	}
	return lost, nil
}

// Pages calls yield with every page of the ledger whose version is not the one
// in have. A page in have that is no more comes without version and data; one
// whose data is lost comes with its version and without data. A page comes
// again when it was committed anew meanwhile. Where the store has lost which
// pages there were, of a shard or of all, none of them comes. The error is that
// of yield, of the context or of Redis.
func (s *Store) Pages(ctx context.Context, have map[slo.PageKey]string, yield func(slo.Page) error) error {
	s.owes.settle(nil) // what is read now need not be handed over
	have = maps.Clone(have)
	if have == nil {
		have = map[slo.PageKey]string{}
	}
	var (
		of   *manifest
		lost losses
	)
	err := s.read(ctx, func(m *manifest, roots *[shardCount]root, lostRoots losses) (more losses, err error) {
		if of = m; m == nil {
			return nil, nil
		}
		lost, err = s.readPages(ctx, roots, lostRoots, have, yield)
		return lost, err
	})
	if err == nil {
		err = yieldLost(lost, yield)
	}
	if err != nil {
		return wrap(err, "read the pages of the ledger")
	}
	s.owes.settle(of)
	return nil
}

// yieldLost tells of pages whose data is lost.
func yieldLost(lost losses, yield func(slo.Page) error) error {
	for _, l := range lost {
		page := slo.Page{PageKey: slo.PageKey{Shard: l.shard, Name: l.page}, Version: hashIn(l.name)}
		if err := yield(page); err != nil {
			return err
		}
	}
	return nil
}

// readPages gives on the pages that a reader has not, and notes them in have.
func (s *Store) readPages(ctx context.Context, roots *[shardCount]root, lostRoots losses, have map[slo.PageKey]string, yield func(slo.Page) error) (lost losses, err error) {
	for key := range have {
		if roots[key.Shard].Ledger[key.Name] == "" && !lostRoots.of(key.Shard) {
			if err := yield(slo.NewPage(key, nil)); err != nil {
				return nil, err
			}
			delete(have, key)
		}
	}
	wants, keys := pagesLacking(roots, have)
	for start := 0; start < len(wants); start += pagesAtOnce {
		end := min(start+pagesAtOnce, len(wants))
		for i, f := range s.fetchEach(ctx, wants[start:end]) {
			w, key := wants[start+i], keys[start+i]
			page, err := s.pageOf(w, key, f)
			if isLoss(err) {
				lost = append(lost, loss{want: w, page: key.Name, err: err})
				continue
			}
			if err == nil {
				err = yield(page)
			}
			if err != nil {
				return lost, err
			}
			have[key] = page.Version
		}
	}
	return lost, nil
}

// pageOf checks the content of a page against its version.
func (s *Store) pageOf(w want, key slo.PageKey, f fetched) (slo.Page, error) {
	if f.err != nil {
		return slo.Page{}, f.err
	}
	page := slo.NewPage(key, append([]byte{}, f.payload...))
	if page.Version != hashIn(w.name) {
		s.metrics.corrupt.WithLabelValues(string(kindPage)).Inc()
		return slo.Page{}, fmt.Errorf("its content is not that of version %s: %w", hashIn(w.name), codec.ErrCorrupt)
	}
	return page, nil
}

// pagesAtOnce is how many pages are held in memory before they are given on.
const pagesAtOnce = lanes * fetchAtOnce

// pagesLacking lists the objects of the pages that a reader has not.
func pagesLacking(roots *[shardCount]root, have map[slo.PageKey]string) (wants []want, keys []slo.PageKey) {
	for shard := range roots {
		for _, page := range slices.Sorted(maps.Keys(roots[shard].Ledger)) {
			key, name := slo.PageKey{Shard: shard, Name: page}, roots[shard].Ledger[page]
			if have[key] != hashIn(name) {
				wants = append(wants, want{shard, name})
				keys = append(keys, key)
			}
		}
	}
	return wants, keys
}

// readTries is how often a generation is read that is swept away meanwhile.
const readTries = 5

// reading reads what a generation leads to: nil, and empty roots, of an empty
// store. Roots that are lost are empty too. It returns what else is lost.
type reading func(m *manifest, roots *[shardCount]root, lost losses) (losses, error)

// read hands the newest generation to a function that reads what it leads to.
// When objects are missing and another generation has been committed meanwhile,
// the function is called again with that. What is lost in the end is logged.
func (s *Store) read(ctx context.Context, from reading) error {
	for try := 1; ; try++ {
		m, lost, err := s.readOnce(ctx, from)
		if err != nil {
			return err
		}
		if try < readTries && m != nil && lost.missing() {
			newest, err := s.readManifest(ctx)
			if err == nil && !m.same(newest) {
				continue
			}
		}
		lost.log(s.o.Logger)
		s.heard()
		return nil
	}
}

func (s *Store) readOnce(ctx context.Context, from reading) (*manifest, losses, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	m, err := s.readManifest(ctx)
	switch {
	case errors.Is(err, codec.ErrCorrupt):
		s.o.Logger.Error("the manifest is damaged: nothing of what it led to can be read", "err", err)
		fallthrough
	case errors.Is(err, errNoManifest):
		lost, err := from(nil, &[shardCount]root{}, nil)
		return nil, lost, err
	case err != nil:
		return nil, nil, s.noted("read", err)
	}
	roots, lost, err := s.readRoots(ctx, m)
	if err != nil {
		return nil, nil, s.noted("read", err)
	}
	more, err := from(m, &roots, lost)
	return m, append(lost, more...), s.noted("read", err)
}

// wrap says what was being done, where something went wrong.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
