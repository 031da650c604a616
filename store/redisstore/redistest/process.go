package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a program that runs, or has run.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and was waited for
}

// spawn runs a program and appends what it writes to a file.
func spawn(program string, args []string, output string) (*process, error) {
	file, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its log: %w", err)
	}
	defer file.Close()
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = attributes()
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("running %s: %w", program, err)
	}
	return p, nil
}

// run starts the program and stays with it. The kernel ends the program with
// the thread that started it, so that thread is kept as long as the program.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}
}

// signal sends a signal; a process that has ended does not mind.
func (p *process) signal(signal syscall.Signal) { _ = p.cmd.Process.Signal(signal) }

// ended tells whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// endsWithin waits for the end of the process and tells whether it came.
func (p *process) endsWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// final marks an error that asking again will not mend.
type final struct{ error }

// poll asks again and again until the answer is nil, or final, or the time is
// over; it returns the last answer.
func poll(limit time.Duration, question func() error) error {
	began := time.Now()
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		err := question()
		if err == nil || errors.As(err, new(final)) {
			return err
		}
		if time.Since(began) >= limit {
			return fmt.Errorf("not within %v: %w", limit, err)
		}
		<-ticker.C
	}
}
