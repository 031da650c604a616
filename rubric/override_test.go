package rubric

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func TestAServiceOverridesThresholdsForItself(t *testing.T) {
	r := load(t, hashed)[0]
	s := service("cart", map[string]string{
		"apgar.dev/http.availability.objective": "95%",
		"apgar.dev/http.availability.severity":  "low",
		"apgar.dev/http.fds.pass":               "0.97",
		"apgar.dev/http.fds.window":             "10m",
		"apgar.dev/other.fds.pass":              "nonsense",
		"unrelated":                             "x",
	})
	own, err := r.For(s)
	require.NoError(t, err)
	require.Equal(t, 0.95, own.Checks[0].Objective)
	require.Equal(t, Low, own.Checks[0].Severity)
	require.Equal(t, 2.5, own.Checks[0].Weight, "the weight follows the severity")
	require.Equal(t, 30*24*time.Hour, own.Checks[0].Period)
	require.Equal(t, 0.97, *own.Checks[2].Pass)
	require.Equal(t, AtLeast, own.Checks[2].Op, "the order of pass and fail gives the direction")
	require.Equal(t, 10*time.Minute, own.Checks[2].Window)
	require.Equal(t, map[string]string{"objective": "95%", "severity": "low"}, own.Checks[0].Overrides(), "as written")
	require.Same(t, r.Checks[1], own.Checks[1], "what is not overridden is shared")
	require.Empty(t, own.Checks[1].Overrides())
	require.NotEqual(t, r.Checks[0].Hash, own.Checks[0].Hash)
	require.Equal(t, r.Checks[0].SLI, own.Checks[0].SLI, "the ledger goes on")
	require.Equal(t, 0.999, r.Checks[0].Objective, "the rubric itself stays as it is")
}

func TestWithoutOverridesTheRubricIsTheSame(t *testing.T) {
	r := load(t, hashed)[0]
	own, err := r.For(service("cart", map[string]string{"apgar.dev/service": "x", "apgar.dev/https.fds.pass": "1"}))
	require.NoError(t, err)
	require.Same(t, r, own)
}

func TestBadOverridesAreLeftOutAndReported(t *testing.T) {
	r := load(t, hashed)[0]
	for annotation, want := range map[string]string{
		"apgar.dev/http.avail.objective":         `rubric http has no check "avail"`,
		"apgar.dev/http.availability.metric":     `"metric" cannot be overridden`,
		"apgar.dev/http.availability.pass":       `it has an objective`,
		"apgar.dev/http.availability.objective":  `must be above 0 and below 1`,
		"apgar.dev/http.owner.on_missing":        `a catalog check asks no source`,
		"apgar.dev/http.owner.pass":              `a catalog check is true or false`,
		"apgar.dev/http.latency.op":              `contradicts`,
		"apgar.dev/http.fds.severity":            `write critical, high, medium or low`,
		"apgar.dev/http.fds.weight":              `must be 0 (informational) or more`,
		"apgar.dev/http.fds.fail":                `no number`,
		"apgar.dev/http.fds.window":              `no duration`,
		"apgar.dev/http.latency.on_missing":      `write unknown, fail, pass or not_applicable`,
		"apgar.dev/http.latency.objective":       `it has an objective`,
		"apgar.dev/http.availability.nothing.at": `cannot be overridden`,
	} {
		value := map[string]string{"apgar.dev/http.latency.op": "<=", "apgar.dev/http.latency.objective": "99%", "apgar.dev/http.fds.fail": "many"}[annotation]
		if value == "" {
			value = "-7"
		}
		s := service("cart", map[string]string{annotation: value})
		s.Position = catalog.Position{File: "catalog.yml", Line: 7}
		own, err := r.For(s)
		require.ErrorContains(t, err, want, annotation)
		require.Equal(t, r.Checks, own.Checks)
		problems := CheckOverrides([]*Rubric{r}, []*catalog.Service{s})
		require.NotEmpty(t, problems)
		for _, p := range problems {
			require.Equal(t, 7, p.Position.Line)
			require.NotContains(t, p.Message, "\n", "each mistake is told with its place")
		}
	}
}

func TestOverridesOfARubricThatThereIsNotAreToldOfOnce(t *testing.T) {
	at := func(line int, s *catalog.Service) *catalog.Service {
		s.Position = catalog.Position{File: "catalog.yml", Line: line}
		return s
	}
	problems := CheckOverridden(load(t, hashed), []*catalog.Service{
		at(3, service("a", map[string]string{"apgar.dev/htp.a.weight": "1", "apgar.dev/htp.b.weight": "1", "apgar.dev/identity.pod": "x", "apgar.dev/tier": "1", "example.org/a.b.c": "1"})),
		at(4, service("b", map[string]string{"apgar.dev/htp.a.weight": "1", "apgar.dev/other.check.weight": "1"})),
		at(5, service("c", map[string]string{"apgar.dev/htp.a.weight": "1"})),
	})
	require.Equal(t, `catalog.yml:3: warning: the annotation apgar.dev/htp.a.weight of service default/a, and others of 2 more services, is for rubric "htp", which is not loaded: did you mean "http"?
catalog.yml:4: warning: the annotation apgar.dev/other.check.weight of service default/b is for rubric "other", which is not loaded: mend its name, or remove it`,
		catalog.Problems(problems).Error())
}
