package redisstore

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(childServer); address != "" {
		fmt.Fprintln(os.Stderr, commitForever(address))
		os.Exit(1)
	}
	RouteLogs(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}
