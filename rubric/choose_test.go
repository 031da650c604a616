package rubric

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func TestAServiceIsGradedByThePacksItNamesOrByThoseThatAreDetected(t *testing.T) {
	type fit struct{ grades, detect bool }
	packs := []string{"http", "grpc", "cron"}
	for _, tt := range []struct {
		name, annotation string
		detect           bool
		want             fit
	}{
		{"it names none", "", true, fit{true, true}},
		{"it names this one", "http", true, fit{true, false}},
		{"it names this one and another", " grpc ,http", true, fit{true, false}},
		{"it names others", "grpc, cron", true, fit{false, false}},
		{"it names one that there is not, too", "htpp, http", true, fit{true, false}},
		{"it names only what there is not", "htpp", true, fit{true, true}},
		{"the configuration chooses for all", "grpc", false, fit{true, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Rubric{Name: "http", Pack: true, Detect: tt.detect}
			grades, detect := r.Choose(service("cart", map[string]string{catalog.AnnotationPacks: tt.annotation}), packs)
			require.Equal(t, tt.want, fit{grades, detect})
		})
	}
}

func TestPacksThatAreNotLoadedAreReported(t *testing.T) {
	for annotation, want := range map[string]string{
		"http, grpc":  "",
		"":            "",
		"http,gprc":   `the annotation apgar.dev/packs of service default/cart names "gprc", which is left out: did you mean "grpc"? the packs that are loaded are http, grpc`,
		"kubernetes":  `names "kubernetes", which is left out: the packs that are loaded are http, grpc`,
		"http, http,": "",
	} {
		s := service("cart", map[string]string{catalog.AnnotationPacks: annotation})
		s.Position = catalog.Position{File: "catalog.yml", Line: 7}
		problems := CheckPacks([]string{"http", "grpc"}, []*catalog.Service{s})
		if want == "" {
			require.Empty(t, problems, annotation)
			continue
		}
		require.Len(t, problems, 1, annotation)
		require.True(t, problems[0].Warning)
		require.Equal(t, s.Position, problems[0].Position)
		require.Contains(t, problems[0].Message, want)
	}
	s := service("cart", map[string]string{catalog.AnnotationPacks: "http"})
	require.Contains(t, CheckPacks(nil, []*catalog.Service{s})[0].Message, "rubrics.packs of the configuration does not have that pack")
	s = service("cart", map[string]string{catalog.AnnotationPacks: "mine"})
	require.Contains(t, CheckPacks(nil, []*catalog.Service{s})[0].Message, "no packs are loaded")
}

func TestThePacksAreThoseThatAreShippedAndThoseThatAreMarked(t *testing.T) {
	require.Equal(t, append(Packs(), "mine"), PackNames([]*Rubric{{Name: "mine", Pack: true}, {Name: "http", Pack: true}, {Name: "own"}}))
}

func TestTheLoaderMarksWhatHasToBeDetected(t *testing.T) {
	text := []byte("rubrics: [{name: a, checks: [{name: c, catalog: 'true'}]}]")
	env, identities := environment(t)
	for _, detect := range []bool{false, true} {
		rubrics, problems := Load(env, identities, File{Name: "a.yml", Data: text, Pack: true, Detect: detect})
		require.Empty(t, problems)
		require.Equal(t, detect, rubrics[0].Detect)
	}
}
