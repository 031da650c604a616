package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

// TestWaiversReachTheScorecardsAndThoseToLookAtAreTold runs a service by files
// that exempt a service from two checks, one of which it would pass.
func TestWaiversReachTheScorecardsAndThoseToLookAtAreTold(t *testing.T) {
	dir := t.TempDir()
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	for name, content := range map[string]string{
		"apgar.yml": `
sources: [{name: local, replicas: [{url: "http://127.0.0.1:1"}]}]
catalog: {files: [catalog.yml]}
rubrics: {files: [rubric.yml], waivers: [waivers.yml]}
`,
		"catalog.yml": `
apiVersion: apgar.dev/v1
services:
  - {name: playlist, owner: team-listen}
  - {name: tracks, owner: team-store}
`,
		"rubric.yml": `
rubrics:
  - name: owned
    checks:
      - {name: runbook, severity: critical, catalog: '"runbook" in service.links'}
      - {name: owner, weight: 1, catalog: 'service.owner != ""'}
      - {name: named, weight: 30, catalog: 'service.name != ""'}
`,
		"waivers.yml": fmt.Sprintf(`
apiVersion: apgar.dev/v1
waivers:
  - {id: no-runbook-yet, reason: It is being written., requester: jane, approver: ravi, created: %s, expires: %s, service: playlist, rubric: owned, check: runbook}
  - {id: no-owner, reason: The team is being founded., requester: jane, approver: ravi, created: %s, expires: %s, owner: team-listen, rubric: owned, check: owner}
`, day(-80), day(5), day(-1), day(60)),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	s, err := newService(ServeOptions{
		ConfigFile: filepath.Join(dir, "apgar.yml"), Web: Web{ListenAddress: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	}, serviceExtras{})
	require.NoError(t, err)
	defer s.close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	defer func() { require.NoError(t, <-ended) }()
	defer stop()
	short, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = s.store.Wait(short, 0)
	require.NoError(t, err)

	cards := scorecard.WithoutEchoes(s.store.Snapshot().Scorecards)
	playlist, tracks := cards[0], cards[1]
	require.Equal(t, []scorecard.Verdict{scorecard.Waived, scorecard.Waived, scorecard.Pass}, verdicts(playlist))
	require.Equal(t, "waiver:no-runbook-yet", playlist.Results[0].Reason)
	require.InDelta(t, 100, *playlist.Score, 1e-9, "what is waived is out of the score")
	require.Less(t, *playlist.ScoreWithoutWaivers, 60.0, "a critical check fails without its waiver")
	require.Equal(t, []scorecard.Verdict{scorecard.Fail, scorecard.Pass, scorecard.Pass}, verdicts(tracks))
	require.Eventually(t, func() bool {
		return testutil.ToFloat64(s.waivers.inForce) == 2 &&
			testutil.ToFloat64(s.waivers.notices.WithLabelValues("expiring")) == 1 &&
			testutil.ToFloat64(s.waivers.notices.WithLabelValues("passing")) == 1
	}, 10*time.Second, 20*time.Millisecond)
}

func verdicts(c *scorecard.Scorecard) []scorecard.Verdict {
	var out []scorecard.Verdict
	for _, r := range c.Results {
		out = append(out, r.Verdict)
	}
	return out
}
