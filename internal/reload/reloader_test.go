package reload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// rig is a Reloader that runs in a bubble, with its log and metrics.
type rig struct {
	*Reloader
	log  *lockedBuffer
	reg  *prometheus.Registry
	stop context.CancelFunc
	done chan error
}

// running runs a Reloader until the test of the bubble ends.
func running(t *testing.T, load func(context.Context) error) *rig {
	t.Helper()
	r := &rig{log: &lockedBuffer{}, reg: prometheus.NewRegistry(), done: make(chan error, 1)}
	var err error
	r.Reloader, err = New(Options{Load: load, Logger: slog.New(slog.NewTextHandler(r.log, nil)), Registerer: r.reg})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(cancel)
	return r
}

// pass lets time go by in a bubble, and everybody do what they do then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// metrics holds a page of metrics against what is there.
func (r *rig) metrics(t *testing.T, successful int, succeeded time.Time, ok, failed, refused int) {
	t.Helper()
	require.NoError(t, testutil.GatherAndCompare(r.reg, strings.NewReader(fmt.Sprintf(`
# HELP apgar_config_last_reload_successful 1 when the newest reload was put into force, 0 when it failed or was refused and the old state stays.
# TYPE apgar_config_last_reload_successful gauge
apgar_config_last_reload_successful %d
# HELP apgar_config_last_reload_success_timestamp_seconds When the configuration in force was put into force, in Unix seconds.
# TYPE apgar_config_last_reload_success_timestamp_seconds gauge
apgar_config_last_reload_success_timestamp_seconds %d
# HELP apgar_config_reloads_total Reloads, by result: ok, failed or refused.
# TYPE apgar_config_reloads_total counter
apgar_config_reloads_total{result="failed"} %d
apgar_config_reloads_total{result="ok"} %d
apgar_config_reloads_total{result="refused"} %d
`, successful, succeeded.Unix(), failed, ok, refused))))
}

func TestAReloadAnswersWithItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		var result error
		r := running(t, func(context.Context) error { return result })
		r.metrics(t, 1, started, 0, 0, 0)

		pass(time.Minute)
		require.NoError(t, r.Reload(t.Context(), "a request"))
		succeeded := started.Add(time.Minute)
		r.metrics(t, 1, succeeded, 1, 0, 0)

		pass(time.Minute)
		result = errors.New("apgar.yml:3: there is no such field")
		require.Equal(t, result, r.Reload(t.Context(), "another request"))
		r.metrics(t, 0, succeeded, 1, 1, 0)
		require.Contains(t, r.log.String(), `reason="a request" took=0s`)
		require.Contains(t, r.log.String(), `reason="another request" took=0s err="apgar.yml:3: there is no such field"`)

		pass(time.Hour)
		r.metrics(t, 0, succeeded, 1, 1, 0) // what failed is not tried again by itself
		result = nil
		r.Trigger("a file has changed")
		synctest.Wait()
		r.metrics(t, 1, time.Now(), 2, 1, 0)
	})
}

// TestTriggersDuringARunMakeOneMore holds that runs never overlap, that those
// who ask while one is running get the result of the next, and that there is
// one more and not one for each.
func TestTriggersDuringARunMakeOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, inside := 0, 0
		r := running(t, func(context.Context) error {
			inside++
			defer func() { inside-- }()
			if inside != 1 {
				return errors.New("two at a time")
			}
			runs++
			run := runs
			time.Sleep(10 * time.Second)
			return fmt.Errorf("run %d", run)
		})
		answers := make(chan string, 10)
		ask := func(reason string) {
			go func() { answers <- reason + ": " + r.Reload(t.Context(), reason).Error() }()
			synctest.Wait()
		}
		ask("first")
		pass(time.Second)
		ask("second")
		ask("third")
		r.Trigger("SIGHUP")
		r.Trigger("SIGHUP")
		require.Empty(t, answers)

		pass(9 * time.Second)
		require.Equal(t, "first: run 1", <-answers)
		require.Empty(t, answers, "the others wait for a run that began after they asked")
		pass(10 * time.Second)
		require.ElementsMatch(t, []string{"second: run 2", "third: run 2"}, []string{<-answers, <-answers})
		require.Contains(t, r.log.String(), `reason="second; third; SIGHUP"`)
		pass(time.Hour)
		require.Equal(t, 2, runs)
	})
}

