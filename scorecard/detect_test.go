package scorecard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// detected plays steps for a rubric that has to be detected, from a state, and
// writes + for each tick with a scorecard and - for one without.
func detected(t *testing.T, r *rubric.Rubric, every time.Duration, steps string, previous *scorecard.State) string {
	t.Helper()
	var out strings.Builder
	for i, letter := range steps {
		in := input(r, step(t, letter))
		in.Detect, in.Previous = true, previous
		in.Tick = noon.Add(time.Duration(i) * every)
		in.Facts[0] = at(in.Facts[0], in.Tick)
		card, next := scorecard.Grade(in)
		require.Equal(t, card == nil, next == nil, "a state goes with a scorecard")
		if card == nil {
			out.WriteByte('-')
		} else {
			out.WriteByte('+')
		}
		previous = next
	}
	return out.String()
}

func TestAPackGradesFromItsFirstRowOnAndStays(t *testing.T) {
	for _, test := range []struct {
		name        string
		every       time.Duration
		steps, want string
	}{
		{"no row was ever seen", day, "MM?DM", "-----"},
		{"the first row brings it", time.Minute, "MMPP", "--++"},
		{"missing data do not take it away", day, "P?????????", "++++++++++"},
		{"nor do targets that are down", day, "PDDDDDDDDDD", "+++++++++++"},
		{"seven days without the metric do", day, "PMMMMMMMM", "++++++++-"},
		{"not a minute sooner", 7*day - time.Minute, "PMM", "+++"},
		{"a row begins the week anew", 4 * day, "PMPMM", "+++++"},
		{"days without targets are counted once targets are seen again", 4 * day, "PM?M", "+++-"},
		{"while nothing is seen it stays", 4 * day, "PM????", "++++++"},
		{"it can come back", 7 * day, "PMMMP", "++--+"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, detected(t, rubricOf(gauge("fds", 5, 0.7, 0.95)), test.every, test.steps, nil))
		})
	}
}

func TestACatalogCheckDetectsNothing(t *testing.T) {
	owner := &rubric.Check{Name: "owner", Severity: rubric.Low, Weight: 2.5, Kind: rubric.KindCatalog, Catalog: condition(t, "true"), Hash: "o"}
	require.Equal(t, "--", detected(t, rubricOf(gauge("fds", 5, 0.7, 0.95), owner), time.Minute, "MM", nil))
	card, _ := scorecard.Grade(scorecard.Input{Rubric: rubricOf(owner), Service: playlist(), Tick: noon, Interval: time.Minute, Detect: true})
	require.Nil(t, card)
}

func TestWhatTheLedgerRemembersDetectsToo(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	for _, test := range []struct {
		age  time.Duration
		want bool
	}{{time.Hour, true}, {7*day - 6*time.Minute, true}, {7*day - 5*time.Minute, false}, {20 * day, false}} {
		in := input(r, step(t, '?'))
		in.Detect = true
		in.Facts[0].LastRow = noon.Add(-test.age).Unix()
		card, _ := scorecard.Grade(in)
		assert.Equal(t, test.want, card != nil, "%s", test.age)
	}
}

// What was judged while the configuration chose the pack is known from its
// checks; what was never judged is not kept for that.
func TestFromAChosenPackToADetectedOne(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	for letter, want := range map[rune]string{'P': "++", 'M': "--", '?': "--"} {
		in := input(r, at(step(t, letter), noon))
		_, chosen := scorecard.Grade(in)
		require.False(t, chosen.Detected)
		assert.Equal(t, want, detected(t, r, time.Minute, "??", chosen))
	}
}

func TestAChangeOfCatalogOrRubricDoesNotTakeAPackAwayUnseen(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	in := input(r, step(t, 'P'))
	in.Detect, in.ServiceVersion = true, "1"
	_, in.Previous = scorecard.Grade(in)
	in.Rubric, in.ServiceVersion, in.Tick = withVersion(r, "v2"), "2", noon.Add(day)
	in.Service = &catalog.Service{ID: in.Service.ID, Owner: "another"}
	in.Facts = []scorecard.CheckFacts{at(step(t, '?'), in.Tick)}
	card, _ := scorecard.Grade(in)
	require.NotNil(t, card)
}
