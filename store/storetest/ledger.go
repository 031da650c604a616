package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

func ledgerCases() []testCase {
	return []testCase{
		{"pages of the ledger are kept as they were, until they are replaced or dropped", pagesKept},
		{"pages are read as far as the reader has other versions", pagesRead},
		{"pages of a refused commit leave no trace", pagesRefused},
		{"pages survive the grader", pagesSurvive},
		{"a large ledger is one commit", largeLedger},
	}
}

func page(shard int, name, content string) slo.Page {
	return slo.NewPage(slo.PageKey{Shard: shard, Name: name}, []byte(content))
}

func dropped(shard int, name string) slo.Page {
	return slo.NewPage(slo.PageKey{Shard: shard, Name: name}, nil)
}

// takePages has the store take a tick with pages of the ledger.
func (g *grader) takePages(tick time.Time, pages ...slo.Page) {
	g.tb.Helper()
	c := g.commit(tick, card("playlist", 90))
	c.Ledger = pages
	require.NoError(g.tb, g.store.Commit(g.tb.Context(), c), "commit tick %s with %d pages", tick, len(pages))
}

// pagesOf reads the pages that a reader lacks, by their key.
func pagesOf(tb testing.TB, s Store, have map[slo.PageKey]string) map[slo.PageKey]slo.Page {
	tb.Helper()
	got := map[slo.PageKey]slo.Page{}
	require.NoError(tb, s.Pages(tb.Context(), have, func(p slo.Page) error {
		require.NotContains(tb, got, p.PageKey, "each page comes once")
		got[p.PageKey] = p
		return nil
	}))
	return got
}

// byKey is what pagesOf returns where a reader lacks exactly these.
func byKey(pages ...slo.Page) map[slo.PageKey]slo.Page {
	m := map[slo.PageKey]slo.Page{}
	for _, p := range pages {
		m[p.PageKey] = p
	}
	return m
}

func pagesKept(tb testing.TB, s Store) {
	require.Empty(tb, pagesOf(tb, s, nil), "an empty store has none")
	g := newGrader(tb, s, "a")
	head, slots, other := page(0, "head", "first"), page(0, "slots/1764072000", "\x00\xff\r\n"), page(63, "head", "")
	g.takePages(noon(), head, slots, other)
	require.Equal(tb, byKey(head, slots, other), pagesOf(tb, s, nil))

	again := page(0, "head", "second")
	g.takePages(noon().Add(interval), again)
	require.Equal(tb, byKey(again, slots, other), pagesOf(tb, s, nil), "what is not handed over stays")

	g.takePages(noon().Add(2*interval), dropped(0, "slots/1764072000"), dropped(7, "never/there"))
	require.Equal(tb, byKey(again, other), pagesOf(tb, s, nil))
}

func pagesRead(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	first, second, third := page(1, "a", "1"), page(2, "b", "2"), page(3, "c", "3")
	g.takePages(noon(), first, second, third)
	have := map[slo.PageKey]string{
		first.PageKey:              first.Version,
		second.PageKey:             "another",
		{Shard: 4, Name: "former"}: "any",
	}
	require.Equal(tb, byKey(second, third, dropped(4, "former")), pagesOf(tb, s, have))

	stop := errors.New("enough")
	calls := 0
	err := s.Pages(tb.Context(), nil, func(slo.Page) error { calls++; return stop })
	require.ErrorIs(tb, err, stop)
	require.Equal(tb, 1, calls)
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	require.ErrorIs(tb, s.Pages(ctx, nil, func(slo.Page) error { return nil }), context.Canceled)
}

func pagesRefused(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	kept := page(5, "head", "kept")
	g.takePages(noon(), kept)
	c := g.commit(noon(), card("playlist", 10))
	c.Ledger = []slo.Page{page(5, "head", "refused"), page(6, "head", "refused")}
	require.ErrorIs(tb, s.Commit(tb.Context(), c), scorecard.ErrOldTick)
	require.NoError(tb, s.Release(tb.Context(), g.lease))
	newGrader(tb, s, "b")
	c.Snapshot.Tick = noon().Add(interval)
	require.ErrorIs(tb, s.Commit(tb.Context(), c), scorecard.ErrFenced)
	require.Equal(tb, byKey(kept), pagesOf(tb, s, nil))
}

func pagesSurvive(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	head, ring := page(9, "head", "a's"), page(9, "ring/1764072900", "a's too")
	g.takePages(noon(), head, ring)
	require.NoError(tb, s.Release(tb.Context(), g.lease))
	next := newGrader(tb, s, "b")
	require.NoError(tb, s.Sync(tb.Context()))
	require.Equal(tb, byKey(head, ring), pagesOf(tb, s, nil))
	head = page(9, "head", "b's")
	next.takePages(noon().Add(interval), head)
	require.Equal(tb, byKey(head, ring), pagesOf(tb, s, nil))
}

// largeLedger hands over what a first commit may have: megabytes in every shard.
func largeLedger(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	var pages []slo.Page
	for shard := range slo.Shards {
		for i := range 40 {
			data := make([]byte, 4096)
			for j := range data {
				data[j] = byte(j * (shard + 1) * (i + 3) >> 3)
			}
			pages = append(pages, slo.NewPage(slo.PageKey{Shard: shard, Name: fmt.Sprint("slots/", i)}, data))
		}
	}
	g.takePages(noon(), pages...)
	require.Equal(tb, byKey(pages...), pagesOf(tb, s, nil))
}
