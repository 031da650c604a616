package codec

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

func all(*catalog.Service) bool { return true }

// finder finds the services of cards.
func finder(cards []*scorecard.Scorecard) func(catalog.ID) (*catalog.Service, bool) {
	byID := map[catalog.ID]*catalog.Service{}
	for _, c := range cards {
		byID[c.Service.ID] = c.Service
	}
	return func(id catalog.ID) (*catalog.Service, bool) {
		s, ok := byID[id]
		return s, ok
	}
}

// requireSameCards holds that what was decoded is what was encoded, bit for bit.
func requireSameCards(t require.TestingT, c Common, want, got []*scorecard.Scorecard) {
	require.Equal(t, want, got)
	a, err := EncodeCards(want, c, nil)
	require.NoError(t, err)
	b, err := EncodeCards(got, c, nil)
	require.NoError(t, err)
	require.Equal(t, string(a), string(b), "what == does not tell apart, such as -0")
}

func TestEveryFieldOfAScorecardIsStored(t *testing.T) {
	want := []*scorecard.Scorecard{ptrTo(full[scorecard.Scorecard](t))}
	payload, err := EncodeCards(want, common(), nil)
	require.NoError(t, err)
	got, err := DecodeCards(payload, common(), nil)
	require.NoError(t, err)
	requireSameCards(t, common(), want, got)
}

func ptrTo[T any](v T) *T { return &v }

func TestScorecardsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shared := drawn[Common](t, "common")
		var want []*scorecard.Scorecard
		for range rapid.IntRange(0, 4).Draw(t, "cards") {
			c := drawn[scorecard.Scorecard](t, "card")
			if c.Service == nil {
				c.Service = ptrTo(drawn[catalog.Service](t, "service"))
			}
			if rapid.Bool().Draw(t, "as usual") {
				c.EvaluatedAt, c.DataTime, c.LastScoredAt, c.Environment = shared.EvaluatedAt, shared.Tick, shared.Tick, shared.Environment
			}
			c.Service.Tags, c.Service.Relations = nilWhenEmpty(c.Service.Tags), nilWhenEmpty(c.Service.Relations)
			want = append(want, &c)
		}
		known := func(s *catalog.Service) bool {
			return s.ID.Name < "m" && slices.Contains(services(want), s) && unique(want, s)
		}
		payload, err := EncodeCards(want, shared, known)
		require.NoError(t, err)
		got, err := DecodeCards(payload, shared, finder(want))
		require.NoError(t, err)
		requireSameCards(t, shared, want, got)
		for i, c := range got {
			if known(want[i].Service) && !strings.Contains(c.Service.ID.Namespace, "/") {
				require.Same(t, want[i].Service, c.Service, "the catalog's own service")
			}
		}
	})
}

func services(cards []*scorecard.Scorecard) []*catalog.Service {
	var list []*catalog.Service
	for _, c := range cards {
		list = append(list, c.Service)
	}
	return list
}

func unique(cards []*scorecard.Scorecard, s *catalog.Service) bool {
	n := 0
	for _, c := range cards {
		if c.Service.ID == s.ID {
			n++
		}
	}
	return n == 1
}

func TestAFleetComesBack(t *testing.T) {
	want := fleet(40)
	payload, err := EncodeCards(want, common(), all)
	require.NoError(t, err)
	got, err := DecodeCards(payload, common(), finder(want))
	require.NoError(t, err)
	requireSameCards(t, common(), want, got)
	require.NotContains(t, string(payload), "runbooks.example.org", "known services are stored by their id")
	require.Equal(t, 1, strings.Count(string(payload), `"availability"`), "what all say of a check is stored once")
}

func TestScorecardsThatDidNotChangeKeepTheirBytes(t *testing.T) {
	later := common()
	later.Tick, later.EvaluatedAt = later.Tick.Add(time.Minute), later.EvaluatedAt.Add(time.Minute)
	before := fleet(10)
	now := fleet(10)
	for _, c := range now {
		c.DataTime, c.LastScoredAt, c.EvaluatedAt = later.Tick, later.Tick, later.EvaluatedAt
		for i := range c.Results {
			c.Results[i].DataTime = later.Tick
			b := c.Results[i].Budget
			b.From, b.To = b.From.Add(time.Minute), b.To.Add(time.Minute)
		}
	}
	a, err := EncodeCards(before, common(), all)
	require.NoError(t, err)
	b, err := EncodeCards(now, later, all)
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
	got, err := DecodeCards(a, later, finder(now))
	require.NoError(t, err)
	requireSameCards(t, later, now, got)
}

