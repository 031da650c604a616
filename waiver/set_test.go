package waiver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
)

func ids(waivers []Waiver) []string {
	out := make([]string, len(waivers))
	for i, w := range waivers {
		out[i] = w.ID
	}
	return out
}

func date(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }

// written returns the text of a waiver from one day of November to another.
func written(id string, created, expires int, rest string) string {
	return fmt.Sprintf("{id: %s, reason: r, requester: a, approver: b, created: %s, expires: %s, %s}",
		id, date(created).Format(time.DateOnly), date(expires).Format(time.DateOnly), rest)
}

func playlist() *catalog.Service {
	return &catalog.Service{
		ID: catalog.ID{Namespace: "default", Name: "playlist"}, Owner: "team-listen", System: "library", Tier: 1, Tags: []string{"http"},
	}
}

func TestAWaiverHoldsForItsServicesItsChecksAndItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		entry  string
		rubric string
		check  string
		at     time.Time
		want   bool
	}{
		"the service":                        {written("w", 1, 10, "service: playlist, rubric: http"), "http", "latency", date(5), true},
		"another service":                    {written("w", 1, 10, "service: search, rubric: http"), "http", "latency", date(5), false},
		"a service of another namespace":     {written("w", 1, 10, "service: music/playlist, rubric: http"), "http", "latency", date(5), false},
		"its owner":                          {written("w", 1, 10, "owner: team-listen, rubric: http"), "http", "latency", date(5), true},
		"another owner":                      {written("w", 1, 10, "owner: team-search, rubric: http"), "http", "latency", date(5), false},
		"its system":                         {written("w", 1, 10, "system: library, rubric: http"), "http", "latency", date(5), true},
		"another system":                     {written("w", 1, 10, "system: search, rubric: http"), "http", "latency", date(5), false},
		"a selector that holds":              {written("w", 1, 10, `selector: '"http" in service.tags', rubric: http`), "http", "latency", date(5), true},
		"a selector that does not":           {written("w", 1, 10, "selector: service.tier == 4, rubric: http"), "http", "latency", date(5), false},
		"a selector that fails":              {written("w", 1, 10, `selector: 'service.tags[1] != "x"', rubric: http`), "http", "latency", date(5), false},
		"another rubric":                     {written("w", 1, 10, "service: playlist, rubric: http"), "grpc", "latency", date(5), false},
		"the check":                          {written("w", 1, 10, "service: playlist, rubric: http, check: latency"), "http", "latency", date(5), true},
		"one of the checks":                  {written("w", 1, 10, "service: playlist, rubric: http, check: [availability, latency]"), "http", "latency", date(5), true},
		"another check":                      {written("w", 1, 10, "service: playlist, rubric: http, check: availability"), "http", "latency", date(5), false},
		"a check of that name elsewhere":     {written("w", 1, 10, "service: playlist, rubric: grpc, check: latency"), "http", "latency", date(5), false},
		"the moment before it begins":        {written("w", 2, 10, "service: playlist, rubric: http"), "http", "latency", date(2).Add(-1), false},
		"the moment it begins":               {written("w", 2, 10, "service: playlist, rubric: http"), "http", "latency", date(2), true},
		"the last moment before it expires":  {written("w", 2, 10, "service: playlist, rubric: http"), "http", "latency", date(10).Add(-1), true},
		"the moment it expires":              {written("w", 2, 10, "service: playlist, rubric: http"), "http", "latency", date(10), false},
		"a time that is written differently": {written("w", 2, 10, "service: playlist, rubric: http"), "http", "latency", date(10).Add(-time.Hour).In(time.FixedZone("east", 7200)), true},
	} {
		t.Run(name, func(t *testing.T) {
			w, ok := load(t, tt.entry).Of(playlist()).For(tt.rubric, tt.check, tt.at)
			require.Equal(t, tt.want, ok)
			if ok {
				require.Equal(t, "w", w.ID)
			}
		})
	}
}

func TestOfSeveralTheOneThatExpiresLastHolds(t *testing.T) {
	set := load(t,
		written("early", 1, 5, "service: playlist, rubric: http"),
		written("late-b", 3, 10, "owner: team-listen, rubric: http, check: latency"),
		written("late-a", 3, 10, "system: library, rubric: http"),
	)
	for _, tt := range []struct {
		day  int
		want string
	}{{1, "early"}, {3, "late-a"}, {9, "late-a"}, {10, ""}} {
		w, _ := set.Of(playlist()).For("http", "latency", date(tt.day))
		require.Equal(t, tt.want, w.ID, "on day %d", tt.day)
	}
	require.Equal(t, []string{"late-a", "late-b", "early"}, ids(set.Of(playlist())))
}

// expiring lists the ids of the waivers that Notices calls expiring.
func expiring(set *Set, at time.Time, within time.Duration) []string {
	var out []string
	for _, n := range set.Notices(nil, at, within) {
		if n.Kind == Expiring {
			out = append(out, n.Waiver.ID)
		}
	}
	return out
}

