package layers

import "slices"

// Apgar returns the rules of this repository: the import diagram of its
// design as a table. Who adds a room adds it here.
func Apgar() Rules {
	return Rules{
		Module:       "github.com/apgarhq/apgar",
		Rooms:        rooms(),
		TestRooms:    []string{"internal/demo", "internal/faultproxy", "internal/golden", "store/redisstore/redistest"},
		Technologies: technologies(),
		Impure: Impurity{
			Packages: []string{
				"context", "crypto/rand", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2",
				"net", "net/http", "os", "os/exec", "os/signal", "os/user", "syscall",
			},
			Clock: []string{
				"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
			},
		},
		Vague:    []string{"base", "common", "helper", "helpers", "lib", "misc", "shared", "types", "util", "utils"},
		MaxLines: 400,
	}
}

// rooms returns the diagram: the vocabulary, which is pure; the workers, which
// know the vocabulary and never each other; those who bring them together.
func rooms() []Room {
	vocabulary := []string{"catalog", "rubric", "slo", "waiver", "scorecard", "regression"}
	suite := []string{"store/storetest"}
	shared := append([]string{"store/feed", "store/history"}, vocabulary...) // what stores have in common
	all := []Room{
		{Path: "catalog", Pure: true},
		{Path: "rubric", Pure: true, MayImport: []string{"catalog"}},
		{Path: "slo", Pure: true},
		{Path: "slo/column", Pure: true},
		{Path: "waiver", Pure: true, MayImport: []string{"catalog"}},
		{Path: "scorecard", Pure: true, MayImport: []string{"catalog", "rubric", "slo", "waiver"}},
		{Path: "regression", Pure: true, MayImport: []string{"catalog", "rubric", "slo", "waiver", "scorecard"}},

		{Path: "catalog/file"},
		{Path: "catalog/backstage"},

		{Path: "collector", MayImport: vocabulary},
		{Path: "collector/question", MayImport: []string{"catalog", "rubric", "slo", "waiver", "scorecard"}},
		{
			Path: "collector/gather", MayImport: []string{"rubric", "slo", "collector/question", "collector/promapi"},
			ForTests: []string{"catalog"},
		},
		{Path: "collector/agenda", MayImport: []string{"slo", "collector/question"}},
		{
			Path: "collector/grader", MayImport: []string{"catalog", "rubric", "slo", "scorecard", "collector/question"},
			ForTests: []string{"collector/gather", "collector/promapi"},
		},
		{Path: "collector/promapi"},
		{Path: "store", MayImport: vocabulary},
		{Path: "store/feed", MayImport: vocabulary},
		{Path: "store/history"},
		{Path: "store/memstore", MayImport: shared, ForTests: suite},
		{Path: "store/redisstore", MayImport: shared, ForTests: suite},
		{Path: "store/storetest", MayImport: vocabulary},
		{Path: "notify", MayImport: vocabulary},
		{Path: "notify/alertmanager", MayImport: vocabulary},
		{Path: "notify/webhook", MayImport: vocabulary},
		{Path: "exporter", MayImport: vocabulary},
		{Path: "api", MayImport: vocabulary},

		// Dashboards take the names of metrics from those who write them.
		{Path: "dashboards", MayImport: []string{"collector", "collector/promapi", "store", "exporter", "api"}},
		{Path: "internal/config", MayImport: []string{"catalog", "catalog/file", "rubric", "slo", "waiver", "scorecard"}},
		{Path: "internal/backtest", MayImport: vocabulary},
		{Path: "internal/demo"},
		{Path: "internal/layers"},
		{Path: "internal/reload"},
		// Schemas are held against the loaders that they describe.
		{Path: "internal/schema", ForTests: []string{"catalog", "internal/config", "internal/rubrictest", "rubric", "waiver"}},
		// Rubric tests plan as the collector does, ask the real engine and grade.
		{
			Path:      "internal/rubrictest",
			MayImport: append(slices.Clip(vocabulary), "catalog/file", "collector", "collector/question", "collector/gather", "collector/promapi", "internal/config"),
		},
	}
	everybody := make([]string, 0, len(all))
	for _, room := range all {
		everybody = append(everybody, room.Path)
	}
	return append(slices.Clip(all),
		// What tests run against: they know nobody, and no program knows them.
		Room{Path: "internal/faultproxy"},
		Room{Path: "internal/golden"},
		Room{Path: "store/redisstore/redistest"},
		Room{Path: "internal/app", MayImport: everybody},
		Room{Path: "cmd", MayImport: []string{"internal/app"}},
	)
}

// technologies returns the modules that have one room.
func technologies() []Technology {
	const prometheus = "github.com/prometheus/prometheus/"
	return []Technology{
		{
			Name:     "Gin",
			Packages: []string{"github.com/gin-gonic/gin", "github.com/gin-contrib"},
			Homes:    []string{"api"},
		},
		{
			Name:     "the Redis client",
			Packages: []string{"github.com/redis/go-redis"},
			Homes:    []string{"store"},
		},
		{
			Name:     "fsnotify",
			Packages: []string{"github.com/fsnotify/fsnotify"},
			Homes:    []string{"internal/reload"},
		},
		{
			Name:     "Grafana's model of dashboards",
			Packages: []string{"github.com/grafana/grafana-foundation-sdk"},
			Homes:    []string{"dashboards"},
		},
		{
			Name:     "Prometheus' engine, storage and scraper",
			Packages: []string{prometheus + "promql", prometheus + "tsdb", prometheus + "scrape"},
			Except:   []string{prometheus + "promql/parser"},
			Homes:    []string{"internal/demo", "internal/rubrictest"},
			InTests:  true,
		},
		{
			Name:     "Prometheus' web server, which takes its whole world along,",
			Packages: []string{prometheus + "web", prometheus + "cmd"},
		},
	}
}
