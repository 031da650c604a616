package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/client"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// TestTheServiceStreamsWhatIsCommitted follows a service over HTTP while
// commits come to its store, leaves, comes back and is sent away at the end.
func TestTheServiceStreamsWhatIsCommitted(t *testing.T) {
	s, err := newService(ServeOptions{ConfigFile: smallConfig(t), Web: Web{ListenAddress: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)}, serviceExtras{})
	require.NoError(t, err)
	defer s.close()
	served := make(chan error, 1)
	go func() { served <- s.web.serve() }()
	commit := committer(t, s)
	commit(0)

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := client.NewClient(s.url(), client.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	first := following(t, c, nil, 4, func(position client.Event) {
		require.Equal(t, "position", position.Name)
		commit(2)
		commit(0)
		commit(1)
	})
	require.Equal(t, []int64{1, 2, 3}, []int64{first[1].Change.Id, first[2].Change.Id, first[3].Change.Id})
	require.Equal(t, []int64{2, 2, 4}, []int64{first[1].Change.Generation, first[2].Change.Generation, first[3].Change.Generation})
	commit(2)
	again := following(t, c, &client.GetEventsParams{LastEventID: &first[2].ID}, 3, func(client.Event) {})
	require.Equal(t, []int64{3, 4, 5}, []int64{again[0].Change.Id, again[1].Change.Id, again[2].Change.Id})
	elsewhere := following(t, c, &client.GetEventsParams{LastEventID: new("00-2")}, 1, func(client.Event) {})
	require.Equal(t, client.ResetReasonIncarnation, elsewhere[0].Reset.Reason)
	require.Equal(t, again[2].ID, elsewhere[0].ID)

	response, err := c.GetEvents(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	start := time.Now()
	s.web.stop()
	require.Less(t, time.Since(start), 5*time.Second, "a stream holds nobody up")
	require.NoError(t, <-served)
}

// committer returns a function that commits n changes to the service's store.
func committer(t *testing.T, s *service) func(n int) {
	t.Helper()
	lease, err := s.store.Acquire(t.Context(), "test", time.Hour)
	require.NoError(t, err)
	tick := time.Now().Truncate(time.Second)
	return func(n int) {
		tick = tick.Add(time.Second)
		changes := make([]scorecard.Change, n)
		for i := range changes {
			changes[i] = scorecard.Change{
				Time: tick, Kind: scorecard.GradeChanged, Key: scorecard.Key{Rubric: "http", Service: catalog.ID{Namespace: "default", Name: "playlist"}},
			}
		}
		require.NoError(t, s.store.Commit(t.Context(), scorecard.Commit{
			Epoch: lease.Epoch, Owner: lease.Owner, Snapshot: &scorecard.Snapshot{Tick: tick, Interval: time.Minute}, Changes: changes,
		}))
	}
}

// following returns the next n events, and calls begun with the first.
func following(t *testing.T, c *client.Client, params *client.GetEventsParams, n int, begun func(client.Event)) []client.Event {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("the events did not come"))
	defer cancel()
	var got []client.Event
	for event, err := range client.Follow(ctx, c, params) {
		require.NoError(t, err)
		if got = append(got, event); len(got) == 1 {
			begun(event)
		}
		if len(got) == n {
			break
		}
	}
	return got
}
