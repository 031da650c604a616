package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/oklog/run"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/internal/demo"
)

// DemoOptions are those of the demo command.
type DemoOptions struct {
	Services          int
	Seed              int64
	PrometheusAddress string
	Web               Web
	Logger            *slog.Logger
	Out               io.Writer // gets URLs, incidents and transitions
}

// demoReplay is how much of the past the demo grades before it starts.
const demoReplay = time.Hour

// Demo runs a synthetic fleet with its own Prometheus, and the service on top
// of it, until ctx ends.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	if o.Services < 1 {
		return fmt.Errorf("preparing the demo: a fleet of %d services cannot be graded: ask for 1 to 5000 with --services", o.Services)
	}
	started := time.Now()
	say(o.Out, "writing a day of history for %d services …", o.Services)
	world, err := demo.New(ctx, demo.Options{
		Services: o.Services, Seed: o.Seed, PrometheusAddress: o.PrometheusAddress, Logger: o.Logger,
	})
	if ctx.Err() != nil && err != nil {
		return nil // it was told to end while it prepared
	}
	if err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	say(o.Out, "reading it back and replaying the last hour …")
	s, err := newService(
		ServeOptions{ConfigFile: world.ConfigFile(), Target: targetAll, Web: o.Web, Logger: o.Logger},
		serviceExtras{replay: demoReplay, links: demoLinks(world.PrometheusURL())},
	)
	if err != nil {
		return err
	}
	defer s.close()
	world.SetApgarURL(s.url())
	return runDemo(ctx, world, s, demoTeller{o.Out, s, world, started})
}

func runDemo(ctx context.Context, world *demo.Demo, s *service, t demoTeller) error {
	var group run.Group
	addActor(ctx, &group, s.run)
	addActor(ctx, &group, world.Run)
	addActor(ctx, &group, t.run)
	if err := group.Run(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func demoLinks(prometheus string) []api.Link {
	links := []api.Link{{Title: "Demo Prometheus servers", URL: prometheus}}
	for _, cluster := range []string{"eu-west", "us-east", "ap-south", "platform"} {
		links = append(links, api.Link{Title: "Prometheus " + cluster, URL: prometheus + "/" + cluster + "/api/v1/query?query=up"})
	}
	return links
}

func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

// demoTeller tells on the terminal what happens.
type demoTeller struct {
	out     io.Writer
	service *service
	world   *demo.Demo
	started time.Time
}

// run prints the URLs once there are scorecards, and then every incident and
// every transition.
func (t demoTeller) run(ctx context.Context) error {
	if _, err := t.service.store.Wait(ctx, 0); err != nil {
		return nil
	}
	first := t.waitReplayed(ctx)
	if ctx.Err() != nil {
		return nil
	}
	t.greet()
	generations := make(chan struct{}, 1)
	go t.follow(ctx, first, generations)
	seen := t.lastChange(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case i := <-t.world.Incidents():
			t.incident(i)
		case <-generations:
			seen = t.changes(ctx, seen)
		}
	}
}

// waitReplayed waits until the snapshot is of now, and returns its generation.
func (t demoTeller) waitReplayed(ctx context.Context) uint64 {
	for {
		snap := t.service.store.Snapshot()
		if time.Since(snap.Tick) < 3*snap.Interval {
			return snap.Generation
		}
		if _, err := t.service.store.Wait(ctx, snap.Generation); err != nil {
			return snap.Generation
		}
	}
}

// follow signals every new generation.
func (t demoTeller) follow(ctx context.Context, generation uint64, to chan<- struct{}) {
	for {
		next, err := t.service.store.Wait(ctx, generation)
		if err != nil {
			return
		}
		generation = next
		select {
		case to <- struct{}{}:
		default:
		}
	}
}

func (t demoTeller) greet() {
	url := t.service.url()
	say(t.out, `
Apgar runs. It took %s. Ctrl-C ends it and removes its data.

  the fleet      %s/
  the API        %s/api/v1/scorecards?limit=500
  changes        %s/api/v1/events
  its contract   %s/openapi.yaml
  metrics        %s/metrics/scorecards   %s/metrics
  Prometheus     %s/   (eu-west, us-east, ap-south, platform)
  Grafana        import dashboards/grafana/fleet.json, with %s/platform as its data source
  configuration  %s   (for apgar evaluate and apgar backtest)

In 30 s a pool saturates, in a minute a deploy goes wrong, in 4 minutes a cluster stops being scraped.
`, time.Since(t.started).Round(time.Second/10), url, url, url, url, url, url, t.world.PrometheusURL(), t.world.PrometheusURL(), t.world.ConfigFile())
}

func (t demoTeller) incident(i demo.Incident) {
	mark := "incident begins"
	if !i.Started {
		mark = "incident ends"
	}
	say(t.out, "%s  %s: %s", i.Time.Local().Format(time.TimeOnly), mark, i.Text)
}