func TestARequestThatIsGoneDoesNotEndTheReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		r := running(t, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				ended = true
			}
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Reload(ctx, "an impatient request"), context.DeadlineExceeded)
		pass(10 * time.Second)
		require.True(t, ended)
		require.Contains(t, r.log.String(), "the configuration was reloaded")
	})
}

func TestARefusedCatalogIsOfferedAgainByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		var guard ShrinkGuard
		current, next := ids(0, 10), ids(0, 2)
		r := running(t, func(context.Context) error {
			if err := guard.Admit(current, next, "small"); err != nil {
				return fmt.Errorf("loading: %w", err)
			}
			current = next
			return nil
		})
		r.Trigger("a file has changed")
		synctest.Wait()
		r.metrics(t, 0, started, 0, 0, 1)
		require.Contains(t, r.log.String(), "vanishing=8 services=10 seen=1 next=1m0s")
		pass(time.Minute + time.Second)
		r.metrics(t, 0, started, 0, 0, 2)
		pass(time.Minute)
		r.metrics(t, 1, started.Add(2*time.Minute), 1, 0, 2)
		require.Len(t, current, 2)
		pass(time.Hour)
		r.metrics(t, 1, started.Add(2*time.Minute), 1, 0, 2)

		next = nil
		again := time.Now()
		var refused *RefusedError
		require.ErrorAs(t, r.Reload(t.Context(), "a request"), &refused)
		require.ErrorAs(t, r.Reload(t.Context(), "a request"), &refused)
		require.NoError(t, r.Reload(t.Context(), "a request"), "three requests at once are patience enough")
		require.Empty(t, current)
		require.Equal(t, again, time.Now())
	})
}

// TestARunInBetweenEndsTheWaitForARetry has a refused catalog mended before it
// is offered again.
func TestARunInBetweenEndsTheWaitForARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := running(t, func(context.Context) error {
			if runs++; runs == 1 {
				return &RefusedError{}
			}
			return nil
		})
		r.Trigger("a file has changed")
		pass(30 * time.Second)
		require.NoError(t, r.Reload(t.Context(), "it was mended"))
		pass(time.Hour)
		require.Equal(t, 2, runs)
	})
}

func TestAPanicIsAFailureOfOneReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		runs := 0
		r := running(t, func(context.Context) error {
			if runs++; runs == 1 {
				panic("an assignment to nothing")
			}
			return nil
		})
		require.ErrorContains(t, r.Reload(t.Context(), "a request"), "a panic was recovered: an assignment to nothing: this is a defect")
		r.metrics(t, 0, started, 0, 1, 0)
		require.Contains(t, r.log.String(), "reloader_test.go", "the log says where it was")
		require.NoError(t, r.Reload(t.Context(), "a request"))
	})
}

// TestTheEndOfTheServiceAnswersThoseWhoWait ends a Reloader in the middle of a
// run, with another one asked for.
func TestTheEndOfTheServiceAnswersThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		r := running(t, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		answers := make(chan error, 2)
		for range 2 {
			go func() { answers <- r.Reload(context.WithoutCancel(t.Context()), "a request") }()
			synctest.Wait()
		}
		r.stop()
		require.NoError(t, <-r.done)
		require.ElementsMatch(t, []error{context.Canceled, ErrEnding}, []error{<-answers, <-answers})
		require.Equal(t, ErrEnding, r.Reload(context.WithoutCancel(t.Context()), "too late"))
		r.Trigger("too late")
		r.metrics(t, 1, started, 0, 0, 0) // the end is no failure
		require.NotContains(t, r.log.String(), "level=ERROR")
	})
}

func TestATriggerBeforeRunIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loaded := make(chan struct{}, 5)
		r, err := New(Options{Load: func(context.Context) error { loaded <- struct{}{}; return nil }})
		require.NoError(t, err)
		r.Trigger("early")
		r.Trigger("early, too")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = r.Run(ctx) }()
		synctest.Wait()
		require.Len(t, loaded, 1)
	})
}

func TestAReloaderNeedsSomethingToDo(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "Options.Load is nil")
	reg := prometheus.NewRegistry()
	load := func(context.Context) error { return nil }
	_, err = New(Options{Load: load, Registerer: reg})
	require.NoError(t, err)
	_, err = New(Options{Load: load, Registerer: reg})
	require.ErrorContains(t, err, "registering the metrics of reloading")
}
