package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

// change is a change of number i of the fleet's services.
func change(i int) scorecard.Change {
	kinds := []scorecard.ChangeKind{
		scorecard.VerdictChanged, scorecard.GradeChanged, scorecard.LevelChanged, scorecard.StatusChanged, scorecard.ScorecardAdded, scorecard.ScorecardRemoved,
	}
	c := scorecard.Change{
		Time: fixture.Tick(), Kind: kinds[i%len(kinds)], Environment: "production",
		Key:  scorecard.Key{Rubric: "http", Service: fixture.Services(12)[i%12].ID},
		From: "A", To: "F", FromScore: new(89.99), ToScore: new(59.0),
	}
	if c.Kind == scorecard.VerdictChanged {
		c.Check, c.From, c.To, c.Reason, c.Message = "availability", "pass", "fail", "burning_fast", "two\nlines\r and \u2028 more"
	}
	return c
}

func changes(from, to int) []scorecard.Change {
	var list []scorecard.Change
	for i := from; i <= to; i++ {
		list = append(list, change(i))
	}
	return list
}

// newStreamBench is a bench over twelve services, in incarnation ab.
func newStreamBench(t *testing.T, change ...func(*api.Options)) *bench {
	t.Helper()
	snap := fixture.Fleet(12)
	snap.Incarnation = "ab"
	return newBench(t, snap, append([]func(*api.Options){quiet}, change...)...)
}

func TestAStreamTellsOfChangesWhenTheyAreCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		b.changes.Commit(change(0))
		l := b.listen(t, "")
		require.Equal(t, http.StatusOK, l.status)
		require.Equal(t, "text/event-stream", l.header.Get("Content-Type"))
		require.Equal(t, "no-store", l.header.Get("Cache-Control"))
		require.Empty(t, l.header.Get("Content-Encoding"))
		require.Equal(t, ": changes of scorecards\nretry: 3000\n\nid:ab-1\nevent:position\ndata:{\"incarnation\":\"ab\",\"generation\":43}\n\n", l.take())

		b.changes.Append(change(6))
		require.Empty(t, l.take(), "no snapshot contains it yet")
		b.changes.Publish()
		got := l.events()
		require.Len(t, got, 1)
		require.Equal(t, "ab-2", got[0].id)
		require.Equal(t, "verdict_changed", got[0].name)
		require.JSONEq(t, `{"id": 2, "generation": 44, "time": "2026-11-23T12:00:00Z", "kind": "verdict_changed", "rubric": "http",
			"service": {"namespace": "default", "name": "lyrics", "owner": "team-marketing", "system": "marketing", "tier": 1, "lifecycle": "production", "type": "service", "tags": ["http"]},
			"environment": "production", "check": "availability", "from": "pass", "to": "fail", "from_score": 89.9, "to_score": 59.0,
			"reason": "burning_fast", "message": "two\nlines\r and \u2028 more"}`, got[0].data)
	})
}

func TestWhatAStreamSendsIsAsTheSpecificationHasIt(t *testing.T) {
	document, err := libopenapi.NewDocument(api.OpenAPI())
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	validator := schema_validation.NewSchemaValidator()
	var got []event
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		b.changes.Commit(append(changes(0, 5), gone())...)
		got = l.events()
		b.changes.Begin("cd")
		got = append(got, l.events()...)
	})
	require.Len(t, got, 9)
	for _, e := range got {
		name := map[string]string{"position": "Position", "reset": "Reset"}[e.name]
		if name == "" {
			name = "Change"
		}
		schema := model.Model.Components.Schemas.GetOrZero(name).Schema()
		ok, errs := validator.ValidateSchemaString(schema, e.data)
		require.True(t, ok, "%s: %v", e.data, errs)
		ok, _ = validator.ValidateSchemaString(schema, strings.Replace(e.data, `{"`, `{"other":1,"`, 1))
		require.False(t, ok, "the schema is strict")
	}
}

