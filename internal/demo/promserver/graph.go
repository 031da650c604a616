package promserver

import (
	"net/http"
	"net/url"
)

// graph answers links to the page on which Prometheus shows an expression, which there is none of here, by sending the
// client to the expression's value now. The location is relative, so that it holds behind a proxy that adds a prefix.
func (s *Server) graph(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.databases[r.PathValue("cluster")]; !ok {
		http.NotFound(w, r)
		return
	}
	expr := r.URL.Query().Get("g0.expr")
	if expr == "" {
		http.Error(w, "give an expression, as in /graph?g0.expr=up", http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "api/v1/query?"+url.Values{"query": {expr}}.Encode())
	w.WriteHeader(http.StatusFound)
}
