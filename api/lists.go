package api

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
)

// list serves the pages of a table.
func (s *Server) list(spec listing.Spec, table func(*view) *listing.Table) gin.HandlerFunc {
	return s.json(func(r request) ([]byte, error) {
		q, err := spec.Parse(r.values)
		if err != nil {
			return nil, err
		}
		return pageJSON(r, table(r.view), q)
	}, spec.Params()...)
}

// pageJSON writes the envelope of a list around the rows of one page.
func pageJSON(r request, t *listing.Table, q listing.Query) ([]byte, error) {
	page := t.Page(q)
	dst := r.dst
	dst = append(dst, `{"items":[`...)
	for n, i := range page.Rows {
		body, err := t.Body(int(i))
		if err != nil {
			return nil, notEncoded(err)
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = body.Append(dst, r.stale)
	}
	dst = append(dst, `],"next_cursor":`...)
	if page.Next == "" {
		dst = append(dst, "null"...)
	} else {
		dst = append(append(append(dst, '"'), page.Next...), '"') // base64: nothing to escape
	}
	dst = append(dst, `,"total":`...)
	dst = strconv.AppendInt(dst, int64(page.Total), 10)
	dst = append(dst, `,"stale":`...)
	return append(strconv.AppendBool(dst, r.stale), '}'), nil
}

// one answers with the row under the key. What names it, for the message of
// the problem when there is none.
func one(r request, t *listing.Table, k listing.Key, what string) ([]byte, error) {
	i, ok := t.Find(k)
	if !ok {
		return nil, &problem{code: notFound, detail: "there is no " + what + "; the list of them says what there is"}
	}
	body, err := t.Body(i)
	if err != nil {
		return nil, notEncoded(err)
	}
	return body.Append(r.dst, r.stale), nil
}

func notEncoded(err error) error {
	return &problem{code: encodeFailed, detail: "the answer holds something that JSON cannot say, which is a defect of Apgar; the log has it under the request id", cause: err}
}