func TestNumbersThatJSONHasNotAreRefusedByName(t *testing.T) {
	spoil := map[string]func(*scorecard.Scorecard){
		`field "score"`:                                  func(c *scorecard.Scorecard) { c.Score = new(math.NaN()) },
		`field "coverage"`:                               func(c *scorecard.Scorecard) { c.Coverage = math.Inf(1) },
		`check "availability": field "weight"`:           func(c *scorecard.Scorecard) { c.Results[0].Weight = math.NaN() },
		`check "availability": field "target"`:           func(c *scorecard.Scorecard) { c.Results[0].Target = new(math.Inf(-1)) },
		`check "latency": field "value"`:                 func(c *scorecard.Scorecard) { c.Results[1].Value = new(math.NaN()) },
		`check "latency": field "burn"`:                  func(c *scorecard.Scorecard) { c.Results[1].Budget.Burn[3].Rate = new(math.NaN()) },
		`check "latency": field "bad"`:                   func(c *scorecard.Scorecard) { c.Results[1].Budget.Bad = math.NaN() },
		`field "evaluated_at": the year 12026 cannot be`: func(c *scorecard.Scorecard) { c.EvaluatedAt = noon().AddDate(10_000, 0, 0) },
	}
	for want, spoilt := range spoil {
		cards := fleet(3)
		spoilt(cards[1])
		_, err := EncodeCards(cards, common(), all)
		require.ErrorContains(t, err, `encode the scorecard of default/service-1 by rubric "http": `+want)
	}
	_, err := EncodeCards([]*scorecard.Scorecard{{Rubric: "http"}}, common(), all)
	require.EqualError(t, err, "encode a scorecard: it has no service")
}

func TestAServiceThatIsNotThereIsAnError(t *testing.T) {
	payload, err := EncodeCards(fleet(2), common(), all)
	require.NoError(t, err)
	_, err = DecodeCards(payload, common(), finder(fleet(1)))
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, `the service "default/service-1" is not in the catalog`)
	_, err = DecodeCards(payload, common(), nil)
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestFieldsOfLaterVersionsArePassedOver(t *testing.T) {
	got, err := DecodeCards([]byte(`{"new":[1,{"a":2}],"checks":[{"name":"a","new":1}],"cards":[{"service":"default/a","new":{"b":[]},`+
		`"results":[{"new":null,"verdict":"pass","cells":[{"new":true,"cell":"c"}],"budget":{"new":1,"burn":[300,1.5,600,null]}}]}]}`),
		common(), func(id catalog.ID) (*catalog.Service, bool) { return &catalog.Service{ID: id}, true })
	require.NoError(t, err)
	r := got[0].Results[0]
	require.Equal(t, "a", r.Check)
	require.Equal(t, scorecard.Pass, r.Verdict)
	require.Equal(t, []scorecard.CellResult{{Cell: "c"}}, r.Cells)
	require.Equal(t, []scorecard.Burn{{Window: 5 * time.Minute, Rate: new(1.5)}, {Window: 10 * time.Minute}}, r.Budget.Burn)
}

func TestDamagedScorecardsAreRefused(t *testing.T) {
	payload, err := EncodeCards(fleet(2), common(), nil)
	require.NoError(t, err)
	for at := range payload {
		_, err := DecodeCards(payload[:at], common(), nil)
		require.ErrorIs(t, err, ErrCorrupt, "cut at %d", at)
	}
	for _, text := range []string{
		`[]`, `{}{}`, `{"cards":{}}`, `{"cards":[{}]}`, `{"cards":[{"service":1}]}`, `{"cards":[{"whole_service":[]}]}`,
		`{"cards":[{"whole_service":{},"results":[{}]}]}`, `{"checks":[{}],"cards":[{"whole_service":{},"results":[{"check":-1}]}]}`,
		`{"cards":[{"whole_service":{},"score":1e999}]}`, `{"cards":[{"whole_service":{},"pass":1}]}`,
		`{"cards":[{"whole_service":{},"data_time":"noon"}]}`, `{"checks":[{"window":1e3}]}`, `{"checks":[{"window":1.}]}`,
		`{"cards":[{"whole_service":{},"results":[{"budget":{"burn":[300]}}]}]}`,
		`{"cards":[{"whole_service":{},"results":[{"overrides":["objective"]}]}]}`,
		`{"checks":[{"window":99999999999}]}`, `{"checks":[{"name":"` + "\xff" + `"}]}`,
		`{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		_, err := DecodeCards([]byte(text), common(), nil)
		require.ErrorIs(t, err, ErrCorrupt, text)
	}
}

func FuzzDecodeCards(f *testing.F) {
	seed := fleet(1) // small, or fuzzing spends its time on making it smaller
	seed[0].Results = seed[0].Results[:1]
	for _, known := range []func(*catalog.Service) bool{nil, all} {
		payload, err := EncodeCards(seed, common(), known)
		require.NoError(f, err)
		f.Add(payload)
	}
	find := finder(seed)
	f.Fuzz(func(t *testing.T, payload []byte) {
		cards, err := DecodeCards(payload, common(), find)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		again, err := EncodeCards(cards, common(), nil)
		require.NoError(t, err)
		got, err := DecodeCards(again, common(), nil)
		require.NoError(t, err)
		requireSameCards(t, common(), cards, got)
	})
}

func TestDurationsComeBackExactly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Second: "1", -time.Second: "-1", 1: "0.000000001", -1: "-0.000000001", 90 * time.Minute: "5400",
		1500 * time.Millisecond: "1.5", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		text := appendSeconds(nil, d)
		require.Equal(t, want, string(text))
		got, err := parseSeconds(text)
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	for _, bad := range []string{"", "-", "1.", ".5", "1e3", "1.0000000001", "9223372036.854775808", "-9223372036.854775809", "1.-5"} {
		_, err := parseSeconds([]byte(bad))
		require.Error(t, err, bad)
	}
}
