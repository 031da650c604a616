package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// exampleFacts are what is behind the example scorecard of the interfaces.
func exampleFacts(check *rubric.Check) scorecard.CheckFacts {
	f := counted(check, counts{
		0: {Total: 3e6}, slot: {Bad: 0.046 * 1284, Total: 1284}, 30 * time.Minute: {Bad: 0.0302 * 7700, Total: 7700},
		time.Hour: {Bad: 0.0182 * 15400, Total: 15400}, 30 * day: {Bad: 0.00069 * 1.1e7, Total: 1.1e7},
	})
	return f
}

func TestTheMessageOfTheExample(t *testing.T) {
	check := availability()
	result := grade(rubricOf(check), exampleFacts(check)).Results[0]
	assert.Equal(t, "4.6 % of 1,284 requests failed in the last 5m: the 30d budget burns 46 times too fast (1h: 18.2), 31 % of it is left", result.Message)
	assert.InDelta(t, 0.99931, *result.Value, 1e-9)
	assert.InDelta(t, 0.31, *result.Budget.Remaining, 1e-9)
	assert.InDelta(t, 46, *result.Budget.Burn[0].Rate, 1e-9)
}

func TestWhatWasBornIsPublishedAndSaid(t *testing.T) {
	check := availability()
	f := counted(check, counts{0: {Total: 1e6}, 30 * day: {Bad: 1200, Total: 2e6}})
	f.Windows[len(f.Windows)-1].Born = 3
	result := grade(rubricOf(check), f).Results[0]
	assert.Equal(t, "0.06 % of 2,000,000 requests failed over 30d (3 of them in the first values of new series): 40 % of the error budget is left", result.Message)
	assert.InDelta(t, 3, result.Budget.Born, 0)
	f.Windows[len(f.Windows)-1].Counts.Bad = 2400
	result = grade(rubricOf(check), f).Results[0]
	assert.Equal(t, "0.12 % of 2,000,000 requests failed over 30d (3 of them in the first values of new series), and the objective allows 0.1 %: the error budget is overspent by 20 %", result.Message)
}

