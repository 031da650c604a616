package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/client"
)

// script answers requests one after the other, and keeps what was asked. After
// the last answer every connection fails.
type script struct {
	answers []answer
	asked   []string    // Last-Event-ID and query of each request
	at      []time.Time // of each request
	start   time.Time
}

// answer is how one request is answered.
type answer struct {
	status int // 0: the connection fails
	header http.Header
	body   string
	hang   bool // the stream stays open and silent
}

func stream(body string) answer {
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, body: body}
}

// Do implements client.HttpRequestDoer.
func (s *script) Do(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.Header.Get("Last-Event-ID")+"?"+r.URL.RawQuery)
	s.at = append(s.at, time.Now())
	if len(s.asked) > len(s.answers) || s.answers[len(s.asked)-1].status == 0 {
		return nil, errors.New("connection refused")
	}
	a := s.answers[len(s.asked)-1]
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, a.body)
		if a.hang {
			<-r.Context().Done()
			_ = writer.CloseWithError(r.Context().Err())
			return
		}
		_ = writer.Close()
	}()
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Header: a.header, Body: reader, Request: r}, nil
}

// follow follows the script until n events have come, or an error.
func follow(t *testing.T, s *script, n int, params *client.GetEventsParams) (got []client.Event, failed error) {
	t.Helper()
	c, err := client.NewClient("http://apgar.example.org", client.WithHTTPClient(s))
	require.NoError(t, err)
	s.start = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for event, err := range client.Follow(ctx, c, params) {
		if err != nil {
			return got, err
		}
		if got = append(got, event); len(got) == n {
			break
		}
	}
	return got, nil
}

const change = `{"id":17,"generation":42,"time":"2026-11-23T12:00:00Z","kind":"grade_changed","rubric":"http",` +
	`"service":{"namespace":"default","name":"playlist","owner":"","system":"","tier":null,"lifecycle":"","type":"","tags":[]},` +
	`"environment":"production","check":null,"from":"A","to":null,"from_score":97.2,"to_score":null,"reason":null,"message":null,"later":"field"}`

func TestFollowReadsWhatAStreamMaySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{stream(": hello\nretry: 3000\n\nid:ab-16\nevent:position\ndata:{\"incarnation\":\"ab\",\"generation\":42}\n\n" +
			":\n\n" +
			"id: ab-17\r\nevent: grade_changed\r\ndata: " + strings.Replace(change, `,"from"`, ",\r\ndata: \"from\"", 1) + "\r\n\r\n" +
			"id\n\n" + // an event without anything, whose id is empty
			"id:cd-3\nevent:reset\ndata:{\"reason\":\"incarnation\",\"incarnation\":\"cd\",\"generation\":7}\n\n" +
			"event:novelty\ndata:[1]\n\n")}}
		got, err := follow(t, s, 4, nil)
		require.NoError(t, err)
		require.Equal(t, client.Event{ID: "ab-16", Name: "position"}, got[0])
		require.Equal(t, "ab-17", got[1].ID)
		require.Equal(t, client.GradeChanged, got[1].Change.Kind)
		require.Nil(t, got[1].Change.ToScore)
		require.InDelta(t, 97.2, *got[1].Change.FromScore, 0)
		require.Equal(t, "A", *got[1].Change.From)
		require.Equal(t, "cd-3", got[2].ID)
		require.Equal(t, client.ResetReasonIncarnation, got[2].Reset.Reason)
		require.Equal(t, client.Event{ID: "cd-3", Name: "novelty"}, got[3], "a kind of later versions")
	})
}

func event(id int) string {
	return fmt.Sprintf("id:ab-%d\nevent:grade_changed\ndata:%s\n\n", id, change)
}

func TestFollowGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{
			stream("retry: 1000\n\n" + event(1) + event(2) + "id:ab-3\nevent:grade_ch"), // cut off within an event
			{},
			{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {"60"}}, body: `{"detail":"as many as there may be"}`},
			stream(event(3)),
			stream(event(4)),
		}}
		kinds := client.KindParam{"grade_changed"}
		got, err := follow(t, s, 4, &client.GetEventsParams{Kind: &kinds, QueryLastEventID: new("ab-0")})
		require.NoError(t, err)
		for i, e := range got {
			require.Equal(t, fmt.Sprintf("ab-%d", i+1), e.ID)
		}
		require.Equal(t, []string{"ab-0?kind=grade_changed", "ab-2?kind=grade_changed", "ab-2?kind=grade_changed", "ab-2?kind=grade_changed", "ab-3?kind=grade_changed"}, s.asked)
		first, second, third, fourth := s.at[1].Sub(s.at[0]), s.at[2].Sub(s.at[1]), s.at[3].Sub(s.at[2]), s.at[4].Sub(s.at[3])
		require.True(t, first >= 500*time.Millisecond && first <= 1500*time.Millisecond, "the time that the server names, spread: %s", first)
		require.True(t, second >= 750*time.Millisecond && second <= 2250*time.Millisecond, "longer each time: %s", second)
		require.Equal(t, time.Minute, third, "no sooner than the server asks for")
		require.True(t, fourth <= 1500*time.Millisecond, "and from the start again once a stream has come about: %s", fourth)
	})
}

func TestFollowGivesUpAStreamThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{status: http.StatusOK, header: stream("").header, body: event(1), hang: true}, stream(event(2))}}
		got, err := follow(t, s, 2, nil)
		require.NoError(t, err)
		require.Equal(t, "ab-2", got[1].ID)
		require.GreaterOrEqual(t, s.at[1].Sub(s.start), 45*time.Second)
		require.Less(t, s.at[1].Sub(s.start), 50*time.Second)
	})
}

func TestFollowEndsWhereTryingAgainIsNoUse(t *testing.T) {
	html := answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: "<html>"}
	for name, tc := range map[string]struct {
		answer answer
		want   string
	}{
		"a bad request":         {answer{status: http.StatusBadRequest, body: `{"detail":"parameter \"kind\": no"}`}, `Bad Request: parameter "kind": no`},
		"a wrong address":       {answer{status: http.StatusNotFound, body: "gone"}, "Not Found: without a reason"},
		"a page":                {html, `the answer is "text/html"`},
		"an event of no schema": {stream("id:ab-1\nevent:grade_changed\ndata:{\"id\":\"x\"}\n\n"), "newer version"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []answer{tc.answer}}
				got, err := follow(t, s, 1, nil)
				require.ErrorContains(t, err, tc.want)
				require.Empty(t, got)
				require.Len(t, s.asked, 1)
			})
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		_, err := follow(t, s, 1, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(s.start))
		require.Greater(t, len(s.asked), 80)
		require.Less(t, len(s.asked), 250, "about every 30 seconds at last")
	})
}

// FuzzFollow holds that no stream makes the client fail: it gives events, or
// an error.
func FuzzFollow(f *testing.F) {
	f.Add(event(1) + "retry: 99999999999\n\n:\n\ndata\n\n")
	f.Add("id:\x00\nevent:reset\ndata:{\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		once := &script{answers: []answer{stream(body)}}
		c, err := client.NewClient("http://apgar.example.org", client.WithHTTPClient(onceThenCancel{once, cancel}))
		require.NoError(t, err)
		for e, err := range client.Follow(ctx, c, nil) {
			if err != nil {
				break
			}
			require.NotEqual(t, e.Name == "reset", e.Reset == nil)
			require.NotContains(t, e.ID, "\x00")
		}
	})
}

// onceThenCancel ends the context once the script has been asked.
type onceThenCancel struct {
	*script
	cancel context.CancelFunc
}

// Do implements client.HttpRequestDoer.
func (o onceThenCancel) Do(r *http.Request) (*http.Response, error) {
	if len(o.asked) == len(o.answers) {
		o.cancel()
	}
	return o.script.Do(r)
}
