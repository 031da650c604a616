package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/config"
)

// TestAReloadWithAMistakeInAWaiverFails holds that a typing error does not take
// an exemption away while the program runs, and that a start goes on without.
func TestAReloadWithAMistakeInAWaiverFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	path := filepath.Join(dir, "apgar.yml")
	write("apgar.yml", `{sources: [{name: a, replicas: [{url: "http://127.0.0.1:1"}]}], catalog: {files: [catalog.yml]}, rubrics: {packs: [http], waivers: ["waivers*.yml"]}}`)
	write("catalog.yml", "apiVersion: apgar.dev/v1\nservices: [{name: playlist, tags: [http]}]\n")
	const sound = "apiVersion: apgar.dev/v1\nwaivers:\n  - {id: slow, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: playlist, rubric: http, check: latency}\n"
	const unapproved = "  - {id: alone, reason: r, requester: a, approver: a, created: 2026-11-01, expires: 2026-12-01, service: playlist, rubric: http}\n"
	log := slog.New(slog.DiscardHandler)
	reload := func(inForce *setup) (*setup, error) {
		cfg, problems := config.Load(path)
		require.Empty(t, problems)
		r := &reloading{inForce: inForce, log: log}
		return prepare(cfg, nil, log, r.accept)
	}

	write("waivers.yml", sound+unapproved)
	first, err := load(path, log)
	require.NoError(t, err, "a start leaves the bad one out")
	defer first.close()
	require.Equal(t, 1, first.waivers.Len())
	at := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	_, waived := first.waivers.Of(first.catalog.Services()[0]).For("http", "latency", at)
	require.True(t, waived)

	_, err = reload(first)
	require.ErrorContains(t, err, `waivers.yml:4: requester and approver of waiver "alone" are the same, a`)

	write("waivers.yml", sound+"  - {id: vain, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: gone, rubric: grpc}\n")
	next, err := reload(first)
	require.NoError(t, err, "what a waiver names may go before the waiver does")
	defer next.close()
	require.Equal(t, 2, next.waivers.Len())

	require.NoError(t, os.Remove(filepath.Join(dir, "waivers.yml")))
	none, err := reload(next)
	require.NoError(t, err, "the last waiver may be taken away")
	defer none.close()
	require.Zero(t, none.waivers.Len())
}
