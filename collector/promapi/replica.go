package promapi

import (
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
)

// minQuerySecret is the length from which a query value of a base URL is taken for a key rather than for a word.
const minQuerySecret = 8

// replicaSet holds the replicas of a source, and which of them is preferred. The preference is sticky: it moves only
// when the preferred one fails.
type replicaSet struct {
	all       []*replica
	preferred atomic.Uint32
}

// replica is one base URL, taken apart so that no secret is left in what is shown. It is immutable but for getOnly.
type replica struct {
	index    uint32
	base     url.URL // without userinfo, query and fragment
	query    url.Values
	user     string
	password string
	hasUser  bool
	// shown is the URL to log.
	shown string
	// secrets are parts of the URL to be hidden in remote text.
	secrets []string
	// getOnly is set once the replica refused POST.
	getOnly atomic.Bool
}

func newReplicaSet(source string, urls []string) (*replicaSet, error) {
	set := &replicaSet{}
	for i, text := range urls {
		r, ok := newReplica(text)
		if !ok {
			// The URL itself may hold a password, and so may the parser's reason.
			return nil, fmt.Errorf("reading the URL of replica %d of source %q: it is no absolute http or https URL; "+
				"write it like http://host:9090/prefix, with special characters of a password percent-encoded", i+1, source)
		}
		r.index = uint32(i)
		set.all = append(set.all, r)
	}
	return set, nil
}

func newReplica(text string) (*replica, bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, false
	}
	r := &replica{query: query}
	if u.User != nil {
		r.hasUser = true
		r.user = u.User.Username()
		r.password, _ = u.User.Password()
		r.secrets = append(r.secrets, r.user, r.password)
	}
	for _, values := range query {
		for _, value := range values {
			if len(value) >= minQuerySecret {
				r.secrets = append(r.secrets, value)
			}
		}
	}
	r.base = url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	r.shown = strings.TrimSuffix(r.base.String(), "/")
	return r, true
}

// endpoint is the URL of an API path at this replica, with the base URL's own query.
func (r *replica) endpoint(path string) *url.URL {
	u := r.base.JoinPath(path)
	u.RawQuery = r.query.Encode()
	return u
}

// current is the preferred replica.
func (s *replicaSet) current() *replica {
	return s.all[s.preferred.Load()]
}

// moveFrom prefers the next replica after the given one failed, and says whether it was this call that did so: however
// many questions fail together, the preference moves one step.
func (s *replicaSet) moveFrom(failed *replica) bool {
	if len(s.all) < 2 {
		return false
	}
	next := (failed.index + 1) % uint32(len(s.all))
	return s.preferred.CompareAndSwap(failed.index, next)
}
