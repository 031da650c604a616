package slo

import (
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"
)

// shelf is a store of pages as simple as can be.
type shelf map[PageKey]Page

// save takes what has changed, as a commit does.
func (s shelf) save(t require.TestingT, l *Ledger) []Page {
	pages := l.Pages()
	for i, p := range pages {
		if i > 0 {
			before := pages[i-1]
			require.True(t, before.Shard < p.Shard || before.Shard == p.Shard && before.Name < p.Name, "%v before %v", before.PageKey, p.PageKey)
		}
		if p.Data == nil {
			require.Contains(t, s, p.PageKey, "a page that was never stored need not be dropped")
			delete(s, p.PageKey)
			continue
		}
		require.NotEqual(t, s[p.PageKey].Version, p.Version, "page %v has not changed", p.PageKey)
		s[p.PageKey] = p
	}
	l.Saved(pages)
	require.Empty(t, l.Changed())
	return pages
}

// restore brings a ledger to what is on the shelf, in any order, however it
// differs.
func (s shelf) restore(t require.TestingT, l *Ledger, random *rand.Rand) {
	var load []Page
	versions := l.Versions()
	for _, key := range l.Changed() {
		if page, found := s[key]; found {
			load = append(load, page)
		} else {
			load = append(load, NewPage(key, nil))
		}
	}
	for key, version := range versions {
		if page, found := s[key]; !found {
			load = append(load, NewPage(key, nil))
		} else if page.Version != version {
			load = append(load, page)
		}
	}
	changed := l.Changed()
	for key, page := range s {
		if _, found := versions[key]; !found && !slices.Contains(changed, key) {
			load = append(load, page)
		}
	}
	random.Shuffle(len(load), func(i, j int) { load[i], load[j] = load[j], load[i] })
	for _, page := range load {
		ok, err := l.Load(page)
		require.True(t, ok)
		require.NoError(t, err)
	}
}

// written returns every page of a ledger, changed or not.
func written(l *Ledger) map[PageKey]string {
	all := map[PageKey]string{}
	for i := range l.shards {
		for id := range l.shards[i].pages {
			if data := l.write(&l.shards[i], id); data != nil {
				all[PageKey{i, id.String()}] = string(data)
			}
		}
	}
	return all
}
