package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// surviveHangups keeps SIGHUP, by which operators ask a server to read its
// configuration anew, from ending the process until ctx ends, and says that
// nothing was reloaded.
func surviveHangups(ctx context.Context, log *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				log.Warn("reloading is not available in this version: restart to read the configuration again")
			}
		}
	}()
}
