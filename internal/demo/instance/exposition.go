package instance

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/apgarhq/apgar/internal/demo/traffic"
)

const (
	requestsName  = "http_requests_total"
	durationName  = "http_request_duration_seconds"
	inFlightName  = "http_requests_in_flight"
	openFDsName   = "process_open_fds"
	maxFDsName    = "process_max_fds"
	startTimeName = "process_start_time_seconds"
	buildInfoName = "service_build_info"

	handlerLabel = "/api"
	methodLabel  = "GET"
)

// Metric describes one metric family that instances expose.
type Metric struct{ Name, Type, Help string }

// Metrics returns the description of every metric family that instances expose.
func Metrics() []Metric {
	return []Metric{
		{requestsName, "counter", "Requests answered, by status code."},
		{durationName, "histogram", "How long requests took to answer, in seconds."},
		{inFlightName, "gauge", "Requests being answered now."},
		{openFDsName, "gauge", "Number of open file descriptors."},
		{maxFDsName, "gauge", "Maximum number of open file descriptors."},
		{startTimeName, "gauge", "Start time of the process since unix epoch in seconds."},
		{buildInfoName, "gauge", "A constant 1, labelled with the version that runs."},
	}
}

// Handler exposes the metrics of a fleet's instances, each under its own path. Other paths answer 404.
type Handler struct {
	instances map[string]*Instance
	collect   *descriptions
	now       func() time.Time
	logger    *slog.Logger
}

// NewHandler returns the handler of the given instances, whose Paths must differ. Readings are taken at now().
func NewHandler(instances []*Instance, now func() time.Time, logger *slog.Logger) *Handler {
	h := &Handler{instances: make(map[string]*Instance, len(instances)), collect: newDescriptions(), now: now, logger: logger}
	for _, i := range instances {
		h.instances[i.Path()] = i
	}
	return h
}

// ServeHTTP answers a scrape of one instance.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i, ok := h.instances[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector{descriptions: h.collect, reading: i.Meter().Read(h.now())}); err != nil {
		h.logger.Error("Exposing the metrics of a demo instance failed.", "instance", i.Name, "err", err)
		http.Error(w, fmt.Sprintf("collecting the metrics of %s: %v", i.Name, err), http.StatusInternalServerError)
		return
	}
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
}

type descriptions struct {
	requests, duration, inFlight, openFDs, maxFDs, startTime, buildInfo *prometheus.Desc
}

func newDescriptions() *descriptions {
	help := map[string]string{}
	for _, m := range Metrics() {
		help[m.Name] = m.Help
	}
	desc := func(name string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help[name], labels, nil)
	}
	return &descriptions{
		requests:  desc(requestsName, "code", "handler", "method"),
		duration:  desc(durationName, "handler"),
		inFlight:  desc(inFlightName),
		openFDs:   desc(openFDsName),
		maxFDs:    desc(maxFDsName),
		startTime: desc(startTimeName),
		buildInfo: desc(buildInfoName, "version"),
	}
}

// collector is one reading of one instance as metrics of client_golang.
type collector struct {
	*descriptions
	reading traffic.Reading
}

// Describe sends the descriptions of all metrics.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.duration, c.inFlight, c.openFDs, c.maxFDs, c.startTime, c.buildInfo} {
		ch <- d
	}
}

// Collect sends the reading.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	r := &c.reading
	for code, n := range map[string]uint64{"200": r.OK, "404": r.NotFound, "500": r.Failed} {
		ch <- prometheus.MustNewConstMetric(c.requests, prometheus.CounterValue, float64(n), code, handlerLabel, methodLabel)
	}
	buckets := make(map[float64]uint64, traffic.BucketCount-1)
	for k, bound := range traffic.Bounds() {
		buckets[bound] = r.Buckets[k]
	}
	ch <- prometheus.MustNewConstHistogram(c.duration, r.Buckets[traffic.BucketCount-1], r.Sum, buckets, handlerLabel)
	for desc, value := range map[*prometheus.Desc]float64{
		c.inFlight: r.InFlight, c.openFDs: r.OpenDescriptors, c.maxFDs: r.MaxDescriptors, c.startTime: r.StartTime,
	} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	ch <- prometheus.MustNewConstMetric(c.buildInfo, prometheus.GaugeValue, 1, r.Version)
}
