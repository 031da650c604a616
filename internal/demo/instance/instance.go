// Package instance is what one process of the fleet shows to Prometheus: the metrics it exposes over HTTP, and the same
// metrics as columns from which its past is written.
//
// It knows the metric names and labels of the http pack; it knows nothing of storage, of scraping or of the catalog.
package instance

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// Instance is one process. What identifies it is immutable; its meter is replaced as a whole, so that scrapes and
// incidents need no lock.
type Instance struct {
	// Cluster, Service and Name (the label instance) identify it.
	Cluster, Service, Name string

	load   traffic.Load
	anchor time.Time
	meter  atomic.Pointer[traffic.Meter]
}

// New returns an instance whose process started load.Uptime before anchor.
func New(cluster, service, name string, load traffic.Load, anchor time.Time) *Instance {
	i := &Instance{Cluster: cluster, Service: service, Name: name, load: load, anchor: anchor}
	i.SetEpisodes(nil)
	return i
}

// SetEpisodes replaces what the instance lives through. To keep its counters monotone, only episodes that lie in the
// future may be added, and none that has begun removed.
func (i *Instance) SetEpisodes(episodes []traffic.Episode) {
	i.meter.Store(traffic.NewMeter(i.load, i.anchor, episodes))
}

// Meter returns the meter as of now.
func (i *Instance) Meter() *traffic.Meter { return i.meter.Load() }

// Path is where the instance exposes its metrics on the fleet's listener.
func (i *Instance) Path() string { return "/" + i.Cluster + "/" + i.Name + "/metrics" }

// TargetLabels returns the labels that Prometheus attaches to every series of the instance.
func (i *Instance) TargetLabels() map[string]string {
	return map[string]string{"service": i.Service, "job": i.Service, "instance": i.Name}
}

// Column is one series of an instance: its labels, and its value in a reading. A series that does not exist in a
// reading, such as the information about a version that does not run, reports false.
type Column struct {
	Labels labels.Labels
	Value  func(*traffic.Reading) (float64, bool)
}

// Columns returns every series of the instance, with the labels they have in Prometheus, target labels included. The
// series up is among them.
func (i *Instance) Columns() []Column {
	b := columnBuilder{instance: i}
	b.request("200", func(r *traffic.Reading) float64 { return float64(r.OK) })
	b.request("404", func(r *traffic.Reading) float64 { return float64(r.NotFound) })
	b.request("500", func(r *traffic.Reading) float64 { return float64(r.Failed) })
	for k, bound := range traffic.Bounds() {
		b.add(durationName+"_bucket", func(r *traffic.Reading) float64 { return float64(r.Buckets[k]) },
			"handler", handlerLabel, "le", labels.FormatOpenMetricsFloat(bound))
	}
	all := func(r *traffic.Reading) float64 { return float64(r.Buckets[traffic.BucketCount-1]) }
	b.add(durationName+"_bucket", all, "handler", handlerLabel, "le", "+Inf")
	b.add(durationName+"_count", all, "handler", handlerLabel)
	b.add(durationName+"_sum", func(r *traffic.Reading) float64 { return r.Sum }, "handler", handlerLabel)
	b.add(inFlightName, func(r *traffic.Reading) float64 { return r.InFlight })
	b.add(openFDsName, func(r *traffic.Reading) float64 { return r.OpenDescriptors })
	b.add(maxFDsName, func(r *traffic.Reading) float64 { return r.MaxDescriptors })
	b.add(startTimeName, func(r *traffic.Reading) float64 { return r.StartTime })
	b.add("up", func(*traffic.Reading) float64 { return 1 })
	for _, version := range i.Meter().Versions() {
		b.addSometimes(buildInfoName, func(r *traffic.Reading) (float64, bool) { return 1, r.Version == version }, "version", version)
	}
	return b.columns
}

type columnBuilder struct {
	instance *Instance
	columns  []Column
}

func (b *columnBuilder) request(code string, value func(*traffic.Reading) float64) {
	b.add(requestsName, value, "code", code, "handler", handlerLabel, "method", methodLabel)
}

func (b *columnBuilder) add(name string, value func(*traffic.Reading) float64, pairs ...string) {
	b.addSometimes(name, func(r *traffic.Reading) (float64, bool) { return value(r), true }, pairs...)
}

func (b *columnBuilder) addSometimes(name string, value func(*traffic.Reading) (float64, bool), pairs ...string) {
	set := b.instance.TargetLabels()
	set[model.MetricNameLabel] = name
	for k := 0; k+1 < len(pairs); k += 2 {
		set[pairs[k]] = pairs[k+1]
	}
	b.columns = append(b.columns, Column{Labels: labels.FromMap(set), Value: value})
}
