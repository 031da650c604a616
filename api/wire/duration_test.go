package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/wire"
)

func TestDuration(t *testing.T) {
	day := 24 * time.Hour
	for want, d := range map[string]time.Duration{
		"30d": 30 * day, "7d": 7 * day, "1d": day, "3d": 3 * day, "5m": 5 * time.Minute, "1h": time.Hour,
		"16h50m": 16*time.Hour + 50*time.Minute, "15s": 15 * time.Second, "250ms": 250 * time.Millisecond, "0s": 0,
		"-1h": -time.Hour,
	} {
		require.Equal(t, want, wire.Duration(d))
	}
}
