package api_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// hostile is what somebody may put into a catalog or a metric to harm who
// looks at it.
const hostile = `"><script>document.title="owned"</script><img src=x onerror=alert(1)>'--><svg/onload=alert(1)>{{.}}`

// hostileFleet has the text wherever text can be.
func hostileFleet() *scorecard.Snapshot {
	snap := fixture.Fleet(6)
	for _, s := range snap.Catalog.Services() {
		s.Title, s.Description, s.Owner, s.System, s.Domain, s.Lifecycle, s.Type = hostile, hostile, hostile, hostile, hostile, hostile, hostile
		s.Tags = []string{hostile}
		s.Labels = map[string]string{hostile: hostile}
		s.Links = map[string]string{hostile: "javascript:alert(1)", "data": "data:text/html," + hostile, "good": "https://example.org/" + hostile}
		s.Relations = []catalog.Relation{{Type: hostile, Target: hostile}}
	}
	for _, c := range snap.Scorecards {
		c.RubricVersion, c.CappedBy = hostile, hostile
		for i := range c.Results {
			r := &c.Results[i]
			r.Check, r.Title, r.Severity, r.Reason, r.Message, r.Unit, r.Missing = hostile, hostile, hostile, hostile, hostile, hostile, hostile
			r.Carried, r.Evidence = true, "javascript:alert(1)"
			for j := range r.Cells {
				r.Cells[j].Source, r.Cells[j].Cell, r.Cells[j].Fault = hostile, hostile, hostile
			}
		}
	}
	for i := range snap.Sources {
		snap.Sources[i].State, snap.Sources[i].LastError = hostile, hostile
	}
	for _, r := range snap.Rubrics {
		r.Title, r.Description = hostile, hostile
		for _, c := range r.Checks {
			c.Title, c.Why, c.Fix, c.Level = hostile, hostile, hostile, hostile
		}
	}
	return snap
}

func pagePaths(snap *scorecard.Snapshot) []string {
	paths := []string{"/", "/?by=owner", "/?q=%3Cscript%3E", "/?by=tier&live=off", "/rubrics"}
	for _, s := range snap.Catalog.Services() {
		paths = append(paths, "/services/"+s.ID.String())
	}
	return paths
}

func TestHostileTextDoesNotBecomeMarkup(t *testing.T) {
	snap := hostileFleet()
	b := newBench(t, snap)
	tag, value := regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`="[^"]*"`)
	link := regexp.MustCompile(`(?i)(href|src|action)="\s*(javascript|data):`)
	markup := regexp.MustCompile(`(?i)<(script|img|svg/)|\son[a-z]+`)
	for _, path := range pagePaths(snap) {
		response := b.get(path)
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		for _, one := range tag.FindAllString(text(t, response), -1) {
			require.NotRegexp(t, link, one, path)
			require.NotRegexp(t, markup, value.ReplaceAllString(one, ""), path)
		}
	}
}

