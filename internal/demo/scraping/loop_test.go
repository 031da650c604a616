package scraping

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// wire answers requests without a network, so that the clock of synctest goes on while they are under way.
type wire func(*http.Request) (status int, body io.Reader)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := w(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(body), Request: r,
		Header: http.Header{"Content-Type": {"text/plain; version=0.0.4"}},
	}, nil
}

// page is what a target answers; it can be changed between scrapes.
type page struct {
	mu     sync.Mutex
	status int
	body   func() io.Reader
}

// says returns a page of that text.
func says(text string) *page {
	p := &page{}
	p.say(text)
	return p
}

func (p *page) say(text string) {
	p.answer(http.StatusOK, func() io.Reader { return strings.NewReader(text) })
}

func (p *page) answer(status int, body func() io.Reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *page) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return wire(func(*http.Request) (int, io.Reader) { return p.status, p.body() }).RoundTrip(r)
}

const interval = 15 * time.Second

// run starts a pool of the targets that asks through w.
func run(t *testing.T, w http.RoundTripper, targets ...Target) (*Pool, *recorder) {
	t.Helper()
	kept := &recorder{}
	p, err := NewPool(interval, kept, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	p.client.Transport, p.maxBodyBytes = w, 1<<10
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.NoError(t, p.SetTargets(ctx, targets))
	return p, kept
}

func one() Target {
	return Target{Address: "here:80", Path: "/metrics", Labels: map[string]string{"job": "it", "instance": "one"}}
}

// pass lets that many scrapes of every target go by.
func pass(scrapes int) {
	<-time.After(time.Duration(scrapes) * interval)
	synctest.Wait()
}

func TestTargetsAreScrapedAtTheirOwnMomentsOfTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var targets []Target
		for k := range 20 {
			target := one()
			target.Path = fmt.Sprintf("/%d", k)
			target.Labels["instance"] = target.Path
			targets = append(targets, target)
		}
		_, kept := run(t, says("visits 1\n"), append(targets, targets[0])...)
		pass(4)
		times, moments := map[string][]int64{}, map[int64]bool{}
		for _, s := range kept.of("visits") {
			times[s.labels] = append(times[s.labels], s.at)
			moments[s.at%interval.Milliseconds()] = true
		}
		require.Len(t, times, 20)
		require.Greater(t, len(moments), 15, "the scrapes are spread")
		for _, at := range times {
			require.Len(t, at, 4, "a target that is given twice is scraped once")
			for k := 1; k < len(at); k++ {
				require.Equal(t, interval.Milliseconds(), at[k]-at[k-1])
			}
		}
	})
}

func TestASeriesThatVanishesTurnsStaleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := says("a 1\nb{x=\"1\"} 2\n")
		_, kept := run(t, target, one())
		pass(1)
		target.say("a 1\n")
		pass(2)
		target.say("")
		pass(1)
		require.Equal(t, []float64{1, 1, 1, -1}, kept.values("a"))
		require.Equal(t, []float64{2, -1}, kept.values("b"))
		require.Equal(t, []float64{1, 1, 1, 1}, kept.values("up"))
		require.Equal(t, []float64{2, 1, 1, 0}, kept.values("scrape_samples_scraped"))
		require.Equal(t, []float64{2, 1, 1, 0}, kept.values("scrape_samples_post_metric_relabeling"))
		require.Equal(t, []float64{2, 0, 0, 0}, kept.values("scrape_series_added"))
		for k, s := range append(kept.of("a"), kept.of("up")...) {
			require.Equal(t, k%4 == 0, s.ref == 0, "known series are appended by reference")
		}
	})
}

func TestAScrapeThatFailsLeavesNothingButStalenessAndUp0(t *testing.T) {
	for name, failing := range map[string]struct {
		status  int
		body    func() io.Reader
		exposed float64
	}{
		"the target answers 500":                  {500, func() io.Reader { return strings.NewReader("a 2\n") }, 0},
		"the text breaks off in the middle":       {200, func() io.Reader { return strings.NewReader("a 2\nc 3\nb{x=") }, 2},
		"a sample has no name":                    {200, func() io.Reader { return strings.NewReader("a 2\n{x=\"y\"} 3\n") }, 1},
		"the body is larger than anyone may send": {200, func() io.Reader { return endless{} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := says("a 1\n")
				_, kept := run(t, target, one())
				pass(1)
				target.answer(failing.status, failing.body)
				pass(2)
				target.say("a 1\n")
				pass(1)
				require.Equal(t, []float64{1, -1, 1}, kept.values("a"))
				require.Empty(t, kept.values("c"))
				require.Equal(t, []float64{1, 0, 0, 1}, kept.values("up"))
				require.Equal(t, []float64{1, failing.exposed, failing.exposed, 1}, kept.values("scrape_samples_scraped"))
				require.Equal(t, 0.0, kept.values("scrape_series_added")[3], "the series is remembered")
			})
		})
	}
}

// endless is a body of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestATargetThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, kept := run(t, wire(func(r *http.Request) (int, io.Reader) {
			<-r.Context().Done()
			return 0, nil
		}), one())
		pass(2)
		require.Equal(t, []float64{0}, kept.values("up"), "the second scrape is under way")
		require.InDelta(t, 10, kept.values("scrape_duration_seconds")[0], 0.001)
	})
}

func TestNoMoreThanSomeTargetsAreScrapedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		var targets []Target
		for k := range 4 * concurrency {
			target := one()
			target.Path = fmt.Sprintf("/%d", k)
			targets = append(targets, target)
		}
		_, kept := run(t, wire(func(r *http.Request) (int, io.Reader) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-r.Context().Done()
			return 0, nil
		}), targets...)
		pass(4)
		require.Equal(t, int64(concurrency), most.Load())
		require.NotEmpty(t, kept.of("up"))
	})
}

func TestATargetThatIsRemovedTurnsStaleWhenItWouldHaveBeenScrapedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, kept := run(t, says("# TYPE a gauge\na 1\n"), one())
		pass(2)
		require.Len(t, p.Metadata(), 1)
		require.NoError(t, p.SetTargets(t.Context(), nil))
		require.NoError(t, p.SetTargets(t.Context(), []Target{one()}))
		pass(1)
		require.Equal(t, []float64{1, 1, 1}, kept.values("a"), "it was back in time")
		require.NoError(t, p.SetTargets(t.Context(), nil))
		synctest.Wait()
		require.Empty(t, p.Metadata())
		pass(3)
		require.Equal(t, []float64{1, 1, 1, -1}, kept.values("a"))
		require.Equal(t, []float64{1, 1, 1, -1}, kept.values("up"))
		require.NoError(t, p.SetTargets(t.Context(), []Target{one()}))
		pass(1)
		require.Equal(t, []float64{1, 1, 1, -1, 1}, kept.values("a"))
		at := kept.of("a")
		require.Equal(t, 3*interval.Milliseconds(), at[4].at-at[3].at, "its moments are the same as before")
	})
}

func TestTheEndOfAPoolSaysNothingAboutItsTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &recorder{}
		p, err := NewPool(interval, kept, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		asked := make(chan struct{}, 1)
		p.client.Transport = wire(func(r *http.Request) (int, io.Reader) {
			asked <- struct{}{}
			<-r.Context().Done()
			return 0, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		require.NoError(t, p.SetTargets(ctx, []Target{one()}))
		<-asked
		cancel()
		require.NoError(t, <-ended)
		require.Empty(t, kept.samples)
	})
}
