package listing

import (
	"fmt"
	"slices"
	"strings"
)

// None is the value of a field that a resource does not have.
const None = "none"

// FieldValues returns the values that a field may be asked for, nil where any
// text will do.
func FieldValues(name string) []string {
	switch name {
	case "grade":
		return []string{"A", "B", "C", "D", "F", None}
	case "status":
		return []string{"scored", "unknown", "not_scored"}
	case "kind":
		return []string{"scorecard_added", "scorecard_removed", "verdict_changed", "level_changed", "grade_changed", "status_changed"}
	case "by":
		return []string{"owner", "system", "domain", "tier", "lifecycle", "source", "group"}
	case "tier":
		return []string{"1", "2", "3", "4", None}
	default:
		return nil
	}
}

// parseField checks the values of one field. An empty value is as if the
// parameter were not given.
func parseField(name string, values []string) ([]string, error) {
	if len(values) > maxValues {
		return nil, &ParamError{Param: name, Reason: fmt.Sprintf("it is given %d times; allowed are up to %d", len(values), maxValues)}
	}
	var list []string
	allowed := FieldValues(name)
	for _, v := range values {
		if v == "" {
			continue
		}
		if _, err := parseText(name, v); err != nil {
			return nil, err
		}
		if allowed != nil && !slices.Contains(allowed, v) {
			return nil, &ParamError{Param: name, Reason: fmt.Sprintf("%q is not among its values; allowed are %s", clip(v), strings.Join(allowed, ", "))}
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list, nil
}
