// Package config reads apgar.yml: strictly, with every mistake at once, each
// with its line. A Config is plain data, complete with defaults, and is never
// changed after it is loaded. The package starts nothing and asks nobody.
package config

import (
	"time"

	"github.com/prometheus/common/config"

	"github.com/apgarhq/apgar/rubric"
)

// Config is one apgar.yml.
type Config struct {
	Path       string // of the file
	Dir        string // of the file: what relative paths start at
	Global     Global
	Sources    []Source
	Catalog    Catalog
	Rubrics    Rubrics
	Identities []rubric.IdentitySpec // besides the built-in ones, in the order of the file
	Redis      *Redis                // nil: everything is kept in memory
	Exporter   Exporter

	lines map[string]int // of the patterns, by what they are in full
}

// Global holds what all sources share.
type Global struct {
	EvaluationInterval time.Duration // divides 5m; at least 1s
	QueryDelay         time.Duration
	QueryTimeout       time.Duration
	ExternalURL        string // without a slash at its end; "" when not given
	Environment        string
}

// Source is one Prometheus-compatible endpoint.
type Source struct {
	Name           string
	Replicas       []Replica // at least one
	PartitionLabel string
	Environment    string
	Labels         map[string]string // label name as rubrics write it → as this source has it
	QueryDelay     time.Duration
	Concurrency    int
	Limits         Limits
	HTTP           config.HTTPClientConfig // its paths are absolute or start at Config.Dir
}

// Replica is one of several servers that hold the same data.
type Replica struct {
	URL string // http or https, without user, query and fragment
}

// Limits bound one answer of a source.
type Limits struct {
	ResponseBytes int64
	Series        int
}

// Catalog says where services are read from: patterns, relative to Config.Dir.
type Catalog struct {
	Files []string
}

// Rubrics says which rubrics are graded, and which waivers exempt services from
// their checks: names of packs and patterns.
type Rubrics struct {
	Packs   []string
	Auto    bool // packs: [auto]: every pack
	Files   []string
	Waivers []string
}

// Redis says where scorecards are kept.
type Redis struct {
	Addresses      []string // host:port
	SentinelMaster string
	Cluster        bool
	Username       string
	PasswordFile   string // "" when there is none
	KeyPrefix      string
	TLS            *config.TLSConfig // nil: no TLS
}

// Exporter bounds /metrics/scorecards.
type Exporter struct {
	SeriesLimit int
}

// The defaults.
const (
	defaultInterval      = time.Minute
	defaultDelay         = 30 * time.Second
	defaultTimeout       = 30 * time.Second
	defaultEnvironment   = "production"
	defaultConcurrency   = 4
	defaultResponseBytes = 64 << 20
	defaultSeries        = 500_000
	defaultKeyPrefix     = "apgar"
)

// What may be configured.
const (
	slot           = 5 * time.Minute
	maxDelay       = time.Hour
	maxTimeout     = 10 * time.Minute
	maxConcurrency = 100
	maxBytes       = 16 << 30
	maxSeries      = 100_000_000
	maxSources     = 10_000
	maxReplicas    = 10
	maxTextBytes   = 16 << 10
)
