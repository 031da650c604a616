package listing_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/listing"
)

func TestWhatCannotBeServedIsNamedWithWhatIsAllowed(t *testing.T) {
	for text, want := range map[string]string{
		"grade=G":                       `parameter "grade": "G" is not among its values; allowed are A, B, C, D, F, none`,
		"grade=A&grade=x":               `parameter "grade": "x" is not among its values; allowed are A, B, C, D, F, none`,
		"tier=5":                        `parameter "tier": "5" is not among its values; allowed are 1, 2, 3, 4, none`,
		"gradee=A":                      `parameter "gradee": there is no such parameter here; allowed are owner, tag, tier, grade, q, changed_since, sort, limit, cursor`,
		"limit=501":                     `parameter "limit": "501" is no limit; allowed is a whole number from 1 to 500`,
		"limit=0":                       `parameter "limit": "0" is no limit; allowed is a whole number from 1 to 500`,
		"limit=ten":                     `parameter "limit": "ten" is no limit; allowed is a whole number from 1 to 500`,
		"sort=color":                    `parameter "sort": "color" is no order; allowed are rubric, service, score, -score, coverage, -coverage, changed, -changed`,
		"changed_since=noon":            `parameter "changed_since": "noon" is no time; allowed are RFC 3339, like 2026-11-23T12:00:00Z, and seconds since 1970`,
		"changed_since=-5":              `parameter "changed_since": "-5" is no time; allowed are RFC 3339, like 2026-11-23T12:00:00Z, and seconds since 1970`,
		"q=a%00b":                       `parameter "q": it holds a control character or is no UTF-8; allowed is printable text`,
		"owner=%ff":                     `parameter "owner": it holds a control character or is no UTF-8; allowed is printable text`,
		"q=" + strings.Repeat("x", 129): `parameter "q": it has 129 characters; allowed are up to 128`,
	} {
		values, err := url.ParseQuery(text)
		require.NoError(t, err)
		_, err = spec().Parse(values)
		require.EqualError(t, err, want)
	}
}

func TestAParameterGivenTooOftenIsRefused(t *testing.T) {
	_, err := spec().Parse(url.Values{"owner": make([]string, 51)})
	require.EqualError(t, err, `parameter "owner": it is given 51 times; allowed are up to 50`)
}

func TestACursorIsRefusedWhereItDoesNotBelong(t *testing.T) {
	table := listing.New(rows(30))
	good := table.Page(query(t, "limit=5&sort=score")).Next
	require.NotEmpty(t, good)
	flipped := []byte(good)
	flipped[20] ^= 1
	for name, text := range map[string]string{
		"another order":       "sort=-score&cursor=" + good,
		"another filter":      "sort=score&owner=team-1&cursor=" + good,
		"a changed letter":    "sort=score&cursor=" + string(flipped),
		"a shorter one":       "sort=score&cursor=" + good[:len(good)-3],
		"no base64":           "sort=score&cursor=~~~",
		"an empty signature":  "sort=score&cursor=AAAA",
		"one with a line end": "sort=score&cursor=" + good[:9] + "%0D" + good[9:],
		"one made up":         "sort=score&cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`12345678{"l":"x","a":{}}`)),
		"one that is huge":    "sort=score&cursor=" + strings.Repeat("A", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			values, err := url.ParseQuery(text)
			require.NoError(t, err)
			_, err = spec().Parse(values)
			require.ErrorAs(t, err, new(*listing.CursorError))
		})
	}
	other := spec()
	other.List = "other things"
	_, err := other.Parse(url.Values{"sort": {"score"}, "cursor": {good}})
	require.ErrorContains(t, err, "another filter or order")
}

func TestACursorIsGoodWithAnotherLimitAndAnyOrderOfItsFilters(t *testing.T) {
	table := listing.New(rows(60))
	next := table.Page(query(t, "limit=3&owner=team-0&owner=team-1&tag=all")).Next
	require.NotEmpty(t, next)
	query(t, "limit=9&tag=all&owner=team-1&owner=team-0&cursor="+next)
}

// FuzzQuery holds that any query string is either refused with a reason or
// gives a page, without a panic.
func FuzzQuery(f *testing.F) {
	table := listing.New(rows(50))
	f.Add("limit=5&sort=score&owner=team-1&q=s0&changed_since=1003&cursor=" + table.Page(query(f, "limit=5&sort=score")).Next)
	f.Add("tier=1&grade=none&cursor=AAAAAAAAAAAAAAAA")
	f.Add("limit=99999999999999999999&sort=&q=%ff")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := spec().Parse(values)
		if err != nil {
			param, isParam := errors.AsType[*listing.ParamError](err)
			_, isCursor := errors.AsType[*listing.CursorError](err)
			require.True(t, isParam || isCursor)
			if isParam {
				require.NotEmpty(t, param.Reason)
			}
			return
		}
		page := table.Page(q)
		require.LessOrEqual(t, len(page.Rows), listing.MaxLimit)
		require.GreaterOrEqual(t, page.Total, len(page.Rows))
	})
}

// FuzzCursor holds that nothing but a cursor of this list is taken for one.
func FuzzCursor(f *testing.F) {
	table := listing.New(rows(50))
	made := map[string]bool{}
	for cursor := ""; ; {
		cursor = table.Page(query(f, "limit=7&sort=coverage&cursor="+cursor)).Next
		if cursor == "" {
			break
		}
		made[cursor] = true
		f.Add(cursor)
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		_, err := spec().Parse(url.Values{"limit": {"7"}, "sort": {"coverage"}, "cursor": {cursor}})
		if cursor != "" && !made[cursor] {
			require.ErrorAs(t, err, new(*listing.CursorError))
		}
	})
}

func BenchmarkPage(b *testing.B) {
	table := listing.New(rows(5000))
	for _, text := range []string{"limit=100", "limit=100&sort=score", "limit=100&sort=score&owner=team-1&tag=t1", "q=42"} {
		q := query(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Page(q)
			}
		})
	}
}
