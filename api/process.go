package api

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// specification is the contract, as it is served.
//
//go:embed openapi.yaml
var specification []byte

// OpenAPI returns a copy of the API's description, openapi.yaml.
func OpenAPI() []byte { return append([]byte(nil), specification...) }

func (s *Server) openAPI(c *gin.Context) {
	s.asset("application/yaml", specification)(c)
}

// asset serves bytes that change with the program only.
func (s *Server) asset(contentType string, body []byte) gin.HandlerFunc {
	tag := etag(string(body))
	return func(c *gin.Context) {
		c.Header("ETag", tag)
		c.Header("Cache-Control", "max-age=3600")
		if holds(c.Request.Header.Values("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return
		}
		write(c, http.StatusOK, contentType, body)
	}
}

// healthy says that the process answers. It depends on nothing else, so that
// no outage of Prometheus or a store restarts the process.
func (s *Server) healthy(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	write(c, http.StatusOK, "text/plain; charset=utf-8", []byte("Apgar is healthy.\n"))
}

// ready says that there is something to serve, stale or not.
func (s *Server) ready(c *gin.Context) {
	snap, stale := s.reader.Current()
	if snap == nil {
		s.fail(c, noSnapshot())
		return
	}
	text := "Apgar is ready.\n"
	if stale {
		text = "Apgar is ready, and serves stale scorecards.\n"
	}
	c.Header("Cache-Control", "no-store")
	write(c, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// reloadNow reloads the configuration. A page of another site may not make a
// browser ask for it.
func (s *Server) reloadNow(c *gin.Context) {
	if err := s.origin.Check(c.Request); err != nil {
		s.fail(c, &problem{code: crossOrigin, detail: "a reload is not taken from a page of another site; send it from the server's own or from a terminal", cause: err})
		return
	}
	if err := s.reload(c.Request.Context()); err != nil {
		s.fail(c, &problem{code: reloadFailed, detail: "the old configuration stays in force; the log says what is wrong with the new one", cause: err})
		return
	}
	c.Header("Cache-Control", "no-store")
	write(c, http.StatusOK, "text/plain; charset=utf-8", []byte("The configuration was reloaded.\n"))
}