func TestPagesLoadNothingAndRunNothing(t *testing.T) {
	b := newBench(t, fixture.Fleet(12))
	for _, path := range pagePaths(fixture.Fleet(12)) {
		response := b.get(path)
		require.Equal(t, "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			response.Header.Get("Content-Security-Policy"))
		require.NotContains(t, text(t, response), "style=", path)
		require.NotRegexp(t, `(src|href)="(https?:)?//[^"]*\.(js|css)`, text(t, response))
	}
}

func TestTheFrontPageLinksEveryServiceAndEverythingElse(t *testing.T) {
	for _, n := range []int{0, 1, 12, 60, 400, 1500, 2500, 5000} {
		t.Run(fmt.Sprintf("with %d services", n), func(t *testing.T) {
			snap := fixture.Fleet(n)
			b := newBench(t, snap, quiet)
			got := text(t, b.get("/"))
			for _, s := range snap.Catalog.Services() {
				require.Contains(t, got, `href="/services/`+s.ID.String()+`" title="`+s.ID.Name+`: `)
			}
			if n > 0 {
				require.Contains(t, got, `title="playlist: 59.0 F (http)"`)
			}
			for _, href := range []string{
				"/rubrics", "/openapi.yaml", "/metrics", "/metrics/scorecards", "/api/v1/services", "/api/v1/scorecards", "/api/v1/sources",
				"http://127.0.0.1:8485/eu-west",
			} {
				require.Contains(t, got, `href="`+href+`"`)
			}
			require.Contains(t, got, "1.2.3")
			require.Contains(t, got, "2026-11-23 12:00:00 UTC")
			require.Contains(t, got, "ap-south failing")
		})
	}
}

func TestLinksOfPagesCarryThePathOfTheExternalURL(t *testing.T) {
	b := newBench(t, fixture.Fleet(3), func(o *api.Options) { o.ExternalURL = "https://example.org/apgar/" })
	for _, path := range []string{"/", "/services/default/playlist", "/rubrics"} {
		for _, href := range regexp.MustCompile(`(?:href|action)="(/[^"]*)"`).FindAllStringSubmatch(text(t, b.get(path)), -1) {
			require.True(t, strings.HasPrefix(href[1], "/apgar/"), href[1])
		}
	}
}

func TestTheFleetCanBeSearchedAndGrouped(t *testing.T) {
	b := newBench(t, fixture.Fleet(60))
	got := text(t, b.get("/?q=PLAYLIST&by=owner"))
	require.Equal(t, 2, strings.Count(got, "<b>"+"F</b><span>playlist")+strings.Count(got, "<span>playlist-2"))
	require.NotContains(t, got, "<span>search</span>")
	require.Contains(t, got, `value="PLAYLIST"`)
	require.Contains(t, text(t, b.get("/?by=tier")), "no tier")
	require.Contains(t, text(t, b.get("/?q=zzz")), "No service matches")
	require.Contains(t, text(t, b.get("/")), `http-equiv="refresh" content="60"`)
	require.NotContains(t, text(t, b.get("/?live=off")), `http-equiv="refresh"`)
}

func TestThePageOfAServiceSaysWhyItHasItsScore(t *testing.T) {
	b := newBench(t, fixture.Fleet(60))
	got := text(t, b.get("/services/default/playlist"))
	for _, want := range []string{
		"Capped by availability", "without the cap it would be 60.0", "4.6 % of 1,284 requests failed", "99.931 %", "31 % left", "46.0×", "−38.2",
		`class="line" d="M`, "score from Nov 22 12:05 to Nov 23 12:00", "burning_fast since 2026-11-23 11:52:00 UTC", "eu-west", `href="/services/default/tracks"`,
		`href="https://runbooks.example.org/playlist"`, `href="/rubrics#http"`,
	} {
		require.Contains(t, got, want)
	}
	got = text(t, b.get("/services/default/artists"))
	for _, want := range []string{"The last one was 97.2", "between 31.0 and 98.6", "source_error", "us-east has not answered"} {
		require.Contains(t, got, want)
	}
}

func TestWhatGoesWrongIsAPageToo(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	response := b.get("/services/default/nobody")
	require.Equal(t, "text/html; charset=utf-8", response.Header.Get("Content-Type"))
	require.Contains(t, text(t, response), "The catalog has no service default/nobody.")
}

func TestAServiceWithSeveralScorecardsIsShownByItsWorst(t *testing.T) {
	snap := fixture.Fleet(1)
	other := *snap.Scorecards[0]
	other.Rubric, other.Score, other.Grade = "security", new(93.2), "A"
	blind := *snap.Scorecards[0]
	blind.Rubric, blind.Score, blind.Grade, blind.Status = "cost", nil, "", scorecard.Unknown
	snap.Scorecards = []*scorecard.Scorecard{&blind, snap.Scorecards[0], &other}
	page := text(t, newBench(t, snap).get("/"))
	require.Contains(t, page, `class="f blind" href="/services/default/playlist" title="playlist: 59.0 F (http), unknown (cost), 93.2 A (security)"`)
	require.Contains(t, page, "1 with unknown")
}

func TestADraftDoesNotSpeakOnTheFrontPage(t *testing.T) {
	snap := fixture.Fleet(1)
	draft := *snap.Scorecards[0]
	draft.Rubric, draft.Score, draft.Grade, draft.Status = "next", nil, "", scorecard.Unknown
	draft.Draft = true
	snap.Rubrics = append(snap.Rubrics, &rubric.Rubric{Name: "next", Draft: true})
	snap.Scorecards = append(snap.Scorecards, &draft)
	page := text(t, newBench(t, snap).get("/"))
	require.Contains(t, page, `class="f" href="/services/default/playlist" title="playlist: 59.0 F (http)"`)
	require.NotContains(t, page, "with unknown")
}
