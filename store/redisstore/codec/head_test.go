package codec

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// comesBack encodes, decodes and encodes again.
func comesBack[T any](t require.TestingT, want T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) T {
	payload, err := encode(want)
	require.NoError(t, err)
	got, err := decode(payload)
	require.NoError(t, err)
	again, err := encode(got)
	require.NoError(t, err)
	require.Equal(t, string(payload), string(again))
	return got
}

func requireComesBack[T any](t require.TestingT, want T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	require.Equal(t, want, comesBack(t, want, encode, decode))
}

// head is what sources and identity reports are together.
type head struct {
	Sources    []scorecard.SourceStatus
	Identities []scorecard.IdentityReport
}

func encodeHead(h head) ([]byte, error) { return EncodeSources(h.Sources, h.Identities) }

func decodeHead(payload []byte) (h head, err error) {
	h.Sources, h.Identities, err = DecodeSources(payload)
	return h, err
}

func decodeChanges(payload []byte) ([]scorecard.Change, error) { return DecodeChanges(payload, 7, 3) }

// numbered gives changes what decodeChanges gives them.
func numbered(changes []scorecard.Change) []scorecard.Change {
	for i := range changes {
		changes[i].ID, changes[i].Generation = 7+uint64(i), 3
	}
	return changes
}

func TestEveryFieldOfTheRestIsStored(t *testing.T) {
	requireComesBack(t, full[map[scorecard.Key]*scorecard.State](t), EncodeStates, DecodeStates)
	requireComesBack(t, full[head](t), encodeHead, decodeHead)
	requireComesBack(t, numbered(full[[]scorecard.Change](t)), EncodeChanges, decodeChanges)
	requireComesBack(t, full[[]*rubric.Rubric](t), EncodeRubrics, DecodeRubrics)
	services, entities := full[[]*catalog.Service](t), full[[]*catalog.Entity](t)
	requireComesBack(t, catalog.NewSnapshot(services, entities), EncodeCatalog, DecodeCatalog)
}

func TestTheRestComesBack(t *testing.T) {
	t.Run("states", rapid.MakeCheck(func(t *rapid.T) {
		states := drawn[map[scorecard.Key]*scorecard.State](t, "states")
		want := map[scorecard.Key]*scorecard.State{}
		for key, s := range states {
			if s == nil {
				s = &scorecard.State{}
			}
			if len(s.Checks) == 0 {
				s.Checks = nil
			}
			want[key] = s
		}
		requireComesBack(t, want, EncodeStates, DecodeStates)
	}))
	t.Run("sources", rapid.MakeCheck(func(t *rapid.T) { requireComesBack(t, drawn[head](t, "head"), encodeHead, decodeHead) }))
	t.Run("changes", rapid.MakeCheck(func(t *rapid.T) {
		requireComesBack(t, numbered(drawn[[]scorecard.Change](t, "changes")), EncodeChanges, decodeChanges)
	}))
	t.Run("rubrics", rapid.MakeCheck(func(t *rapid.T) {
		want := []*rubric.Rubric{ptrTo(drawnRubric(t))}
		requireComesBack(t, want, EncodeRubrics, DecodeRubrics)
	}))
	t.Run("catalogs", rapid.MakeCheck(func(t *rapid.T) {
		services, entities := drawn[[]catalog.Service](t, "services"), drawn[[]catalog.Entity](t, "entities")
		want := catalog.NewSnapshot(convert(services, ptrTo), convert(entities, ptrTo))
		got := comesBack(t, want, EncodeCatalog, DecodeCatalog)
		require.Equal(t, want, got)
		require.Equal(t, want.Version(), got.Version())
	}))
}

// drawnRubric has no pointers to nothing where the loader leaves none.
func drawnRubric(t *rapid.T) rubric.Rubric {
	r := drawn[rubric.Rubric](t, "rubric")
	checks := r.Checks
	r.Checks = nil
	for _, c := range checks {
		if c == nil {
			continue
		}
		ids := c.Identities
		c.Identities = nil
		for _, id := range ids {
			if id != nil {
				c.Identities = append(c.Identities, id)
			}
		}
		r.Checks = append(r.Checks, c)
	}
	return r
}

func TestTheVersionOfACatalogTellsNilMapsFromEmptyOnes(t *testing.T) {
	service := &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "playlist"}, Tags: []string{}, Labels: map[string]string{}}
	want := catalog.NewSnapshot([]*catalog.Service{service}, nil)
	got := comesBack(t, want, EncodeCatalog, DecodeCatalog)
	require.Equal(t, want.Version(), got.Version())
	require.NotNil(t, got.Services()[0].Labels)
	require.Nil(t, got.Services()[0].Links)
	require.Equal(t, 0, comesBack(t, nil, EncodeCatalog, DecodeCatalog).Len(), "nil is an empty catalog")
}

