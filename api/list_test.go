package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

type envelope struct {
	Items      []json.RawMessage
	NextCursor *string `json:"next_cursor"`
	Total      int
	Stale      bool
}

func list(t testing.TB, response *http.Response) envelope {
	t.Helper()
	var e envelope
	require.NoError(t, json.Unmarshal([]byte(text(t, response)), &e), text(t, response))
	return e
}

func serviceOf(t testing.TB, item json.RawMessage) string {
	t.Helper()
	var c struct {
		Service struct{ Namespace, Name string }
	}
	require.NoError(t, json.Unmarshal(item, &c))
	return c.Service.Namespace + "/" + c.Service.Name
}

func TestTheMapIsOfTheOverallScorecardsWhereThereAreSeveralRubrics(t *testing.T) {
	snap := fixture.WithOverall(fixture.Fleet(3))
	snap.Rubrics = append(snap.Rubrics, &rubric.Rubric{Name: "grpc"})
	b := newBench(t, snap)
	var verdicts map[string]struct{ Score *float64 }
	require.NoError(t, json.Unmarshal([]byte(text(t, b.get("/api/v1/scorecards?format=map"))), &verdicts))
	require.Len(t, verdicts, 3)
	whole := text(t, b.get("/api/v1/scorecards?format=map&rubric=overall"))
	require.Equal(t, whole, text(t, b.get("/api/v1/scorecards?format=map")))
}

// TestADraftChangesNoVerdictOfTheMap has a draft and a rubric that is to come
// beside the one that counts, and then nothing that counts.
func TestADraftChangesNoVerdictOfTheMap(t *testing.T) {
	snap := fixture.WithOverall(fixture.Fleet(3))
	alone := text(t, newBench(t, snap).get("/api/v1/scorecards?format=map"))
	require.Contains(t, alone, `"level":"`, "the overall scorecard has none")
	snap.Rubrics = append(snap.Rubrics, &rubric.Rubric{Name: "draft", Draft: true}, &rubric.Rubric{Name: "next", EffectiveFrom: snap.Tick.Add(time.Minute)})
	require.Equal(t, alone, text(t, newBench(t, snap).get("/api/v1/scorecards?format=map")))

	snap = fixture.Fleet(3)
	snap.Rubrics[0].Draft = true
	for _, c := range snap.Scorecards {
		c.Draft = true
	}
	require.Equal(t, "{}", text(t, newBench(t, snap).get("/api/v1/scorecards?format=map")))
}

func TestTheDocumentedExampleIsServed(t *testing.T) {
	c := fixture.Example()
	b := newBench(t, &scorecard.Snapshot{
		Generation: 1, Tick: fixture.Tick(), Catalog: catalog.NewSnapshot([]*catalog.Service{c.Service}, nil), Scorecards: []*scorecard.Scorecard{c},
	})
	want, err := os.ReadFile("wire/testdata/example.json")
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, want))
	require.Equal(t, compact.String(), text(t, b.get("/api/v1/scorecards/http/default/playlist")))
	printed, err := api.EncodeScorecard(nil, c, false)
	require.NoError(t, err)
	require.Equal(t, compact.String(), string(printed), "the command line prints the same bytes")
}

