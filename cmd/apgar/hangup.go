package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups delivers each SIGHUP, by which operators ask a server to read its
// configuration anew, and keeps it from ending the process until stop is
// called. One that comes while another waits is the same request.
func hangups() (requests <-chan os.Signal, stop func()) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP)
	return received, func() { signal.Stop(received) }
}