// shipped returns the rubrics that ship with Apgar, those of the examples, and
// everyField.
func shipped(t testing.TB) []*rubric.Rubric {
	t.Helper()
	var files []rubric.File
	for _, name := range rubric.Packs() {
		file, ok := rubric.PackFile(name)
		require.True(t, ok)
		files = append(files, file)
	}
	paths, err := filepath.Glob("../../../examples/rubrics/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var rubrics []*rubric.Rubric
	for _, path := range paths {
		if rubric.IsTestFile(path) {
			continue
		}
		rubrics = append(rubrics, loadFile(t, path)...)
	}
	rubrics = append(rubrics, everyField(t)...)
	return append(rubrics, load(t, files...)...)
}

// everyField returns a rubric that uses every field.
func everyField(t testing.TB) []*rubric.Rubric {
	t.Helper()
	return loadFile(t, "testdata/every-field.yml")
}

func loadFile(t testing.TB, path string) []*rubric.Rubric {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return load(t, rubric.File{Name: filepath.Base(path), Data: data})
}

func load(t testing.TB, files ...rubric.File) []*rubric.Rubric {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	rubrics, problems := rubric.Load(env, identities, files...)
	require.Empty(t, problems)
	return rubrics
}

func TestShippedRubricsComeBackForShowing(t *testing.T) {
	want := shipped(t)
	got := comesBack(t, want, EncodeRubrics, DecodeRubrics)
	require.Len(t, got, len(want))
	service := &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "playlist"}}
	for i, r := range got {
		require.Equal(t, want[i].Version, r.Version)
		require.Equal(t, want[i].EffectiveFrom, r.EffectiveFrom)
		for j, c := range r.Checks {
			of := want[i].Checks[j]
			require.Equal(t, of.Hash, c.Hash)
			require.Equal(t, of.SLI, c.SLI)
			if c.Events != nil {
				requireSameMatchers(t, of.Events.Total.Where, c.Events.Total.Where)
				requireSameMatchers(t, of.Events.Bad, c.Events.Bad)
			}
			require.Len(t, c.Identities, len(of.Identities))
			for k, id := range c.Identities {
				require.Equal(t, of.Identities[k].LabelNames(), id.LabelNames())
				require.Equal(t, of.Identities[k].Hash, id.Hash)
			}
			if c.Value != nil {
				require.Equal(t, of.Value.Query, c.Value.Query)
			}
			if c.Catalog != nil {
				require.Equal(t, of.Catalog.Source(), c.Catalog.Source())
				_, err := c.Catalog.Eval(service)
				require.ErrorContains(t, err, "for showing only")
			}
		}
	}
}

func requireSameMatchers(t *testing.T, want, got []*labels.Matcher) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, m := range got {
		require.Equal(t, want[i].String(), m.String())
		for _, value := range []string{"", "500", "503", "GET", "/metrics"} {
			require.Equal(t, want[i].Matches(value), m.Matches(value), "%s of %q", m, value)
		}
	}
}

func TestWhatCannotBeStoredIsRefused(t *testing.T) {
	_, err := EncodeStates(map[scorecard.Key]*scorecard.State{
		{Rubric: "http", Service: catalog.ID{Namespace: "default", Name: "a"}}: {
			Checks: map[string]scorecard.CheckState{"latency": {Standing: scorecard.Standing{Verdict: scorecard.Pass, Credit: math.NaN()}}},
		},
	})
	require.EqualError(t, err, `encode the grading state of default/a by rubric "http": check "latency": field "credit": `+
		`NaN cannot be stored: unknown numbers must be nil`)
	_, err = EncodeStates(map[scorecard.Key]*scorecard.State{{}: nil})
	require.ErrorContains(t, err, "there is none")
	_, err = EncodeChanges([]scorecard.Change{{FromScore: new(math.Inf(1))}})
	require.ErrorContains(t, err, "/changes/0/from_score")
	_, err = EncodeRubrics([]*rubric.Rubric{{Weight: math.NaN()}})
	require.ErrorContains(t, err, "/rubrics/0/weight")
}

// decoders are those of what is JSON and not scorecards.
func decoders() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"states":  func(p []byte) error { _, err := DecodeStates(p); return err },
		"changes": func(p []byte) error { _, err := decodeChanges(p); return err },
		"sources": func(p []byte) error { _, err := decodeHead(p); return err },
		"rubrics": func(p []byte) error { _, err := DecodeRubrics(p); return err },
		"catalog": func(p []byte) error { _, err := DecodeCatalog(p); return err },
	}
}

func TestDamagedPayloadsOfTheRestAreRefused(t *testing.T) {
	for name, decode := range decoders() {
		for _, text := range []string{``, `{`, `[]`, `{}{}`, `{"x":"` + "\xff" + `"}`, `{"states":{},"changes":{},"sources":{},"rubrics":{},"services":{}}`} {
			require.ErrorIs(t, decode([]byte(text)), ErrCorrupt, "%s: %s", name, text)
		}
		require.NoError(t, decode([]byte(`{"of a later version":[1,{}]}`)), name)
	}
	for _, text := range []string{
		`{"rubrics":[{"checks":[{"events":{"bad":[{"label":"code","type":"~","value":"5.."}]}}]}]}`,
		`{"rubrics":[{"checks":[{"histogram":{"of":{"where":[{"label":"code","type":"=~","value":"("}]}}}]}]}`,
		`{"rubrics":[{"checks":[{"period":"30d"}]}]}`,
	} {
		_, err := DecodeRubrics([]byte(text))
		require.ErrorIs(t, err, ErrCorrupt)
	}
}

