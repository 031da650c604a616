package catalog

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func environment(t testing.TB) *Env {
	t.Helper()
	env, err := NewEnv()
	require.NoError(t, err)
	return env
}

// playlist is a service with something in every field.
func playlist() *Service {
	return &Service{
		ID: ID{Namespace: "default", Name: "playlist"}, Kind: "component", Title: "Playlists", Description: "What to hear next.",
		Owner: "team-listen", System: "library", Domain: "music", Lifecycle: "production", Type: "service", Tier: 1,
		Tags:        []string{"go", "http"},
		Labels:      map[string]string{"language": "go"},
		Annotations: map[string]string{"prometheus.io/job": "playlist-api"},
		Links:       map[string]string{"runbook": "https://runbooks.example.org/playlist"},
		Relations:   []Relation{{Type: "dependsOn", Target: "component:default/tracks"}, {Type: "ownedBy", Target: "group:default/team-listen"}},
	}
}

func TestConditionsReadEveryField(t *testing.T) {
	env := environment(t)
	for source, want := range map[string]bool{
		`service.namespace == "default" && service.name == "playlist"`:                       true,
		`service.kind == "component" && service.title == "Playlists"`:                        true,
		`service.description.contains("hear")`:                                               true,
		`service.owner == "team-listen" && service.system == "library"`:                      true,
		`service.domain == "music" && service.lifecycle == "production"`:                     true,
		`service.type == "service" && service.tier <= 2 && service.tier != 0`:                true,
		`"http" in service.tags && !("grpc" in service.tags) && size(service.tags) == 2`:     true,
		`service.labels["language"] in ["go", "rust"]`:                                       true,
		`service.labels.language == "go"`:                                                    true,
		`service.annotations["prometheus.io/job"].matches("^playlist-.*$")`:                  true,
		`"runbook" in service.links && has(service.links.runbook)`:                           true,
		`service.relations.exists(r, r.type == "dependsOn" && r.target.endsWith("/tracks"))`: true,
		`service.relations.filter(r, r.type == "dependsOn").size() == 1`:                     true,
		`service.links.all(name, name.lowerAscii() == name)`:                                 true,
		`service.links.exists(name, service.links[name].startsWith("https://runbooks."))`:    true,
		`service.name.split("-").size() == 1 && service.name.replace("list", "") == "play"`:  true,
		`service == service && service.relations[0] != service.relations[1]`:                 true,
		`service.tags == ["go", "http"] && service.tags[0] == "go"`:                          true,
		`service.tier == 2 || service.owner == ""`:                                           false,
		`true`: true,
		`service.labels["nothing"] != "" || service.links["dashboard"] != ""`:                       false,
		`service.labels["nothing"] == "" && !("nothing" in service.labels)`:                         true,
		`has(service.links.dashboard) || has(service.labels.nothing)`:                               false,
		`service.annotations["a/b"] == service.annotations["c/d"]`:                                  true,
		`service.labels["nothing"].startsWith("x") || service.labels.nothing.size() > 0`:            false,
		`(service.tier == 1 ? service.labels["nothing"] : service.owner) == ""`:                     true,
		`service.labels[service.name] == ""`:                                                        true,
		`type(service.tier) == int && type(service.labels) == type({"a": "b"})`:                     true,
		`service.labels.map(k, k)[0] == "language" && service.annotations.size() == 1`:              true,
		`dyn(service).name == "playlist" && dyn(service.labels).language == "go"`:                   true,
		`service.links.runbook != "" && service.owner != "" && service.lifecycle != "deprecated"  `: true,
	} {
		c, err := env.Condition(source)
		require.NoError(t, err, source)
		got, err := c.Eval(playlist())
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
		require.Equal(t, source, c.Source())
	}
}

func TestConditionsHoldForAnEmptyService(t *testing.T) {
	env := environment(t)
	c, err := env.Condition(`service.tier == 0 && service.tags.size() == 0 && service.labels["a"] == "" && service.relations == []`)
	require.NoError(t, err)
	got, err := c.Eval(&Service{})
	require.NoError(t, err)
	require.True(t, got)
}

func TestBadConditionsAreExplained(t *testing.T) {
	env := environment(t)
	for source, want := range map[string]string{
		``:                       `it is empty`,
		`service.teir == 1`:      `line 1, column 8: there is no field "teir"; did you mean "tier"?`,
		`service.relations[0].x`: `there is no field "x"`,
		`srevice.tier == 1`:      `there is no "srevice" here: the one variable is service`,
		"service.tier == 1 &&\n service.nam == ''": `line 2, column 9: there is no field "nam"; did you mean "name"?`,
		`service.tier == "1"`:                      `== cannot be applied to (int, string)`,
		`service.tier > `:                          `the expression ends too early`,
		`service.owner`:                            `it returns a string, but a condition must return a bool`,
		`service.tags`:                             `it returns a value of type list(string)`,
		`service.tier == 1 ||`:                     `the expression ends too early`,
		`service.labels == {"a": "b"}`:             `it compares a whole map`,
		`a b`:                                      `line 1, column 3`,
		`x1 || x2 || x3 || x4 || x5`:               `and 2 more`,
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): `it is nested too deeply: use fewer brackets`,
		`service.name == "` + strings.Repeat("x", 5000) + `"`:        `at most 4096 are allowed`,
		`Service{name: "x"}.name == "x" && service.nothing == ""`:    `there is no field "nothing"`,
	} {
		_, err := env.Condition(source)
		require.Error(t, err, source)
		require.ErrorContains(t, err, want)
		require.Less(t, len(err.Error()), 1000, source)
	}
}