func TestCursorsLeadThroughTheWholeListAcrossGenerations(t *testing.T) {
	b := newBench(t, fixture.Fleet(60))
	seen := map[string]int{}
	path, generation := "/api/v1/scorecards?sort=score&limit=7", uint64(42)
	for cursor := ""; ; {
		page := list(t, b.get(path+"&cursor="+cursor))
		require.Equal(t, 60, page.Total)
		for _, item := range page.Items {
			seen[serviceOf(t, item)]++
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
		generation++
		next := fixture.Fleet(60)
		next.Generation = generation
		b.reader.Set(next, false)
	}
	require.Len(t, seen, 60)
	for id, times := range seen {
		require.Equal(t, 1, times, id)
	}
}

func TestServicesOfOneServiceHaveTheirOwnCursors(t *testing.T) {
	snap := fixture.Fleet(3)
	for i := range 5 {
		c := *snap.Scorecards[0]
		c.Rubric = "r" + strconv.Itoa(i)
		snap.Scorecards = append(snap.Scorecards, &c)
	}
	b := newBench(t, snap)
	path := "/api/v1/services/default/" + snap.Scorecards[0].Service.ID.Name + "/scorecards?limit=4"
	first := list(t, b.get(path))
	require.Equal(t, 6, first.Total)
	require.NotNil(t, first.NextCursor)
	require.Len(t, list(t, b.get(path+"&cursor="+*first.NextCursor)).Items, 2)
	other := "/api/v1/services/default/" + snap.Scorecards[1].Service.ID.Name + "/scorecards?limit=4"
	require.Equal(t, "invalid_cursor", code(t, b.get(other+"&cursor="+*first.NextCursor)))
}

func TestStaleStandsOnEverything(t *testing.T) {
	b := newBench(t, fixture.Fleet(5))
	b.reader.Set(fixture.Fleet(5), true)
	page := list(t, b.get("/api/v1/scorecards"))
	require.True(t, page.Stale)
	for _, item := range page.Items {
		require.Contains(t, string(item), `"stale":true`)
		require.NotContains(t, string(item), `"stale":false`)
	}
	for _, path := range []string{"/api/v1/services", "/api/v1/rubrics", "/api/v1/sources"} {
		require.True(t, list(t, b.get(path)).Stale, path)
	}
	require.Contains(t, text(t, b.get("/api/v1/scorecards/http/default/playlist")), `"stale":true`)
	require.Contains(t, text(t, b.get("/api/v1/scorecards?format=map")), `"stale":true`)
	require.Contains(t, text(t, b.get("/")), "stale")
}

func TestTheMapHasAVerdictForEveryService(t *testing.T) {
	b := newBench(t, fixture.Fleet(700))
	var verdicts map[string]struct {
		Pass  *bool
		Score *float64
	}
	require.NoError(t, json.Unmarshal([]byte(text(t, b.get("/api/v1/scorecards?format=map"))), &verdicts))
	require.Len(t, verdicts, 700)
	require.InDelta(t, 59.0, *verdicts["default/playlist"].Score, 0)
	require.False(t, *verdicts["default/playlist"].Pass)
}

func TestAnAnswerMayBeKeptUntilTheNextTickIsDue(t *testing.T) {
	snap := fixture.Fleet(5)
	for want, age := range map[string]time.Duration{
		"max-age=60": 0, "max-age=12": 48 * time.Second, "max-age=1": 59*time.Second + 500*time.Millisecond,
	} {
		b := newBench(t, snap, func(o *api.Options) { o.Now = func() time.Time { return snap.CommittedAt.Add(age) } })
		require.Equal(t, want, b.get("/api/v1/scorecards?limit=3").Header.Get("Cache-Control"))
	}
	late := newBench(t, snap, func(o *api.Options) { o.Now = func() time.Time { return snap.CommittedAt.Add(90 * time.Second) } })
	require.Equal(t, "max-age=1", late.get("/api/v1/scorecards?limit=3").Header.Get("Cache-Control"), "it may come at any moment")
}

func TestAnUnchangedAnswerIsNotSentAgain(t *testing.T) {
	b := newBench(t, fixture.Fleet(5))
	path := "/api/v1/scorecards?limit=3"
	first := b.get(path)
	tag := first.Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, "max-age=60", first.Header.Get("Cache-Control"))
	require.Equal(t, "Accept", first.Header.Get("Vary"))
	for _, held := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		again := b.get(path, "If-None-Match", held)
		require.Equal(t, http.StatusNotModified, again.StatusCode, held)
		require.Equal(t, tag, again.Header.Get("ETag"))
		require.Empty(t, text(t, again))
	}
	require.Equal(t, http.StatusOK, b.get(path, "If-None-Match", `"other"`).StatusCode)
	require.Equal(t, http.StatusOK, b.get("/api/v1/scorecards?limit=4", "If-None-Match", tag).StatusCode, "another query")
	require.Equal(t, http.StatusNotFound, b.get("/api/v1/services/default/nobody", "If-None-Match", "*").StatusCode)

	snap, _ := b.reader.Current()
	b.reader.Set(snap, true)
	stale := b.get(path, "If-None-Match", tag)
	require.Equal(t, http.StatusOK, stale.StatusCode, "it has turned stale")
	require.Equal(t, "no-cache", stale.Header.Get("Cache-Control"))

	next := fixture.Fleet(5)
	next.Generation++
	b.reader.Set(next, false)
	require.Equal(t, http.StatusOK, b.get(path, "If-None-Match", tag).StatusCode, "another generation")
}

func TestHeadAnswersAsGetWithoutTheBody(t *testing.T) {
	b := newBench(t, fixture.Fleet(5))
	for _, path := range []string{"/api/v1/services", "/", "/-/healthy", "/openapi.yaml"} {
		full, head := b.get(path), b.do(http.MethodHead, path)
		require.Equal(t, http.StatusOK, head.StatusCode, path)
		require.Empty(t, text(t, head))
		require.Equal(t, strconv.Itoa(len(text(t, full))), head.Header.Get("Content-Length"), path)
		require.Equal(t, full.Header.Get("ETag"), head.Header.Get("ETag"))
	}
}

// TestReadersSeeWholeGenerations swaps generations of different sizes under
// readers: an answer has the items, the total and the staleness of one.
func TestReadersSeeWholeGenerations(t *testing.T) {
	b := newBench(t, fixture.Fleet(40), quiet)
	generations := []*scorecard.Snapshot{fixture.Fleet(40), fixture.Fleet(41)}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 50 {
				w := httptest.NewRecorder()
				b.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/scorecards?limit=500", nil))
				var page envelope
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
					t.Errorf("the answer is no JSON: %v", err)
					return
				}
				if len(page.Items) != page.Total || page.Total != 40 && page.Total != 41 {
					t.Errorf("an answer has %d items of %d", len(page.Items), page.Total)
				}
				for _, item := range page.Items {
					if bytes.Contains(item, []byte(`"stale":true`)) != page.Stale {
						t.Errorf("an item is not as stale as its list")
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		readers.Wait()
		close(done)
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
			b.reader.Set(generations[i%2], i%3 == 0)
			runtime.Gosched()
		}
	}
}