func FuzzDecodeStates(f *testing.F) {
	f.Add([]byte(`{"states":[{"rubric":"http","service":"a","last_score":90,"checks":[{"name":"b","verdict":"fail","since":"2026-11-23T12:00:00Z",` +
		`"firing":[{"long":3600,"short":300}],"standing":{"verdict":"fail","credit":0.5}}]}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzed(t, payload, EncodeStates, DecodeStates) })
}

func FuzzDecodeChanges(f *testing.F) {
	f.Add([]byte(`{"changes":[{"time":"2026-11-23T12:00:00Z","kind":"verdict_changed","from_score":1}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzed(t, payload, EncodeChanges, decodeChanges) })
}

func FuzzDecodeSources(f *testing.F) {
	f.Add([]byte(`{"sources":[{"name":"eu","duration":0.2,"cells":["a"]}],"identities":[{"conflicts":[{"services":[{"name":"a"}]}]}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzed(t, payload, encodeHead, decodeHead) })
}

func FuzzDecodeCatalog(f *testing.F) {
	f.Add([]byte(`{"services":[{"namespace":"default","name":"a","links":{}}],"entities":[{"kind":"group","name":"b"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzed(t, payload, EncodeCatalog, DecodeCatalog) })
}

func FuzzDecodeRubrics(f *testing.F) {
	f.Add([]byte(`{"rubrics":[{"name":"a","levels":["b"],"checks":[{"identities":[{"labels":[{"name":"c","values":"d"}]}],"catalog":"e","period":60}]}]}`))
	f.Add([]byte(`{"rubrics":[{"checks":[{"histogram":{"of":{"where":[{"label":"a","type":"=~","value":"b|c"}]}}}]}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzed(t, payload, EncodeRubrics, DecodeRubrics) })
}

// fuzzed holds that whatever is decoded can be encoded, and comes back.
func fuzzed[T any](t *testing.T, payload []byte, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	value, err := decode(payload)
	if err != nil {
		require.ErrorIs(t, err, ErrCorrupt)
		return
	}
	comesBack(t, value, encode, decode)
}

// states are plausible grading states of scorecards.
func states(cards []*scorecard.Scorecard) map[scorecard.Key]*scorecard.State {
	out := map[scorecard.Key]*scorecard.State{}
	for _, c := range cards {
		s := &scorecard.State{
			RubricVersion: c.RubricVersion, ServiceVersion: "0f3a5c77d1b2", Level: c.Level,
			LastScore: c.LastScore, LastScoredAt: c.LastScoredAt, Checks: map[string]scorecard.CheckState{},
		}
		for _, r := range c.Results {
			check := scorecard.CheckState{
				Hash: r.CheckHash, Verdict: r.Verdict, Reason: r.Reason, Since: r.Since, Seen: true,
				Standing: scorecard.Standing{Verdict: r.Verdict, Reason: r.Reason, Credit: *r.Credit, Coverage: 1, At: r.DataTime},
			}
			for _, burn := range r.Budget.Burn[:4] { // of two hours and less
				counts := slo.Counts{Bad: math.Round(*burn.Rate*r.Budget.Bad*1e3) / 1e6, Total: math.Round(*burn.Rate*r.Budget.Total*1e3) / 1e6}
				check.Windows = append(check.Windows, scorecard.WindowState{Length: burn.Window, Counts: counts, At: r.DataTime.Unix()})
			}
			s.Checks[r.Check] = check
		}
		out[c.Key()] = s
	}
	return out
}

// TestStatesOfTheFirstVersionAreRead reads states that know neither when a
// result was judged nor how much of it was covered.
func TestStatesOfTheFirstVersionAreRead(t *testing.T) {
	states, err := DecodeStates([]byte(`{"states":[{"rubric":"http","namespace":"default","service":"playlist","last_score":59,` +
		`"last_scored_at":"2026-11-23T12:00:00Z","checks":[{"name":"availability","hash":"0f3a5c77d1b2","verdict":"fail",` +
		`"reason":"burning_fast","since":"2026-11-23T11:52:00Z","firing":[{"long":3600,"short":300}],` +
		`"standing":{"verdict":"fail","reason":"burning_fast"}}]}]}`))
	require.NoError(t, err)
	state := states[scorecard.Key{Rubric: "http", Service: catalog.ID{Namespace: "default", Name: "playlist"}}]
	require.NotNil(t, state)
	require.Equal(t, scorecard.Standing{Verdict: scorecard.Fail, Reason: "burning_fast", Coverage: 1, At: noon()}, state.Checks["availability"].Standing)
	require.Equal(t, []scorecard.FiringPair{{Long: time.Hour, Short: 5 * time.Minute}}, state.Checks["availability"].Firing)
	require.Empty(t, state.RubricVersion)
}