func TestAClientGoesOnFromItsLastEvent(t *testing.T) {
	reset := func(reason string) string {
		return fmt.Sprintf(`ab-20 reset {"reason":%q,"incarnation":"ab","generation":44}`, reason)
	}
	for last, want := range map[string][]string{
		"ab-17":                   {"ab-18", "ab-19", "ab-20"},
		"ab-20":                   {},
		"ab-10":                   {"ab-11", "ab-12", "ab-13", "ab-14", "ab-15", "ab-16", "ab-17", "ab-18", "ab-19", "ab-20"},
		"ab-9":                    {reset("dropped")},
		"ab-0":                    {reset("dropped")},
		"ab-21":                   {reset("ahead")},
		"ab-18446744073709551615": {reset("ahead")},
		"-17":                     {reset("incarnation")},
		"abc-17":                  {reset("incarnation")},
		"ab-":                     {reset("malformed")},
		"ab":                      {reset("malformed")},
		"ab-1-2":                  {reset("malformed")},
		"ab-+17":                  {reset("malformed")},
		"AB-17":                   {reset("malformed")},
		"ab-18446744073709551616": {reset("malformed")},
		strings.Repeat("a", 5000): {reset("malformed")},
	} {
		for _, way := range []string{"header", "query", "header over query"} {
			t.Run(way+" "+last[:min(len(last), 30)], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newStreamBench(t)
					b.changes.Keep = 10
					b.changes.Commit(changes(1, 12)...)
					b.changes.Commit(changes(13, 20)...)
					var l *listener
					switch way {
					case "header":
						l = b.listen(t, "", "Last-Event-ID", last)
					case "query":
						l = b.listen(t, values("last_event_id", last))
					default:
						l = b.listen(t, values("last_event_id", "ab-19"), "Last-Event-ID", last)
					}
					got := []string{}
					for _, e := range l.events() {
						if e.name == "reset" {
							got = append(got, e.id+" "+e.name+" "+e.data)
							continue
						}
						got = append(got, e.id)
					}
					require.Equal(t, want, got)
					b.changes.Commit(change(21))
					require.Equal(t, []string{"ab-21"}, ids(l.events()), "then it goes on live")
				})
			})
		}
	}
}

func TestAStoreWithoutAnIncarnationHasIDsTooAndOneWithoutChangesBeginsAtNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fixture.Fleet(12), quiet)
		first := b.listen(t, "").events()
		require.Equal(t, []string{"-0"}, ids(first))
		b.changes.Commit(changes(1, 2)...)
		require.Equal(t, []string{"-1", "-2"}, ids(b.listen(t, "", "Last-Event-ID", first[0].id).events()))
	})
}

func TestAStreamBeginsAnewWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		b.changes.Commit(changes(1, 5)...)
		l := b.listen(t, "")
		l.take()
		b.changes.Begin("cd")
		require.Equal(t, []event{{"cd-0", "reset", `{"reason":"incarnation","incarnation":"cd","generation":1}`}}, l.events())
		b.changes.Commit(change(1))
		require.Equal(t, []string{"cd-1"}, ids(l.events()))
	})
}

type changeLog = api.Changes

// renewing is a log that begins anew just before it is read for the first time.
type renewing struct {
	changeLog
	begin func()
	once  sync.Once
}

func (r *renewing) Changes(ctx context.Context, after uint64, limit int) ([]scorecard.Change, bool, error) {
	r.once.Do(r.begin)
	return r.changeLog.Changes(ctx, after, limit)
}

func TestChangesOfAnotherLifeOfTheStoreAreNotTakenForThoseOfTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		b = newStreamBench(t, func(o *api.Options) {
			o.Changes = &renewing{changeLog: o.Changes, begin: func() {
				b.changes.Begin("cd")
				b.changes.Commit(changes(1, 3)...)
			}}
		})
		l := b.listen(t, "")
		l.take()
		b.changes.Commit(change(1))
		got := l.events()
		require.Len(t, got, 1)
		require.Equal(t, "cd-3 reset", got[0].id+" "+got[0].name)
	})
}

func TestAStreamBeginsAnewWhereTheLogHasNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		l.take()
		b.changes.Append(changes(1, 3)...)
		b.changes.Forget()
		b.changes.Publish()
		require.Equal(t, []event{{"ab-3", "reset", `{"reason":"dropped","incarnation":"ab","generation":43}`}}, l.events())
	})
}

func TestAStreamThatFallsBehindTheLogBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		b.changes.Keep = 10
		l := b.listen(t, "")
		l.take()
		b.changes.Commit(changes(1, 12)...)
		require.Equal(t, []event{{"ab-12", "reset", `{"reason":"dropped","incarnation":"ab","generation":43}`}}, l.events())
		metrics := text(t, b.get("/metrics"))
		require.Contains(t, metrics, `apgar_api_event_resets_total{reason="dropped"} 1`)
		require.Contains(t, metrics, `apgar_api_event_resets_total{reason="ahead"} 0`)
	})
}

func TestASilentStreamHasHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "?kind=level_changed")
		l.take()
		time.Sleep(15*time.Second - time.Nanosecond)
		require.Empty(t, l.take())
		time.Sleep(time.Nanosecond)
		require.Equal(t, ":\n\n", l.take())
		time.Sleep(10 * time.Second)
		b.changes.Commit(change(1), change(3))
		require.Empty(t, l.take(), "the filter passes over them")
		time.Sleep(5 * time.Second)
		require.Equal(t, []event{{"ab-2", "position", `{"incarnation":"ab","generation":43}`}}, l.events(), "the place has moved on")
		time.Sleep(10 * time.Second)
		b.changes.Commit(change(2))
		require.Equal(t, []string{"ab-3"}, ids(l.events()))
		time.Sleep(15*time.Second - time.Nanosecond)
		require.Empty(t, l.take(), "an event is a sign of life, too")
		time.Sleep(time.Nanosecond)
		require.Equal(t, ":\n\n", l.take())
	})
}

func TestHeadOfAStreamDoesNotWait(t *testing.T) {
	b := newStreamBench(t, func(o *api.Options) { o.Events.Streams = 1 })
	for range 3 {
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/api/v1/events", nil)) // whose context does not end
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		require.Empty(t, w.Body.String())
	}
}

func TestOnlySoManyStreamsAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t, func(o *api.Options) { o.Events.Streams = 2 })
		first := b.listen(t, "")
		b.listen(t, "")
		require.Contains(t, text(t, b.get("/metrics")), "apgar_api_event_streams 2")
		response := b.get("/api/v1/events")
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		require.Equal(t, "too_many_streams", code(t, response))
		require.Equal(t, "5", response.Header.Get("Retry-After"))
		first.cancel()
		<-first.ended
		require.Equal(t, http.StatusOK, b.get("/api/v1/events").StatusCode)
		require.Contains(t, text(t, b.get("/metrics")), "apgar_api_event_streams 1")
	})
}

func TestStreamsEndWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		start := time.Now()
		b.server.EndStreams()
		b.server.EndStreams()
		<-l.ended
		require.Zero(t, time.Since(start))
		require.Equal(t, "stopping", code(t, b.get("/api/v1/events")))
	})
}

func TestALogThatCannotBeReadEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		b.changes.Fail(errors.New("the log is broken"))
		<-l.ended
		require.Contains(t, text(t, b.get("/metrics")), `apgar_api_event_streams_dropped_total{reason="error"} 1`)
	})
}

func TestAChangeThatJSONCannotSayIsLeftOutAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		l.take()
		broken := change(2)
		broken.ToScore = new(math.NaN())
		b.changes.Commit(change(1), broken, change(3))
		got := l.events()
		require.Equal(t, []string{"ab-1", "ab-3"}, ids(got))
		metrics := text(t, b.get("/metrics"))
		require.Contains(t, metrics, "apgar_api_encode_failures_total 1")
		require.Contains(t, metrics, "apgar_api_events_sent_total 2")
		for _, e := range got {
			require.True(t, json.Valid([]byte(e.data)))
		}
	})
}

func TestAStreamCountsAsARequestThatIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStreamBench(t)
		l := b.listen(t, "")
		time.Sleep(time.Hour)
		l.cancel()
		<-l.ended
		metrics := text(t, b.get("/metrics"))
		require.Contains(t, metrics, `apgar_api_requests_total{code="200",method="GET",route="/api/v1/events"} 1`)
		require.Contains(t, metrics, `apgar_api_request_duration_seconds_bucket{route="/api/v1/events",le="0.0005"} 1`)
	})
}
