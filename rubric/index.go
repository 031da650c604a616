package rubric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/catalog"
)

const (
	maxTuples = 64   // of a service
	separator = 0xff // between label values: no byte of UTF-8
	keyBuffer = 256  // bytes of a key that are kept on the stack

	conflicting = -1 // the service of a tuple that several claim
)

// IdentityIndex finds the service that a row belongs to, for one identity and
// one list of services, whose places it returns. It is immutable and safe for
// concurrent use.
type IdentityIndex struct {
	labels       []string
	byKey        map[string]int32
	tuples       [][][]string
	conflicts    []Conflict
	unidentified []catalog.ID
	errors       []error
}

// Conflict is one tuple of label values that several services claim.
type Conflict struct {
	Labels   string // as matchers: job="api", namespace="shop"
	Services []catalog.ID
}

// Index evaluates the identity for each service. The annotation
// apgar.dev/identity.<label>, and apgar.dev/service for the label service of
// the identity service, stand before the label's expression. Lists make a
// service claim each combination of values.
func (id *Identity) Index(services []*catalog.Service) *IdentityIndex {
	x := &IdentityIndex{
		labels: id.LabelNames(),
		byKey:  make(map[string]int32, len(services)),
		tuples: make([][][]string, len(services)),
	}
	claims := map[string][]int{} // only of tuples claimed more than once
	var key []byte
	for i, s := range services {
		x.tuples[i] = x.evaluate(id, s)
		if len(x.tuples[i]) == 0 {
			x.unidentified = append(x.unidentified, s.ID)
		}
		for _, tuple := range x.tuples[i] {
			key = appendKey(key[:0], tuple)
			first, taken := x.byKey[string(key)]
			if !taken {
				x.byKey[string(key)] = int32(i)
				continue
			}
			if first != conflicting {
				claims[string(key)] = []int{int(first)}
			}
			claims[string(key)] = append(claims[string(key)], i)
			x.byKey[string(key)] = conflicting
		}
	}
	x.settle(services, claims)
	return x
}

// settle lists the services of each conflict.
func (x *IdentityIndex) settle(services []*catalog.Service, claims map[string][]int) {
	for key, claimants := range claims {
		c := Conflict{Labels: x.describe(key)}
		for _, i := range claimants {
			c.Services = append(c.Services, services[i].ID)
		}
		slices.SortFunc(c.Services, catalog.ID.Compare)
		x.conflicts = append(x.conflicts, c)
	}
	slices.SortFunc(x.conflicts, func(a, b Conflict) int { return strings.Compare(a.Labels, b.Labels) })
	slices.SortFunc(x.unidentified, catalog.ID.Compare)
}

func (x *IdentityIndex) describe(key string) string {
	values := strings.Split(key, string([]byte{separator}))
	parts := make([]string, len(x.labels))
	for i, label := range x.labels {
		parts[i] = fmt.Sprintf("%s=%q", label, values[i])
	}
	return strings.Join(parts, ", ")
}

// evaluate returns the tuples of a service: none when a label has no value.
func (x *IdentityIndex) evaluate(id *Identity, s *catalog.Service) [][]string {
	tuples := [][]string{nil}
	for _, l := range id.Labels {
		values, err := id.values(l, s)
		if err != nil {
			x.errors = append(x.errors, fmt.Errorf("identity %s: %w", id.Name, err))
			return nil
		}
		var longer [][]string
		for _, t := range tuples {
			for _, v := range values {
				longer = append(longer, append(slices.Clone(t), v))
			}
		}
		if len(longer) > maxTuples {
			x.errors = append(x.errors, fmt.Errorf("identity %s: service %s has more than %d combinations of label values: shorten its lists", id.Name, s.ID, maxTuples))
			return nil
		}
		tuples = longer
	}
	return tuples
}

// values returns the values of one label, none of them empty.
func (id *Identity) values(l IdentityLabel, s *catalog.Service) ([]string, error) {
	if v := s.Annotations[catalog.AnnotationIdentity+l.Name]; v != "" {
		return []string{v}, nil
	}
	if id.Name == defaultIdentity && l.Name == defaultIdentity {
		if v := s.Annotations[catalog.AnnotationService]; v != "" {
			return []string{v}, nil
		}
	}
	values, err := l.Values.Values(s)
	if len(values) > maxTuples {
		values = values[:maxTuples+1] // too many whatever the other labels are
	}
	return values, err
}

func appendKey(key []byte, tuple []string) []byte {
	for i, v := range tuple {
		if i > 0 {
			key = append(key, separator)
		}
		key = append(key, v...)
	}
	return key
}

// Find returns the service with these label values, in the order of
// Identity.Labels. It allocates nothing. A tuple that several services claim
// belongs to none.
func (x *IdentityIndex) Find(values [][]byte) (service int, ok bool) {
	if len(values) != len(x.labels) {
		return 0, false
	}
	if len(values) == 1 {
		return x.lookup(values[0])
	}
	var buffer [keyBuffer]byte
	key := buffer[:0]
	for i, v := range values {
		if i > 0 {
			key = append(key, separator)
		}
		key = append(key, v...)
	}
	return x.lookup(key)
}

func (x *IdentityIndex) lookup(key []byte) (int, bool) {
	i, ok := x.byKey[string(key)]
	if !ok || i == conflicting {
		return 0, false
	}
	return int(i), true
}

// Tuples returns the label values of a service, each in the order of
// Identity.Labels; empty when it is not identified.
func (x *IdentityIndex) Tuples(service int) [][]string { return x.tuples[service] }

// Identified reports whether the service has label values at all.
func (x *IdentityIndex) Identified(service int) bool { return len(x.tuples[service]) > 0 }

// Conflicts returns the tuples that several services claim, sorted.
func (x *IdentityIndex) Conflicts() []Conflict { return x.conflicts }

// Unidentified returns the services without label values, sorted.
func (x *IdentityIndex) Unidentified() []catalog.ID { return x.unidentified }

// Errors returns what went wrong for single services, which are unidentified
// then.
func (x *IdentityIndex) Errors() []error { return x.errors }
