package rubric

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func service(name string, annotations map[string]string) *catalog.Service {
	return &catalog.Service{ID: catalog.ID{Namespace: "default", Name: name}, Annotations: annotations}
}

// identity builds an identity from pairs of label and CEL expression.
func identity(t testing.TB, name string, pairs ...string) *Identity {
	t.Helper()
	env, _ := environment(t)
	spec := IdentitySpec{Name: name}
	for i := 0; i < len(pairs); i += 2 {
		spec.Labels = append(spec.Labels, LabelSpec{Name: pairs[i], Source: pairs[i+1]})
	}
	id, problems := NewIdentity(env, spec)
	require.Empty(t, problems)
	return id
}

func find(x *IdentityIndex, values ...string) (int, bool) {
	raw := make([][]byte, len(values))
	for i, v := range values {
		raw[i] = []byte(v)
	}
	return x.Find(raw)
}

func TestAServiceIsFoundByItsName(t *testing.T) {
	_, identities := environment(t)
	x := identities["service"].Index([]*catalog.Service{service("playlist", nil), service("search", nil)})
	i, ok := find(x, "search")
	require.True(t, ok)
	require.Equal(t, 1, i)
	_, ok = find(x, "lyrics")
	require.False(t, ok)
	_, ok = find(x, "search", "more")
	require.False(t, ok)
	require.Equal(t, [][]string{{"search"}}, x.Tuples(1))
	require.Empty(t, x.Unidentified())
	require.Empty(t, x.Errors())
}

func TestAnEmptyValueMeansNotIdentified(t *testing.T) {
	_, identities := environment(t)
	x := identities["job"].Index([]*catalog.Service{
		service("playlist", map[string]string{"prometheus.io/job": "playlist-api"}), service("search", nil),
	})
	require.True(t, x.Identified(0))
	require.False(t, x.Identified(1))
	require.Equal(t, []catalog.ID{{Namespace: "default", Name: "search"}}, x.Unidentified())
	i, ok := find(x, "playlist-api")
	require.True(t, ok)
	require.Equal(t, 0, i)
	_, ok = find(x, "")
	require.False(t, ok)
}

func TestAnAnnotationStandsBeforeTheExpression(t *testing.T) {
	_, identities := environment(t)
	services := []*catalog.Service{
		service("a", map[string]string{catalog.AnnotationService: "a-api"}),
		service("b", map[string]string{catalog.AnnotationIdentity + "service": "b-api", catalog.AnnotationService: "other"}),
		service("c", map[string]string{catalog.AnnotationIdentity + "job": "c-job", catalog.AnnotationService: "c-api"}),
	}
	x := identities["service"].Index(services)
	require.Equal(t, [][]string{{"a-api"}}, x.Tuples(0))
	require.Equal(t, [][]string{{"b-api"}}, x.Tuples(1))
	require.Equal(t, [][]string{{"c-api"}}, x.Tuples(2))
	x = identities["job"].Index(services)
	require.Equal(t, [][]string{{"c-job"}}, x.Tuples(2))
	require.Equal(t, 1, len(services)-len(x.Unidentified()), "apgar.dev/service is for the identity service alone")
}

func TestListsGiveEachCombination(t *testing.T) {
	id := identity(t, "pair", "namespace", `["shop", "shop-canary", "shop", ""]`, "job", `[service.name, service.name + "-worker"]`)
	require.Equal(t, []string{"job", "namespace"}, id.LabelNames(), "labels are sorted")
	x := id.Index([]*catalog.Service{service("cart", nil)})
	require.Equal(t, [][]string{
		{"cart", "shop"},
		{"cart", "shop-canary"},
		{"cart-worker", "shop"},
		{"cart-worker", "shop-canary"},
	}, x.Tuples(0))
	_, ok := find(x, "cart-worker", "shop-canary")
	require.True(t, ok)
	_, ok = find(x, "carts", "hop")
	require.False(t, ok, "values do not run together")
}

