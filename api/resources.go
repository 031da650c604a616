package api

import (
	"fmt"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/scorecard"
)

func servicesSpec() listing.Spec {
	return listing.Spec{List: "services", Fields: []string{"owner", "system", "domain", "tier", "lifecycle", "type", "tag"}, Search: true}
}

func rubricsSpec() listing.Spec { return listing.Spec{List: "rubrics"} }

func sourcesSpec() listing.Spec {
	return listing.Spec{List: "sources", Fields: []string{"state", "environment"}}
}

func getService(r request) ([]byte, error) {
	k := listing.Key{Namespace: r.param("namespace"), Name: r.param("name")}
	return one(r, r.view.services, k, fmt.Sprintf("service %s/%s", k.Namespace, k.Name))
}

func getRubric(r request) ([]byte, error) {
	name := r.param("rubric")
	if name == scorecard.Overall {
		return nil, &problem{code: notFound, detail: "overall is no rubric: it is the scorecard over all rubrics of a service, weighted by their weight, and has no checks of its own"}
	}
	return one(r, r.view.rubrics, listing.Key{Name: name}, fmt.Sprintf("rubric %q", name))
}

func getSource(r request) ([]byte, error) {
	name := r.param("source")
	return one(r, r.view.sources, listing.Key{Name: name}, fmt.Sprintf("source %q", name))
}