func TestMessagesOfObjectives(t *testing.T) {
	histogram := func(metric string, threshold float64) func(*rubric.Check) {
		return func(c *rubric.Check) {
			c.Kind, c.Events = rubric.KindHistogram, nil
			c.Histogram = &rubric.Histogram{Selector: rubric.Selector{Metric: metric}, Threshold: threshold}
			c.Objective = 0.99
		}
	}
	metric := func(name string) func(*rubric.Check) {
		return func(c *rubric.Check) { c.Events.Total.Metric = name }
	}
	slow := counts{0: {Bad: 2, Total: 1000}}
	for _, test := range []struct {
		name   string
		change func(*rubric.Check)
		counts counts
		want   string
	}{
		{"no error", nil, counts{0: {Total: 5e6}}, "0 % of 5,000,000 requests failed over 30d: 100 % of the error budget is left"},
		{"hardly an error", nil, counts{0: {Bad: 3, Total: 6e6}}, "0.00005 % of 6,000,000 requests failed over 30d: 99.95 % of the error budget is left"},
		{"nearly no error is not none", nil, counts{0: {Bad: 3, Total: 1e15}}, "almost 0 % of 1e+15 requests failed over 30d: 100 % of the error budget is left"},
		{"everything fails", nil, counts{0: {Bad: 50, Total: 50}}, "100 % of 50 requests failed in the last 5m: the 30d budget burns 1,000 times too fast (1h: 1,000), it is overspent by 99,900 %"},
		{"the budget is low", nil, counts{0: {Total: 1e6}, 30 * day: burning(0.9, 2e6)}, "0.09 % of 2,000,000 requests failed over 30d: 10 % of the error budget is left"},
		{"the budget is spent", nil, counts{0: {Total: 1e6}, 30 * day: burning(2.5, 2e6)}, "0.25 % of 2,000,000 requests failed over 30d, and the objective allows 0.1 %: the error budget is overspent by 150 %"},
		{"the budget is spent by a hair", nil, counts{0: {Total: 1e6}, 30 * day: burning(1.0001, 2e8)}, "0.10001 % of 200,000,000 requests failed over 30d, and the objective allows 0.1 %: the error budget is overspent by 0.01 %"},
		{"few bad events do not count", nil, counts{0: {Total: 100}, 30 * day: {Bad: 2, Total: 500}}, "0.4 % of 500 requests failed over 30d: the error budget is overspent by 300 %, which does not count while there are fewer than 3 bad ones"},
		{"too few to prove a burn", nil, counts{0: {Total: 1e6}, time.Hour: {Bad: 3, Total: 100}, slot: {Bad: 2, Total: 100}}, "0 % of 1,000,000 requests failed over 30d: 100 % of the error budget is left; too few to prove a burn"},
		{"nothing happened in the period", nil, counts{slot: {Total: 3}}, "there were no requests over 30d: all of the error budget is left"},
		{"exactly the budget", nil, counts{0: {Total: 1e6}, 30 * day: {Bad: 1000, Total: 1e6}}, "0.1 % of 1,000,000 requests failed over 30d, and the objective allows 0.1 %: 0 % of the error budget is left"},
		{"a slow burn", nil, counts{0: {Total: many}, day: burning(4, many), 2 * time.Hour: burning(5, many)}, "0.5 % of 1,000,000,000 requests failed in the last 2h: the 30d budget burns 5 times too fast (1d: 4), 100 % of it is left"},
		{"fractions of events", nil, counts{0: {Total: 1.3}}, "0 % of 1.3 requests failed over 30d: 100 % of the error budget is left"},
		{"one event", nil, counts{0: {Total: 1}}, "0 % of 1 request failed over 30d: 100 % of the error budget is left"},
		{"a histogram in seconds", histogram("http_request_duration_seconds", 0.5), slow, "0.2 % of 1,000 requests exceeded 500ms over 30d: 80 % of the error budget is left"},
		{"a histogram in milliseconds", histogram("rpc_request_duration_milliseconds", 250), slow, "0.2 % of 1,000 requests exceeded 250ms over 30d: 80 % of the error budget is left"},
		{"a histogram of long times", histogram("batch_jobs_seconds", 90), slow, "0.2 % of 1,000 jobs exceeded 1m30s over 30d: 80 % of the error budget is left"},
		{"a threshold finer than a millisecond", histogram("lookup_seconds", 0.00025), slow, "0.2 % of 1,000 events exceeded 0.00025s over 30d: 80 % of the error budget is left"},
		{"a histogram of sizes", histogram("response_size_bytes", 1e6), slow, "0.2 % of 1,000 events exceeded 1,000,000 bytes over 30d: 80 % of the error budget is left"},
		{"a histogram without unit", histogram("queue_depth", 12.5), slow, "0.2 % of 1,000 events exceeded 12.5 over 30d: 80 % of the error budget is left"},
		{"the metric's own noun", metric("checkout_payments_total"), counts{0: {Total: 10}}, "0 % of 10 payments failed over 30d: 100 % of the error budget is left"},
		{"queries", metric("db_query_total"), counts{0: {Total: 1}}, "0 % of 1 query failed over 30d: 100 % of the error budget is left"},
		{"no noun", metric("grpc_server_handled_total"), counts{0: {Total: 10}}, "0 % of 10 events failed over 30d: 100 % of the error budget is left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := availability()
			if test.change != nil {
				test.change(check)
			}
			result := grade(rubricOf(check), counted(check, test.counts)).Results[0]
			assert.Equal(t, test.want, result.Message)
		})
	}
}

func TestMessagesOfYoungAndUnknownObjectives(t *testing.T) {
	check := availability()
	young := counted(check, counts{0: burning(2, 3000)})
	young.Windows[7].Expected, young.Windows[7].Measured = 100, 100
	assert.Equal(t, "0.2 % of 3,000 requests failed over the 8h20m measured of 30d: the error budget is overspent by 100 %, which does not count while less than 10 % of the period is measured",
		grade(rubricOf(check), thin(thin(young, time.Hour*72, 0), day, 0)).Results[0].Message)
	idle := counted(check, nil)
	assert.Equal(t, "there were no requests to judge in the last 30d", grade(rubricOf(check), idle).Results[0].Message)
	warming := counted(check, counts{0: {Total: 5}})
	warming.Measured = 7
	assert.Equal(t, "7 of the 12 slots of 5m that a first judgement needs are measured", grade(rubricOf(check), warming).Results[0].Message)
	gappy := thin(thin(counted(check, counts{0: {Total: 5}}), slot, 0), 6*time.Hour, 0.5)
	assert.Equal(t, "only 0 of 1 answers of 5m in the last 5m are measured, too few to tell", grade(rubricOf(check), gappy).Results[0].Message)
	gappyRatio := thin(counted(ratio(0.99, 0.95), counts{0: {Total: 5}}), time.Hour, 0.5)
	assert.Equal(t, "only 6 of 12 answers of 5m in the last 1h are measured, too few to tell", grade(rubricOf(ratio(0.99, 0.95)), gappyRatio).Results[0].Message)
}