func TestTooManyCombinationsLeaveTheServiceUnidentified(t *testing.T) {
	id := identity(t, "many", "a", `service.tags`, "b", `service.tags`)
	s := service("cart", nil)
	for i := range 9 {
		s.Tags = append(s.Tags, fmt.Sprint(i))
	}
	x := id.Index([]*catalog.Service{s})
	require.False(t, x.Identified(0))
	require.ErrorContains(t, x.Errors()[0], "more than 64 combinations")
}

func TestATupleOfTwoServicesIsAConflictForBoth(t *testing.T) {
	_, identities := environment(t)
	job := func(name string) map[string]string { return map[string]string{"prometheus.io/job": name} }
	x := identities["job"].Index([]*catalog.Service{
		service("c", job("same")), service("a", job("same")), service("d", job("own")), service("b", job("same")),
	})
	require.Equal(t, []Conflict{{Labels: `job="same"`, Services: []catalog.ID{
		{Namespace: "default", Name: "a"}, {Namespace: "default", Name: "b"}, {Namespace: "default", Name: "c"},
	}}}, x.Conflicts())
	_, ok := find(x, "same")
	require.False(t, ok, "a claimed tuple belongs to none")
	_, ok = find(x, "own")
	require.True(t, ok)
}

func TestAnExpressionThatFailsIsNamed(t *testing.T) {
	id := identity(t, "fails", "job", `service.tags[3]`)
	x := id.Index([]*catalog.Service{service("cart", nil)})
	require.Equal(t, []catalog.ID{{Namespace: "default", Name: "cart"}}, x.Unidentified())
	require.ErrorContains(t, x.Errors()[0], "default/cart")
}

func TestBadIdentitiesAreExplained(t *testing.T) {
	env, _ := environment(t)
	_, problems := NewIdentity(env, IdentitySpec{
		Name: "Bad", Presence: "count by (job) (up)",
		Labels: []LabelSpec{{Name: "__name__", Source: "service.name"}, {Name: "a-b", Source: "service.tier"}, {Name: "job", Source: "service.nam"}, {Name: "job", Source: `["a"]`}},
	})
	require.Len(t, problems, 7)
	_, problems = NewIdentity(env, IdentitySpec{Name: "empty"})
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "has 0 labels")
}

func TestPresenceIsRenderedWithTheLabels(t *testing.T) {
	env, identities := environment(t)
	require.Equal(t, "sum by (job, cluster) (up)", identities["job"].RenderPresence([]string{"cluster"}))
	id, problems := NewIdentity(env, IdentitySpec{
		Name: "pods", Labels: []LabelSpec{{Name: "service", Source: "service.name"}},
		Presence: `sum by ($identity) (kube_pod_status_ready{condition="true"})`,
	})
	require.Empty(t, problems)
	require.Equal(t, `sum by (service) (kube_pod_status_ready{condition="true"})`, id.RenderPresence(nil))
	require.NotEqual(t, identities["service"].Hash, id.Hash)
}

func TestFindAllocatesNothing(t *testing.T) {
	id := identity(t, "pair", "job", "service.name", "namespace", "service.namespace")
	x := id.Index([]*catalog.Service{service("cart", nil)})
	values := [][]byte{[]byte("cart"), []byte("default")}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := x.Find(values); !ok {
			t.Error("not found")
		}
	}))
}

func BenchmarkIndex(b *testing.B) {
	id := identity(b, "pair", "job", "service.name", "namespace", "service.namespace")
	services := make([]*catalog.Service, 5000)
	for i := range services {
		services[i] = service(fmt.Sprintf("service-%d", i), nil)
	}
	b.Run("build 5000", func(b *testing.B) {
		for b.Loop() {
			id.Index(services)
		}
	})
	x := id.Index(services)
	values := [][]byte{[]byte("service-4711"), []byte("default")}
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Find(values)
		}
	})
}