func TestExpressionsYieldStrings(t *testing.T) {
	env := environment(t)
	for source, want := range map[string][]string{
		`service.name`:                                     {"playlist"},
		`service.labels["nothing"]`:                        nil,
		`service.tags`:                                     {"go", "http"},
		`[service.name, "", "b", service.name]`:            {"playlist", "b"},
		`service.tags.map(t, service.name + "-" + t)`:      {"playlist-go", "playlist-http"},
		`service.tier == 1 ? [service.name] : []`:          {"playlist"},
		`service.annotations["prometheus.io/job"]`:         {"playlist-api"},
		`service.annotations["a"] != "" ? "a" : "b"`:       {"b"},
		`string(service.tier)`:                             {"1"},
		`service.relations.map(r, r.target.split(":")[1])`: {"default/tracks", "default/team-listen"},
	} {
		x, err := env.Expression(source)
		require.NoError(t, err, source)
		got, err := x.Values(playlist())
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
		require.Equal(t, source, x.Source())
	}
	for _, source := range []string{`service.tier`, `service.labels`, `[1]`, `[service.tags]`, `service.tier == 1`, `dyn("a")`} {
		_, err := env.Expression(source)
		require.ErrorContains(t, err, "must return a string or a list of strings", source)
	}
}

func TestOtherErrorsAreEvalErrors(t *testing.T) {
	env := environment(t)
	for _, source := range []string{
		`service.tags[7] == "x"`,
		`int(service.name) == 1`,
		`1 / (service.tier - 1) == 1`,
		`dyn(service).nothing == ""`,
		`Service{name: "x"}.name == "x"`,
		`service.name.matches(service.name + "(")`,
	} {
		c, err := env.Condition(source)
		require.NoError(t, err, source)
		_, err = c.Eval(playlist())
		var evalError *EvalError
		require.ErrorAs(t, err, &evalError, source)
		require.Equal(t, "default/playlist", evalError.Service.String())
		require.Error(t, errors.Unwrap(err))
		require.ErrorContains(t, err, source[:10])
	}
	x, err := env.Expression(`service.tags[7]`)
	require.NoError(t, err)
	_, err = x.Values(playlist())
	require.Error(t, err)
}

func TestAnExpensiveConditionIsStopped(t *testing.T) {
	env := environment(t)
	c, err := env.Condition(`service.tags.all(a, service.tags.all(b, service.tags.all(c, service.tags.all(d, a + b + c + d != ""))))`)
	require.NoError(t, err)
	s := playlist()
	_, err = c.Eval(s)
	require.NoError(t, err, "few tags are cheap")
	s.Tags = nil
	for i := range maxItems {
		s.Tags = append(s.Tags, fmt.Sprint(i))
	}
	start := time.Now()
	_, err = c.Eval(s)
	require.ErrorContains(t, err, "cost")
	require.Less(t, time.Since(start), time.Minute)
}

func TestConditionsMayBeUsedConcurrently(t *testing.T) {
	env := environment(t)
	c, err := env.Condition(`service.relations.exists(r, r.type == "dependsOn") && service.name.matches("^play") && service.labels["a"] == ""`)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s := playlist()
			for range 200 {
				if got, err := c.Eval(s); err != nil || !got {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkCondition measures one evaluation: 5,000 services with 20 conditions
// each are 100,000 of them.
func BenchmarkCondition(b *testing.B) {
	env := environment(b)
	s := playlist()
	for _, source := range []string{
		`"http" in service.tags`,
		`service.tier == 1`,
		`service.links["runbook"] != ""`,
		`service.owner != "" && service.tier > 0 && "runbook" in service.links`,
		`service.name.matches("^pl.*")`,
		`service.relations.exists(r, r.type == "dependsOn")`,
	} {
		c, err := env.Condition(source)
		require.NoError(b, err)
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Eval(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestQuotationsAreForShowingOnly(t *testing.T) {
	s := &Service{ID: ID{Namespace: "default", Name: "playlist"}}
	condition := QuotedCondition("service.tier ==")
	require.Equal(t, "service.tier ==", condition.Source())
	_, err := condition.Eval(s)
	var failed *EvalError
	require.ErrorAs(t, err, &failed)
	require.EqualError(t, err, `evaluating "service.tier ==" for service default/playlist: it is a quotation, for showing only, and was never compiled`)

	expression := QuotedExpression("service.name")
	require.Equal(t, "service.name", expression.Source())
	_, err = expression.Values(s)
	require.ErrorAs(t, err, &failed)
}