func TestTheMessageOfABurnThatFellIdle(t *testing.T) {
	check := availability()
	fast := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)})
	idle := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: {}})
	result := after(rubricOf(check), []scorecard.CheckFacts{fast}, []scorecard.CheckFacts{idle}).Results[0]
	assert.Equal(t, "only 0 requests in the last 5m, too few to say that the 30d budget no longer burns too fast (1h: 20), 100 % of it is left", result.Message)
}

func TestTheMessageNamesThePairThatFiresNow(t *testing.T) {
	check := availability()
	fast := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)})
	other := thin(counted(check, counts{0: {Total: many}, 6 * time.Hour: burning(7, many), 30 * time.Minute: burning(8, many)}), slot, 0)
	result := after(rubricOf(check), []scorecard.CheckFacts{fast}, []scorecard.CheckFacts{other}).Results[0]
	assert.Equal(t, "0.8 % of 1,000,000,000 requests failed in the last 30m: the 30d budget burns 8 times too fast (6h: 7), 100 % of it is left", result.Message)
}

func TestMessagesOfValuesAndRatios(t *testing.T) {
	for _, test := range []struct {
		name       string
		pass, fail float64
		unit       string
		value      float64
		want       string
	}{
		{"a ratio", 0.7, 0.95, "ratio", 0.82, "82 %: pass is at most 70 %, fail is at least 95 %"},
		{"a ratio that reads like its bound", 0.7, 0.95, "ratio", 0.7004, "70.04 %: pass is at most 70 %, fail is at least 95 %"},
		{"a ratio near one", 0.99, 0.9, "ratio", 0.9999995, "99.99995 %: pass is at least 99 %, fail is at most 90 %"},
		{"seconds", 0.25, 1, "seconds", 0.3333333, "0.333 seconds: pass is at most 0.25 seconds, fail is at least 1 seconds"},
		{"a large plain number", 1000, 5000, "", 1234567.8, "1,234,568: pass is at most 1,000, fail is at least 5,000"},
		{"a number that reads like its bound", 1000, 5000, "", 1000.4, "1000.4: pass is at most 1,000, fail is at least 5,000"},
		{"a tiny number", 0.001, 0.002, "", 0.00000123, "1.23e-06: pass is at most 0.001, fail is at least 0.002"},
		{"a negative number", 10, -10, "bytes", -12345, "-12,345 bytes: pass is at least 10 bytes, fail is at most -10 bytes"},
		{"a number beyond all groups", 1, 2, "", 1.5e300, "1.5e+300: pass is at most 1, fail is at least 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := gauge("g", 1, test.pass, test.fail)
			check.Value.Unit = test.unit
			assert.Equal(t, test.want, grade(rubricOf(check), known(test.value)).Results[0].Message)
		})
	}
	check := ratio(0.99, 0.95)
	message := func(c slo.Counts) string {
		return grade(rubricOf(check), counted(check, counts{0: c})).Results[0].Message
	}
	assert.Equal(t, "3 % of 1,000,000 requests failed in the last 1h: pass is at most 1 %, fail is at least 5 %", message(slo.Counts{Bad: 30000, Total: 1e6}))
	assert.Equal(t, "20 % of 5 requests failed in the last 1h: pass is at most 1 %, fail is at least 5 %; too few to prove more", message(slo.Counts{Bad: 1, Total: 5}))
	check.Fail = nil
	assert.Equal(t, "1.02 % of 100,000,000 requests failed in the last 1h: pass is at most 1 %", message(slo.Counts{Bad: 1.02e6, Total: 1e8}))
}