func TestExpiringAreThoseThatAreInForceAndSoonWillNotBe(t *testing.T) {
	set := load(t,
		written("c", 1, 10, "service: x, rubric: http"), written("a", 1, 10, "service: x, rubric: http"), written("b", 1, 9, "service: x, rubric: http"),
		written("over", 1, 5, "service: x, rubric: http"), written("later", 1, 13, "service: x, rubric: http"), written("future", 6, 7, "service: x, rubric: http"),
	)
	require.Equal(t, []string{"a", "b", "c"}, expiring(set, date(5), 5*24*time.Hour), "by id; what expires at the very end is included")
	require.Equal(t, []string{"b"}, expiring(set, date(5), 5*24*time.Hour-1))
	require.Empty(t, expiring(set, date(20), 5*24*time.Hour))
}

func TestTheEmptySetExemptsNobody(t *testing.T) {
	var none *Set
	_, ok := none.Of(playlist()).For("http", "latency", date(1))
	require.False(t, ok)
	require.Empty(t, none.Waivers())
	require.Empty(t, expiring(none, date(1), time.Hour))
	require.Empty(t, none.Review(Scope{}, date(1)))
	require.Empty(t, none.Notices([]Use{{Waiver: "a", Passes: true}}, date(1), time.Hour))
}

// TestForIsWhatTheRuleSays holds For against the rule written down plainly, on
// generated waivers, services and times.
func TestForIsWhatTheRuleSays(t *testing.T) {
	env := environment(t)
	selector, err := env.Condition(`service.owner == "a" || service.system == "b"`)
	require.NoError(t, err)
	letters := rapid.SampledFrom([]string{"a", "b", "c"})
	target := rapid.Custom(func(t *rapid.T) Target {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return Target{Service: catalog.ID{Namespace: letters.Draw(t, "namespace"), Name: letters.Draw(t, "name")}}
		case 1:
			return Target{Owner: letters.Draw(t, "owner")}
		case 2:
			return Target{System: letters.Draw(t, "system")}
		}
		return Target{Selector: selector}
	})
	waivers := rapid.Custom(func(t *rapid.T) Waiver {
		created := rapid.IntRange(0, 20).Draw(t, "created")
		return Waiver{
			ID: rapid.StringMatching(`[a-d]{1,2}`).Draw(t, "id"), Target: target.Draw(t, "target"), Rubric: letters.Draw(t, "rubric"),
			Checks:  rapid.SliceOfNDistinct(letters, 0, 2, rapid.ID[string]).Draw(t, "checks"),
			Created: date(created), Expires: date(created + rapid.IntRange(1, 10).Draw(t, "days")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(waivers, 0, 8, func(w Waiver) string { return w.ID }).Draw(t, "waivers")
		service := &catalog.Service{
			ID:    catalog.ID{Namespace: letters.Draw(t, "namespace"), Name: letters.Draw(t, "name")},
			Owner: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner"), System: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "system"),
		}
		rubric, check := letters.Draw(t, "rubric"), letters.Draw(t, "check")
		at := date(rapid.IntRange(0, 31).Draw(t, "day")).Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "moment")))

		set := NewSet(list...)
		got, ok := set.Of(service).For(rubric, check, at)
		want, wanted := plainly(list, service, rubric, check, at)
		require.Equal(t, wanted, ok)
		require.Equal(t, want.ID, got.ID)

		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		again, _ := NewSet(shuffled...).Of(service).For(rubric, check, at)
		require.Equal(t, got.ID, again.ID, "the order of the files does not matter")
		for _, n := range set.Notices(nil, at, time.Hour) {
			require.True(t, n.Waiver.InForce(at))
			require.False(t, n.Waiver.InForce(at.Add(time.Hour)))
		}
	})
}

// plainly is GRADING's rule and the tie-break, without an index.
func plainly(list []Waiver, s *catalog.Service, rubric, check string, at time.Time) (best Waiver, found bool) {
	for _, w := range list {
		var meant bool
		switch {
		case w.Target.Selector != nil:
			meant = s.Owner == "a" || s.System == "b"
		case w.Target.Owner != "":
			meant = w.Target.Owner == s.Owner
		case w.Target.System != "":
			meant = w.Target.System == s.System
		default:
			meant = w.Target.Service == s.ID
		}
		inForce := w.Created.Compare(at) <= 0 && at.Compare(w.Expires) < 0
		if !meant || !inForce || w.Rubric != rubric || len(w.Checks) > 0 && !slices.Contains(w.Checks, check) {
			continue
		}
		if !found || w.Expires.After(best.Expires) || w.Expires.Equal(best.Expires) && w.ID < best.ID {
			best, found = w, true
		}
	}
	return best, found
}
