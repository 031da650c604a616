package waiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func scope() Scope {
	return Scope{
		Rubrics:  map[string][]string{"http": {"availability", "latency"}, "grpc": {"latency"}},
		Services: []*catalog.Service{playlist(), {ID: catalog.ID{Namespace: "default", Name: "search"}, Owner: "team-search"}},
	}
}

func TestWhatAWaiverNamesIsHeldAgainstWhatIsGraded(t *testing.T) {
	for name, tt := range map[string]struct {
		entry string
		want  []string
	}{
		"nothing is wrong":           {written("w", 1, 10, "service: playlist, rubric: http, check: [latency, availability]"), nil},
		"a rubric that is not there": {written("w", 1, 10, "service: playlist, rubric: htpp, check: latency"), []string{`test.yml:3: waiver "w" is about rubric "htpp", which is not loaded: did you mean "http"?`}},
		"a very other rubric":        {written("w", 1, 10, "service: playlist, rubric: queues"), []string{`test.yml:3: waiver "w" is about rubric "queues", which is not loaded: there are grpc, http`}},
		"a check that is not there":  {written("w", 1, 10, "service: playlist, rubric: http, check: [latency, availabilities]"), []string{`test.yml:3: waiver "w" is about check "availabilities", which rubric http does not have: did you mean "availability"?`}},
		"a check of another rubric":  {written("w", 1, 10, "service: playlist, rubric: grpc, check: availability"), []string{`test.yml:3: waiver "w" is about check "availability", which rubric grpc does not have: there are latency`}},
		"a service that is gone":     {written("w", 1, 10, "service: playlits, rubric: http"), []string{`test.yml:3: warning: waiver "w" is for service default/playlits, which the catalog does not have: did you mean "default/playlist"?`}},
		"a service unlike any other": {written("w", 1, 10, "service: x/y, rubric: http"), []string{`test.yml:3: warning: waiver "w" is for service x/y, which the catalog does not have: mend its name, or remove the waiver`}},
		"an owner of nothing":        {written("w", 1, 10, "owner: team-x, rubric: http"), []string{`test.yml:3: warning: waiver "w" exempts nobody: no service of the catalog matches owner team-x`}},
		"a selector of nothing":      {written("w", 1, 10, "selector: service.tier == 3, rubric: http"), []string{`test.yml:3: warning: waiver "w" exempts nobody: no service of the catalog matches selector "service.tier == 3"`}},
		"a selector that fails": {
			written("w", 1, 10, `selector: 'service.tags[0] == "http"', rubric: http`),
			[]string{`test.yml:3: the selector of waiver "w" cannot be evaluated for 1 of 2 services, which are not exempted: evaluating "service.tags[0] == \"http\"" for service default/search: index out of bounds: 0`},
		},
		"one that has expired": {written("w", 1, 5, "service: playlist, rubric: http"), []string{`test.yml:3: warning: waiver "w" has expired on 2026-11-05 and exempts nobody: remove it, or have it approved anew`}},
		"one that is to come":  {written("w", 6, 10, "service: playlist, rubric: http"), nil},
		"one that expires now": {written("w", 1, 6, "service: playlist, rubric: http"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range load(t, tt.entry).Review(scope(), date(5)) {
				got = append(got, p.Error())
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestEveryMistakeIsAtItsOwnLine(t *testing.T) {
	set, problems := Load(environment(t), File{Name: "w.yml", Data: []byte(`apiVersion: apgar.dev/v1
waivers:
  - id: w
    reason: r
    requester: a
    approver: b
    created: 2026-10-01
    expires: 2026-10-02
    owner: nobody
    rubric: http
    check:
      - latency
      - none
  - {id: later, reason: r, requester: a, approver: b, created: 2026-10-01, expires: 2026-11-10, service: playlist, rubric: none}
`)})
	require.Empty(t, problems)
	var lines []int
	for _, p := range set.Review(scope(), date(5)) {
		lines = append(lines, p.Position.Line)
	}
	require.Equal(t, []int{8, 9, 13, 14}, lines)
}

func TestExpiringAndUnneededWaiversAreReported(t *testing.T) {
	set := load(t,
		written("soon", 1, 7, "service: playlist, rubric: http"),
		written("late", 1, 30, "owner: team-listen, rubric: http"),
		written("over", 1, 5, "service: playlist, rubric: http"),
		written("unused", 1, 30, "service: x, rubric: http"),
	)
	use := func(waiver, service, check string, passes bool) Use {
		return Use{Waiver: waiver, Service: catalog.ID{Namespace: "default", Name: service}, Rubric: "http", Check: check, Passes: passes}
	}
	uses := []Use{
		use("soon", "playlist", "latency", true), use("soon", "playlist", "availability", true),
		use("late", "search", "latency", true), use("late", "playlist", "latency", false), use("late", "playlist", "availability", true),
		use("over", "playlist", "latency", true), use("gone", "playlist", "latency", true),
	}
	var got []string
	var passing [][]Use
	for _, n := range set.Notices(uses, date(5), 3*24*time.Hour) {
		got = append(got, string(n.Kind)+": "+n.Message)
		passing = append(passing, n.Passing)
	}
	require.Equal(t, []string{
		"passing: waiver late is needed less: 2 of the 3 checks that it exempts services from pass; narrow it",
		"expiring: waiver soon expires on 2026-11-07: mend what it excuses, or have it approved anew",
		"passing: waiver soon is not needed any more: every check that it exempts a service from passes; remove it",
	}, got)
	require.Equal(t, [][]Use{{uses[4], uses[2]}, nil, {uses[1], uses[0]}}, passing)
	require.Empty(t, set.Notices([]Use{use("late", "playlist", "latency", false)}, date(5), time.Hour))
}
