package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/pb33f/libopenapi"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
)

// inSpec writes a route of Gin as the specification does.
func inSpec(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

func TestTheSpecificationDescribesEveryRouteAndNoOther(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	var routed []string
	heads := map[string]bool{}
	for _, r := range b.handler.(*gin.Engine).Routes() {
		if r.Method == http.MethodHead {
			heads[inSpec(r.Path)] = true
			continue
		}
		routed = append(routed, r.Method+" "+inSpec(r.Path))
	}
	document, err := libopenapi.NewDocument(api.OpenAPI())
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	var described []string
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			described = append(described, strings.ToUpper(method)+" "+path)
			if method == "get" {
				require.True(t, heads[path], "HEAD %s comes with GET", path)
			}
		}
	}
	slices.Sort(routed)
	slices.Sort(described)
	require.Equal(t, described, routed)
}

func TestTheSpecificationIsValid(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	ok, errs := b.spec().ValidateDocument()
	require.True(t, ok, "%v", errs)
}

func TestEveryQueryParameterOfTheSpecificationIsTaken(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	document, err := libopenapi.NewDocument(api.OpenAPI())
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	good := map[string]string{
		"limit": "5", "sort": "score", "changed_since": "2026-11-23T11:00:00Z", "from": "2026-11-23T10:00:00Z", "to": "2026-11-23T12:00:00Z", "step": "5m",
		"tier": "1", "grade": "A", "status": "scored", "format": "list", "by": "tier", "live": "off", "cursor": "",
		"kind": "grade_changed", "service": "default/playlist",
	}
	concrete := strings.NewReplacer("{rubric}", "http", "{namespace}", "default", "{name}", "playlist", "{source}", "eu-west")
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		if item.Get == nil {
			continue
		}
		for _, p := range item.Get.Parameters {
			if p.In != "query" {
				continue
			}
			value, ok := good[p.Name]
			if !ok {
				value = "x"
			}
			response := b.get(concrete.Replace(path) + values(p.Name, value))
			require.Equal(t, http.StatusOK, response.StatusCode, "%s?%s=%s: %s", path, p.Name, value, text(t, response))
		}
	}
}

func TestEveryOperationAnswersAsDescribed(t *testing.T) {
	b := newBench(t, fixture.Fleet(60))
	for path, want := range map[string]int{
		"/api/v1/services": 200,
		"/api/v1/services?limit=7&owner=team-library":              200,
		"/api/v1/services/default/playlist":                        200,
		"/api/v1/services/default/nobody":                          404,
		"/api/v1/services/default/Playlist":                        400,
		"/api/v1/services/default/playlist/scorecards":             200,
		"/api/v1/services/default/nobody/scorecards":               404,
		"/api/v1/scorecards":                                       200,
		"/api/v1/scorecards?limit=500&sort=-score":                 200,
		"/api/v1/scorecards?status=unknown":                        200,
		"/api/v1/scorecards?status=not_scored":                     200,
		"/api/v1/scorecards?format=map":                            200,
		"/api/v1/scorecards?format=map&rubric=http&grade=F":        200,
		"/api/v1/scorecards?format=map&limit=5":                    400,
		"/api/v1/scorecards?format=map&rubric=http&rubric=grpc":    400,
		"/api/v1/scorecards?format=xml":                            400,
		"/api/v1/scorecards?limit=501":                             400,
		"/api/v1/scorecards?cursor=nonsense":                       400,
		"/api/v1/scorecards?%zz":                                   400,
		"/api/v1/rollups":                                          200,
		"/api/v1/rollups?by=owner&by=tier&sort=-coverage&limit=3":  200,
		"/api/v1/rollups?rubric=http&name=none":                    200,
		"/api/v1/rollups?by=team":                                  400,
		"/api/v1/scorecards/http/default/playlist":                 200,
		"/api/v1/scorecards/http/default/nobody":                   404,
		"/api/v1/scorecards/grpc/default/playlist":                 404,
		"/api/v1/scorecards/http/default/playlist?x=1":             400,
		"/api/v1/scorecards/http/default/playlist/history":         200,
		"/api/v1/scorecards/http/default/nobody/history":           404,
		"/api/v1/scorecards/http/default/playlist/history?step=x":  400,
		"/api/v1/rubrics":                                          200,
		"/api/v1/rubrics/http":                                     200,
		"/api/v1/rubrics/grpc":                                     404,
		"/api/v1/sources":                                          200,
		"/api/v1/sources?state=failing":                            200,
		"/api/v1/sources/eu-west":                                  200,
		"/api/v1/sources/nowhere":                                  404,
		"/api/v1/events":                                           200,
		"/api/v1/events?kind=grade_changed&service=default/tracks": 200,
		"/api/v1/events?last_event_id=x":                           200,
		"/api/v1/events?kind=grade":                                400,
		"/api/v1/events?service=tracks":                            400,
		"/api/v1/events?limit=5":                                   400,
		"/openapi.yaml":                                            200,
		"/metrics":                                                 200,
		"/metrics/scorecards":                                      200,
		"/-/healthy":                                               200,
		"/-/ready":                                                 200,
		"/":                                                        200,
		"/?by=tier&live=off":                                       200,
		"/?by=color":                                               400,
		"/services/default/playlist":                               200,
		"/services/default/nobody":                                 404,
		"/rubrics":                                                 200,
		"/style.css":                                               200,
		"/favicon.svg":                                             200,
		"/nowhere":                                                 404,
		"/api/v1/services/":                                        404,
		"/api/v1/scorecards/http/default%2Fplaylist":               404,
	} {
		t.Run(path, func(t *testing.T) {
			response := b.get(path)
			require.Equal(t, want, response.StatusCode, text(t, response))
			require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
			require.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
			if path != "/openapi.yaml" {
				require.NotContains(t, text(t, response), "NaN")
			}
		})
	}
}
