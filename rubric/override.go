package rubric

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
)

// overridable lists the fields that a service may set for itself, by the
// annotation apgar.dev/<rubric>.<check>.<field>. None of them changes what is
// asked of a source.
func overridable() []string {
	return []string{"objective", "period", "window", "pass", "fail", "op", "weight", "severity", "on_missing"}
}

// For returns the rubric as it holds for a service: r itself, or a copy with the
// checks that the service's annotations override, whose hashes differ then. An
// override that cannot be applied is in the error and is left out; the rubric
// is good for use nevertheless.
func (r *Rubric) For(s *catalog.Service) (*Rubric, error) {
	overrides := map[string]map[string]string{} // check → field → value
	var errs []error
	prefix := catalog.AnnotationPrefix + r.Name + "."
	for key, value := range s.Annotations {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		check, field, ok := strings.Cut(rest, ".")
		if !ok {
			continue
		}
		if mistake := r.overrideMistake(check, field); mistake != "" {
			errs = append(errs, fmt.Errorf("the annotation %s of service %s is left out: %s", strict.Clip(key), s.ID, mistake))
			continue
		}
		if overrides[check] == nil {
			overrides[check] = map[string]string{}
		}
		overrides[check][field] = value
	}
	if len(overrides) == 0 {
		return r, joinSorted(errs)
	}
	own := *r
	own.Checks = slices.Clone(r.Checks)
	for i, c := range own.Checks {
		if fields := overrides[c.Name]; fields != nil {
			changed, mistakes := c.override(fields)
			for _, mistake := range mistakes {
				errs = append(errs, fmt.Errorf("the annotations %s%s.… of service %s are left out: %s", prefix, c.Name, s.ID, mistake))
			}
			if mistakes == nil {
				own.Checks[i] = changed
			}
		}
	}
	return &own, joinSorted(errs)
}

// CheckOverrides applies every override of the services and reports those that
// cannot be applied, at the place of the service.
func CheckOverrides(rubrics []*Rubric, services []*catalog.Service) []catalog.Problem {
	var problems []catalog.Problem
	for _, s := range services {
		for _, r := range rubrics {
			_, err := r.For(s)
			if all, ok := err.(interface{ Unwrap() []error }); ok {
				for _, one := range all.Unwrap() {
					problems = append(problems, catalog.Problem{Position: s.Position, Message: one.Error()})
				}
			}
		}
	}
	return problems
}

// CheckOverridden warns of overrides of rubrics that are not among those that are
// loaded, once of each: another Apgar may have them.
func CheckOverridden(rubrics []*Rubric, services []*catalog.Service) []catalog.Problem {
	names := make([]string, len(rubrics))
	for i, r := range rubrics {
		names[i] = r.Name
	}
	type place struct {
		key      string
		service  *catalog.Service
		services int
	}
	unknown := map[string]*place{}
	for _, s := range services {
		here := map[string]bool{}
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			rest, ours := strings.CutPrefix(key, catalog.AnnotationPrefix)
			name, field, _ := strings.Cut(rest, ".")
			if !ours || !strings.Contains(field, ".") || here[name] || slices.Contains(names, name) {
				continue
			}
			here[name] = true
			if unknown[name] == nil {
				unknown[name] = &place{key: key, service: s}
			}
			unknown[name].services++
		}
	}
	var problems []catalog.Problem
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		at, hint := unknown[name], "mend its name, or remove it"
		if near := strict.Nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		whose := "of service " + at.service.ID.String()
		if at.services > 1 {
			whose += fmt.Sprintf(", and others of %d more services,", at.services-1)
		}
		problems = append(problems, catalog.Problem{Position: at.service.Position, Warning: true, Message: fmt.Sprintf(
			"the annotation %s %s is for rubric %q, which is not loaded: %s", strict.Clip(at.key), whose, strict.Clip(name), hint)})
	}
	return problems
}

func joinSorted(errs []error) error {
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// overrideMistake returns why there is nothing to override, or "".
func (r *Rubric) overrideMistake(check, field string) string {
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
	}
	if !slices.Contains(names, check) {
		return fmt.Sprintf("rubric %s has no check %q, its checks are %s", r.Name, strict.Clip(check), strings.Join(names, ", "))
	}
	if !slices.Contains(overridable(), field) {
		return fmt.Sprintf("%q cannot be overridden, but these can: %s", strict.Clip(field), strings.Join(overridable(), ", "))
	}
	return ""
}

// override reads the thresholds anew, as if they stood in the rubric file with
// the service's values in place. There is no check where there are mistakes.
func (c *Check) override(fields map[string]string) (own *Check, mistakes []string) {
	values := c.written()
	for field, value := range fields {
		values[field] = value
	}
	if fields["severity"] != "" && fields["weight"] == "" && c.Weight == DefaultWeight(c.Severity) {
		delete(values, "weight")
	}
	if values["pass"] != "" && values["fail"] != "" && fields["op"] == "" {
		delete(values, "op")
	}
	node := &yaml.Node{Kind: yaml.MappingNode}
	for field, value := range values {
		node.Content = append(node.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Value: field}, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	source := strict.Source{ValueBytes: maxTextBytes, Report: func(_ int, message string) { mistakes = append(mistakes, message) }}
	m := source.Map(node, fmt.Sprintf("check %q", c.Name))
	own = new(*c)
	own.Objective, own.Period, own.Window, own.Pass, own.Fail, own.Op = 0, 0, 0, nil, nil, ""
	readThreshold(m, own)
	own.Severity = choice(m, "severity", c.Severity, Critical, High, Medium, Low)
	own.Weight = weight(m, DefaultWeight(own.Severity))
	if own.Kind == KindCatalog {
		refuse(m, "on_missing", "a catalog check asks no source")
	} else {
		own.OnMissing = choice(m, "on_missing", c.OnMissing, MissingUnknown, MissingFail, MissingPass, MissingNotApplicable)
	}
	if mistakes != nil {
		return nil, mistakes
	}
	own.SLI, own.Hash, own.overrides = own.sli(), own.hash(), fields
	return own, nil
}

// written returns the overridable fields as they could stand in a file.
func (c *Check) written() map[string]string {
	out := map[string]string{"weight": text(c.Weight)}
	if c.Op != "" {
		out["op"] = string(c.Op)
	}
	for field, v := range map[string]*float64{"pass": c.Pass, "fail": c.Fail} {
		if v != nil {
			out[field] = text(*v)
		}
	}
	if c.Objective > 0 {
		out["objective"] = text(c.Objective)
	}
	for field, d := range map[string]time.Duration{"period": c.Period, "window": c.Window} {
		if d > 0 {
			out[field] = model.Duration(d).String()
		}
	}
	if c.Value != nil && !usesWindow(c.Value.Expr) {
		delete(out, "window")
	}
	return out
}

func text(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
