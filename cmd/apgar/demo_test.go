package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type card struct {
	Rubric  string
	Service struct{ Namespace, Name string }
	Status  string
	Score   *float64
	Results []struct{ Check, Verdict, Reason, Message string }
}

func (c *card) path() string { return "/services/" + c.Service.Namespace + "/" + c.Service.Name }

// runningDemo is the demo, once it has told its addresses.
type runningDemo struct {
	*program
	url, prometheus string
}

func startDemo(t *testing.T, binary string, services int) *runningDemo {
	t.Helper()
	p := start(t, binary, "demo", "--services="+strconv.Itoa(services),
		"--web.listen-address=127.0.0.1:0", "--demo.prometheus-address=127.0.0.1:0")
	return &runningDemo{program: p}
}

func (d *runningDemo) ready(t *testing.T) {
	t.Helper()
	d.url = d.says(t, 2*time.Minute, `the fleet +(http://\S+)/\n`)
	d.prometheus = d.says(t, time.Second, `Prometheus +(http://\S+)/ `)
}

func testDemo(t *testing.T, binary string) {
	t.Parallel()
	small, large := startDemo(t, binary, 60), startDemo(t, binary, 600)
	small.ready(t)
	t.Run("every service has scorecards, and most have a score", func(t *testing.T) { small.fleet(t) })
	t.Run("a stricter rubric is tried on its past", func(t *testing.T) { small.backtest(t, binary) })
	large.ready(t)
	t.Run("ten times the services cost a Prometheus no more queries", func(t *testing.T) {
		require.Len(t, items[struct{}](t, large.url+"/api/v1/services"), 600)
		few, many := small.tickCounter(t), large.tickCounter(t)
		eventually(t, 90*time.Second, func() (bool, string) {
			one, other := few.count(t), many.count(t)
			return one && other, fmt.Sprintf("a whole tick was counted: %t with 60 services, %t with 600", one, other)
		})
		t.Logf("queries of a tick with 60 services: %d, with 600: %d", few.queries, many.queries)
		require.Equal(t, few.queries, many.queries)
	})
	t.Run("it ends when it is told to", func(t *testing.T) {
		small.end(t)
		large.end(t)
	})
}

// fleet checks what a visitor of the demo sees.
func (d *runningDemo) fleet(t *testing.T) {
	services := items[struct{ Namespace, Name string }](t, d.url+"/api/v1/services")
	require.Len(t, services, 60)
	cards := items[card](t, d.url+"/api/v1/scorecards")
	exported := series(fetch(t, d.url+"/metrics/scorecards"), "apgar_score")
	page := fetch(t, d.url+"/")
	graded := map[string]bool{}
	scored := 0
	for _, c := range cards {
		graded[c.path()] = true
		for _, r := range c.Results {
			require.NotEmpty(t, r.Message, "%s %s %s", c.path(), c.Rubric, r.Check)
		}
		labels := fmt.Sprintf(`{rubric=%q,service=%q,service_namespace=%q}`, c.Rubric, c.Service.Name, c.Service.Namespace)
		value, ok := exported[labels]
		require.Equal(t, c.Status == "scored", ok, "apgar_score%s is there if there is a score", labels)
		if ok {
			scored++
			score, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			require.InDelta(t, *c.Score, score, 0.1+1e-9, labels)
		}
	}
	require.GreaterOrEqual(t, scored*100, 80*len(cards), "%d of %d scorecards have a score", scored, len(cards))
	for _, s := range services {
		path := "/services/" + s.Namespace + "/" + s.Name
		require.True(t, graded[path], "%s has a scorecard", path)
		require.Contains(t, page, `href="`+path+`"`)
	}
	require.NotContains(t, d.stderr.String(), "level=ERROR")
}

// backtest tries a stricter objective for the duration of requests. Some
// services of the fleet are always a little slow.
func (d *runningDemo) backtest(t *testing.T, binary string) {
	pack, err := os.ReadFile("../../rubric/packs/http.yml")
	require.NoError(t, err)
	stricter := strings.Replace(string(pack), "objective: 99%", "objective: 99.9%", 1)
	require.NotEqual(t, string(pack), stricter)
	path := filepath.Join(t.TempDir(), "stricter.yml")
	require.NoError(t, os.WriteFile(path, []byte(stricter), 0o600))
	configuration := d.says(t, time.Second, `configuration +(\S+) `)
	command := exec.Command(binary, "backtest", "--config.file="+configuration, "--rubric="+path,
		"--from="+time.Now().Add(-6*time.Hour).UTC().Format(time.RFC3339), "-o", "json")
	var told strings.Builder
	command.Stderr = &told
	output, err := command.Output()
	require.NoError(t, err, told.String())
	require.Contains(t, told.String(), "asked about the past: ")
	var report struct {
		Evaluations int
		Rubrics     []struct {
			Services int
			Losses   []struct {
				Service, Before, After string
				AtEnd                  bool `json:"at_end"`
				Checks                 []struct{ Check, Message string }
			}
		}
		Cost struct {
			Queries int
			Samples int64
		}
	}
	require.NoError(t, json.Unmarshal(output, &report))
	require.GreaterOrEqual(t, report.Evaluations, 72)
	require.Equal(t, 60, report.Rubrics[0].Services)
	atEnd := 0
	for _, l := range report.Rubrics[0].Losses {
		if l.AtEnd {
			atEnd++
		}
		require.NotEmpty(t, l.Checks, l.Service)
		require.Equal(t, "latency", l.Checks[0].Check, "nothing else has become stricter")
		require.Contains(t, l.Checks[0].Message, "500ms")
	}
	require.Positive(t, atEnd)
	t.Logf("%d of 60 services lose a level; %d queries read %d samples", atEnd, report.Cost.Queries, report.Cost.Samples)
}

// tickCounter counts at the demo's Prometheus how many instant queries a tick
// takes; what is asked of the past are range queries.
type tickCounter struct {
	demo     *runningDemo
	ticks    string
	answered int
	queries  int // of a tick, once count has said so
}

func (d *runningDemo) tickCounter(t *testing.T) *tickCounter {
	t.Helper()
	c := &tickCounter{demo: d, answered: d.answered(t)}
	c.ticks, _ = d.newestTick(t)
	return c
}

// count reports whether a whole tick was seen, in which the Prometheus
// answered as many queries as the tick is said to have taken.
func (c *tickCounter) count(t *testing.T) bool {
	t.Helper()
	ticks, said := c.demo.newestTick(t)
	if c.queries > 0 || ticks == c.ticks {
		return c.queries > 0
	}
	before := c.answered
	c.ticks, c.answered = ticks, c.demo.answered(t)
	if c.answered-before == said {
		c.queries = said
	}
	return c.queries > 0
}

// answered is how many instant queries the clusters have answered.
func (d *runningDemo) answered(t *testing.T) int {
	t.Helper()
	page := fetch(t, d.prometheus+"/metrics")
	sum := 0
	for _, cluster := range []string{"eu-west", "us-east", "ap-south"} {
		text := series(page, "demo_prometheus_queries_total")[fmt.Sprintf(`{cluster=%q,handler="query"}`, cluster)]
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		sum += n
	}
	return sum
}

// newestTick returns how many ticks there were, and how many queries the
// newest one has taken.
func (d *runningDemo) newestTick(t *testing.T) (ticks string, queries int) {
	t.Helper()
	page := fetch(t, d.url+"/metrics")
	for _, text := range series(page, "apgar_collector_tick_queries") {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		queries += n
	}
	return series(page, "apgar_collector_ticks_total")[""], queries
}
