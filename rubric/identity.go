package rubric

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
)

const (
	maxIdentityLabels = 8
	defaultPresence   = "sum by ($identity) (up)"
)

// IdentitySpec is an identity as its author wrote it.
type IdentitySpec struct {
	Name     string
	Labels   []LabelSpec
	Presence string // PromQL with $identity, or ""
	Position catalog.Position
	// PresenceAt is where Presence stands.
	PresenceAt catalog.Position
}

// LabelSpec is one label of an IdentitySpec: a name and the CEL expression that
// yields its value or values for a service.
type LabelSpec struct {
	Name     string
	Source   string
	Position catalog.Position
}

// NewIdentity validates and compiles an identity. All its mistakes are
// reported at once, and then there is no identity.
func NewIdentity(env *catalog.Env, spec IdentitySpec) (*Identity, []catalog.Problem) {
	id := &Identity{Name: spec.Name, Presence: strings.TrimSpace(spec.Presence), Position: spec.Position}
	var problems []catalog.Problem
	report := func(at catalog.Position, format string, args ...any) {
		problems = append(problems, catalog.Problem{Position: at, Message: fmt.Sprintf(format, args...)})
	}
	if !namePattern.MatchString(spec.Name) {
		report(spec.Position, "%q is no name of an identity: %s", strict.Clip(spec.Name), nameRule)
	}
	if n := len(spec.Labels); n == 0 || n > maxIdentityLabels {
		report(spec.Position, "identity %q has %d labels, but needs 1 to %d: add e.g. labels: {service: 'service.name'}", strict.Clip(spec.Name), n, maxIdentityLabels)
	}
	id.Labels = identityLabels(env, spec, report)
	expr, err := parsePresence(id.Presence)
	if err != nil {
		report(spec.PresenceAt, "presence of identity %q: %s", strict.Clip(spec.Name), err)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	slices.SortFunc(id.Labels, func(a, b IdentityLabel) int { return strings.Compare(a.Name, b.Name) })
	id.presence, id.Hash = expr, id.hash(expr)
	return id, nil
}

// identityLabels compiles the labels of a spec and reports what is wrong.
func identityLabels(env *catalog.Env, spec IdentitySpec, report func(at catalog.Position, format string, args ...any)) []IdentityLabel {
	var out []IdentityLabel
	seen := map[string]bool{}
	for _, l := range spec.Labels {
		switch {
		case !labelPattern.MatchString(l.Name) || strings.HasPrefix(l.Name, "__") || l.Name == "le" || l.Name == "quantile":
			report(l.Position, "%q of identity %q cannot name a service: use a target label such as service, job or namespace", strict.Clip(l.Name), strict.Clip(spec.Name))
		case seen[l.Name]:
			report(l.Position, "label %q is given twice in identity %q: remove one of them", l.Name, strict.Clip(spec.Name))
		}
		seen[l.Name] = true
		values, err := env.Expression(l.Source)
		if err != nil {
			report(l.Position, "label %q of identity %q: %s", strict.Clip(l.Name), strict.Clip(spec.Name), err)
		}
		out = append(out, IdentityLabel{Name: l.Name, Values: values})
	}
	return out
}

// parsePresence parses a presence query, or the default one.
func parsePresence(query string) (parser.Expr, error) {
	if query == "" {
		query = defaultPresence
	}
	expr, err := parseValue(query)
	if err != nil {
		return nil, err
	}
	if usesWindow(expr) {
		return nil, errors.New("$window has no meaning here: write the range out")
	}
	return expr, nil
}

// BuiltinIdentities returns the identities that need no configuration: service,
// by the label `service`, and job, by the label `job` and the annotation
// prometheus.io/job.
func BuiltinIdentities(env *catalog.Env) (map[string]*Identity, error) {
	out := map[string]*Identity{}
	for name, source := range map[string]string{
		"service": "service.name",
		"job":     `service.annotations["prometheus.io/job"]`,
	} {
		at := catalog.Position{File: "built-in identity " + name}
		id, problems := NewIdentity(env, IdentitySpec{
			Name:     name,
			Labels:   []LabelSpec{{Name: name, Source: source, Position: at}},
			Position: at, PresenceAt: at,
		})
		if len(problems) > 0 {
			return nil, fmt.Errorf("compiling the built-in identities: %w", catalog.Problems(problems))
		}
		out[name] = id
	}
	return out, nil
}

// LabelNames returns the names of the labels, sorted.
func (id *Identity) LabelNames() []string {
	names := make([]string, len(id.Labels))
	for i, l := range id.Labels {
		names[i] = l.Name
	}
	return names
}

// RenderPresence returns the presence query as PromQL, grouped by the
// identity's labels and those of extra. Its value is the number of targets that
// are up; a row of 0 has targets that are all down.
func (id *Identity) RenderPresence(extra []string) string {
	return renderExpr(id.presence, id.LabelNames(), extra, 0).String()
}

func (id *Identity) hash(presence parser.Expr) string {
	parts := []any{presence.String()}
	for _, l := range id.Labels {
		parts = append(parts, l.Name, l.Values.Canonical())
	}
	return digest(parts...)
}
