package api

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// EncodeScorecard appends the JSON of c to dst, exactly as the API serves it.
// The bytes are a function of c and stale alone. On an error, which a number
// that is not finite causes, dst is returned as it was.
func EncodeScorecard(dst []byte, c *scorecard.Scorecard, stale bool) ([]byte, error) {
	body, err := wire.Scorecard(c)
	if err != nil {
		return dst, err
	}
	return body.Append(dst, stale), nil
}

func scorecardsSpec() listing.Spec {
	return listing.Spec{
		List:   "scorecards",
		Fields: []string{"rubric", "owner", "system", "tier", "lifecycle", "tag", "grade", "level", "status"},
		Search: true, Since: true, Orders: listing.AllOrders(),
	}
}

func serviceScorecardsSpec() listing.Spec {
	return listing.Spec{List: "service scorecards", Fields: []string{"rubric", "status"}}
}

func listScorecards(r request) ([]byte, error) {
	spec := scorecardsSpec()
	format := r.values.Get("format")
	r.values.Del("format")
	switch format {
	case "", "list":
		q, err := spec.Parse(r.values)
		if err != nil {
			return nil, err
		}
		return pageJSON(r, r.view.scorecards, q)
	case "map":
		spec.Whole, spec.Orders = true, nil
		q, err := spec.Parse(r.values)
		if err != nil {
			return nil, err
		}
		return scorecardMap(r, q.Filter)
	default:
		return nil, &listing.ParamError{Param: "format", Reason: "it is no format of this list; allowed are list and map"}
	}
}

// scorecardMap answers {"namespace/name": verdict} for gates that look up many
// services at once. It is given whole, which the size of a verdict allows. A
// service has one verdict here: by the rubric that is named, by the only one
// that counts, or over all of them.
func scorecardMap(r request, f listing.Filter) ([]byte, error) {
	rubrics := f.Fields["rubric"]
	switch {
	case len(rubrics) > 1:
		return nil, &listing.ParamError{Param: "rubric", Reason: "format=map has one verdict for each service; allowed is one rubric"}
	case len(rubrics) == 0:
		rubrics = []string{speaking(r.view.snap)}
	}
	f.Fields["rubric"] = rubrics
	rows := r.view.scorecards.All(f)
	dst := r.dst
	dst = append(dst, '{')
	for n, i := range rows {
		if n > 0 {
			dst = append(dst, ',')
		}
		quoted, err := jsontext.AppendQuote(dst, r.view.scorecards.Key(int(i)).Service())
		if err != nil {
			return nil, notEncoded(err)
		}
		body, err := r.view.verdicts[i]()
		if err != nil {
			return nil, notEncoded(err)
		}
		dst = body.Append(append(quoted, ':'), r.stale)
	}
	return append(dst, '}'), nil
}

// speaking returns the only rubric that is in effect, or else Overall. Drafts
// count nowhere, so that there being one more is no reason for another verdict.
func speaking(snap *scorecard.Snapshot) string {
	var names []string
	for _, r := range snap.Rubrics {
		if r != nil && r.InEffect(snap.Tick) {
			names = append(names, r.Name)
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return scorecard.Overall
}

func listServiceScorecards(r request) ([]byte, error) {
	id := catalog.ID{Namespace: r.param("namespace"), Name: r.param("name")}
	if _, ok := r.view.byID[id]; !ok {
		return nil, &problem{code: notFound, detail: fmt.Sprintf("there is no service %s; the list of them says what there is", id)}
	}
	spec := serviceScorecardsSpec()
	spec.List += " " + id.String()
	q, err := spec.Parse(r.values)
	if err != nil {
		return nil, err
	}
	q.Filter.Fields["service"] = []string{id.String()}
	return pageJSON(r, r.view.scorecards, q)
}

func getScorecard(r request) ([]byte, error) {
	k := scorecardParam(r)
	return one(r, r.view.scorecards, k, fmt.Sprintf("scorecard of %s/%s by rubric %q", k.Namespace, k.Name, k.Rubric))
}

func scorecardParam(r request) listing.Key {
	return listing.Key{Rubric: r.param("rubric"), Namespace: r.param("namespace"), Name: r.param("name")}
}
