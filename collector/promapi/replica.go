package promapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// minQuerySecret is the length from which a query value of a base URL is taken for a key rather than for a word.
const minQuerySecret = 8

// replicaSet holds the replicas of a source, and which of them is preferred. The preference is sticky: it moves only
// when the preferred one fails, or when it is told to.
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

// numbered is the replica of a number, from 1, or nil.
func (s *replicaSet) numbered(n int) *replica {
	if n < 1 || n > len(s.all) {
		return nil
	}
	return s.all[n-1]
}

// number is how callers know the replica, from 1.
func (r *replica) number() int { return int(r.index) + 1 }

// Replicas is how many replicas the source has, and the number of the preferred one, from 1.
func (s *Source) Replicas() (n, preferred int) {
	return len(s.replicas.all), s.replicas.current().number()
}

// Prefer makes the replica of a number the preferred one, until it fails or another is made so. A number that there is not
// changes nothing.
func (s *Source) Prefer(number int) {
	next := s.replicas.numbered(number)
	if next == nil {
		return
	}
	before := s.replicas.preferred.Swap(next.index)
	if before == next.index {
		return
	}
	s.metrics.moved(s.name)
	s.log.Warn("Replica has less than another, which is preferred now",
		"replica", s.replicas.all[before].shown, "preferred", next.shown)
}

// GoOnFrom prefers the replica that another Source of the same replicas prefers: the one in whose place this one stands after
// a reload. Where the replicas are not the same, it changes nothing.
func (s *Source) GoOnFrom(before *Source) {
	same := slices.EqualFunc(s.replicas.all, before.replicas.all, func(a, b *replica) bool { return a.shown == b.shown })
	if same {
		s.replicas.preferred.Store(before.replicas.preferred.Load())
	}
}

// StartTime asks the replica of a number, from 1, once, since when its process has run. Prometheus and Thanos say so; others have no
// such endpoint, and then the error is about that. The error is an [*Error].
func (s *Source) StartTime(ctx context.Context, number int) (time.Time, error) {
	sink := &statusSink{field: resultRuntime.statusField()}
	report, err := s.ask(ctx, &request{
		op: opStartTime, path: "/api/v1/status/runtimeinfo", method: http.MethodGet, want: resultRuntime, sink: sink, only: number,
	})
	if err != nil {
		return time.Time{}, err
	}
	started, err := time.Parse(time.RFC3339Nano, sink.value)
	if err != nil {
		return time.Time{}, faultf(KindMalformed, "the startTime of the answer is no time").of(s.name, opStartTime, report.Replica)
	}
	return started, nil
}
