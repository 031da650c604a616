package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
)

// request is what an endpoint is asked. It outlives no handler.
type request struct {
	ctx    context.Context
	view   *view
	stale  bool
	now    time.Time
	values url.Values
	param  func(name string) string // of the path; checked
	dst    []byte                   // empty; what a JSON endpoint appends its answer to
}

// endpoint answers with a JSON document. It must not write anything itself:
// only a complete body is sent.
type endpoint func(r request) ([]byte, error)

// maxPooledBytes is the largest buffer that is kept for the next answer.
const maxPooledBytes = 4 << 20

// json serves an endpoint; params are the query parameters it takes.
func (s *Server) json(e endpoint, params ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !accepts(c.Request.Header.Values("Accept"), "application/json") {
			s.fail(c, &problem{code: notAcceptable, detail: "the Accept header rules out application/json, and nothing else is served here; leave it out"})
			return
		}
		r, err := s.request(c, params)
		if err != nil {
			s.fail(c, err)
			return
		}
		c.Header("Vary", "Accept")
		buffer, _ := s.buffers.Get().(*[]byte)
		if buffer == nil {
			buffer = new([]byte)
		}
		r.dst = (*buffer)[:0]
		s.conditional(c, r, "application/json", func() ([]byte, error) {
			body, err := e(r)
			if cap(body) <= maxPooledBytes {
				*buffer = body
			}
			return body, err
		})
		s.buffers.Put(buffer)
	}
}

// request checks what an endpoint relies upon and gathers it.
func (s *Server) request(c *gin.Context, params []string) (request, error) {
	for _, p := range c.Params {
		if err := checkID(p.Key, p.Value); err != nil {
			return request{}, err
		}
	}
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return request{}, &problem{code: invalidParameter, detail: "the query string cannot be read; percent-encode what is no letter or digit"}
	}
	if err := listing.KnownParams(values, params); err != nil {
		return request{}, err
	}
	snap, stale := s.reader.Current()
	if snap == nil {
		return request{}, noSnapshot()
	}
	return request{ctx: c.Request.Context(), view: s.views.of(snap), stale: stale, now: s.now(), values: values, param: c.Param}, nil
}

// conditional answers 304 to a client that has this answer of this generation
// already, and otherwise the body with what it needs to ask so next time.
func (s *Server) conditional(c *gin.Context, r request, contentType string, body func() ([]byte, error)) {
	tag := etag(r.view.tag, strconv.FormatBool(r.stale), c.Request.URL.Path, c.Request.URL.RawQuery)
	held := c.Request.Header.Values("If-None-Match")
	if !anyTag(held) && holds(held, tag) {
		notModified(c, r, tag)
		return
	}
	b, err := body()
	switch {
	case err != nil:
		s.fail(c, err)
	case anyTag(held):
		notModified(c, r, tag)
	default:
		setValidators(c, r, tag)
		write(c, http.StatusOK, contentType, b)
	}
}

func notModified(c *gin.Context, r request, tag string) {
	setValidators(c, r, tag)
	c.Status(http.StatusNotModified)
	c.Writer.WriteHeaderNow()
}

// setValidators lets a client keep an answer until the next tick is due, or
// makes it ask again at once while answers are stale.
func setValidators(c *gin.Context, r request, tag string) {
	c.Header("ETag", tag)
	if snap := r.view.snap; snap.Interval > 0 && !r.stale {
		due := snap.CommittedAt.Add(snap.Interval).Sub(r.now)
		seconds := int(min(max(due, time.Second), snap.Interval).Seconds())
		c.Header("Cache-Control", fmt.Sprintf("max-age=%d", max(seconds, 1)))
		return
	}
	c.Header("Cache-Control", "no-cache")
}

// write sends a complete body with its length.
func write(c *gin.Context, status int, contentType string, body []byte) {
	h := c.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.Writer.WriteHeader(status)
	c.Writer.WriteHeaderNow()
	if c.Request.Method != http.MethodHead {
		_, _ = c.Writer.Write(body) // a client that has gone needs no answer
	}
}

// etag names the parts; the same parts give the same tag.
func etag(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return `"` + hex.EncodeToString(h.Sum(nil)[:12]) + `"`
}

// holds reports whether a client holds the tag, compared weakly as RFC 9110
// asks for If-None-Match.
func holds(headers []string, tag string) bool {
	for _, h := range headers {
		for one := range strings.SplitSeq(h, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// anyTag reports whether a client says that it holds any answer at all; then
// only an answer that exists is not modified.
func anyTag(headers []string) bool {
	return len(headers) == 1 && strings.TrimSpace(headers[0]) == "*"
}

// accepts reports whether a client takes a media type.
func accepts(headers []string, media string) bool {
	if len(headers) == 0 {
		return true
	}
	family, _, _ := strings.Cut(media, "/")
	accepted, ranked := false, -1
	for _, h := range headers {
		for one := range strings.SplitSeq(h, ",") {
			kind, params, err := mime.ParseMediaType(strings.TrimSpace(one))
			if err != nil {
				continue
			}
			rank := map[string]int{"*/*": 1, family + "/*": 2, media: 3}[kind]
			if rank == 0 || rank < ranked {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			ranked, accepted = rank, params["q"] == "" || err != nil || q > 0
		}
	}
	return accepted
}

// checkID refuses what no id can be. A source may begin with any of the
// characters.
func checkID(param, id string) error {
	ok := len(id) >= 1 && len(id) <= 63
	for i := range len(id) {
		ch := id[i]
		alnum := ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9'
		ok = ok && (alnum || (ch == '.' || ch == '_' || ch == '-') && (i > 0 || param == "source"))
	}
	if ok {
		return nil
	}
	return &problem{code: invalidParameter, param: param, detail: fmt.Sprintf(
		"the %s in the path is no id; ids match [a-z0-9][a-z0-9._-]{0,62}, in lower case", param)}
}
