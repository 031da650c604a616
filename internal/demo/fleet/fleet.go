// Package fleet invents a music-streaming company: its services, the teams that own them, the systems and domains they
// belong to, what each depends on, and the instances that run in three clusters.
//
// The same seed and number of services always give the same company. The package knows nothing of time, of files or of
// Prometheus.
package fleet

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// MaxServices is the size of the largest fleet that Generate makes.
const MaxServices = 5000

// Fleet is a whole company. It is immutable after Generate.
type Fleet struct {
	// Services are in the order of their making: the hand-named first.
	Services []Service
	Systems  []System
	Domains  []Domain
	Teams    []Team
}

// Domain is a part of the business, with the team that answers for it.
type Domain struct{ Name, Title, Owner string }

// System is a group of services that make up one product capability.
type System struct{ Name, Title, Domain, Owner string }

// Team owns services.
type Team struct{ Name, Title string }

// Service is one entry of the catalog and the instances that run it.
type Service struct {
	Name, Title string
	// Owner is a team's name, or empty for the few services that nobody answers for.
	Owner, System string
	// Tier is 1 (most critical) to 4, or 0 if nobody has set one.
	Tier      int
	Lifecycle string
	Tags      []string
	// Links maps a kind of link (runbook, dashboard) to its address.
	Links map[string]string
	// DependsOn names other services.
	DependsOn []string
	// Version is what the service runs, as in 2.13.4.
	Version string
	// Healthy says that the service meets its objectives as long as no incident strikes it, and is never idle.
	Healthy   bool
	Instances []Instance
}

// Instance is one process of a service in one cluster.
type Instance struct {
	Cluster string
	// Name is the value of the label instance, as in playlist-0:8080.
	Name string
	Load traffic.Load
}

// Clusters returns the names of the clusters, in order.
func Clusters() []string { return []string{"eu-west", "us-east", "ap-south"} }

// Generate makes the company of a seed with that many services, 1 to MaxServices.
func Generate(seed int64, services int) (*Fleet, error) {
	if services < 1 || services > MaxServices {
		return nil, fmt.Errorf("generating a fleet of %d services: the number must be between 1 and %d", services, MaxServices)
	}
	f := &Fleet{Systems: systems(), Domains: domains(), Teams: teams()}
	f.Services = append(f.Services, handNamed()...)
	if services < len(f.Services) {
		f.Services = f.Services[:services]
	}
	f.Services = append(f.Services, systematic(services-len(f.Services), f.Systems)...)
	names := make(map[string]bool, len(f.Services))
	for i := range f.Services {
		names[f.Services[i].Name] = true
	}
	for i := range f.Services {
		s := &f.Services[i]
		s.DependsOn = slices.DeleteFunc(s.DependsOn, func(name string) bool { return !names[name] || name == s.Name })
		finish(s, random(seed, s.Name), services > 100)
	}
	return f, nil
}

// random returns a source that depends on the seed and the service's name only, so that a larger fleet has the same
// services as a smaller one, and more.
func random(seed int64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails to write
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// finish gives a named service everything that chance decides.
func finish(s *Service, r *rand.Rand, large bool) {
	s.Version = fmt.Sprintf("%d.%d.%d", 1+r.IntN(4), r.IntN(30), r.IntN(10))
	s.Tags = []string{"http"}
	s.Lifecycle = "production"
	if s.Tier >= 3 && r.Float64() < 0.12 {
		s.Lifecycle = []string{"experimental", "deprecated"}[r.IntN(2)]
	}
	if s.Tier == 4 && r.Float64() < 0.15 {
		s.Tier = 0
	}
	s.Links = links(s, r)
	if s.Tier != 1 && s.Tier != 2 && r.Float64() < 0.05 {
		s.Owner = ""
	}
	load := usualLoad(s.Tier, r)
	s.Healthy = impair(&load, r, s.Tier)
	load.Version = s.Version
	s.Instances = instances(s.Name, load, r, large)
}

func links(s *Service, r *rand.Rand) map[string]string {
	found := map[string]string{}
	if r.Float64() < 0.85 {
		found["runbook"] = "https://runbooks.example.com/" + s.Name
	}
	if r.Float64() < 0.75 {
		found["dashboard"] = "https://grafana.example.com/d/" + s.Name
	}
	if r.Float64() < 0.5 {
		found["source"] = "https://git.example.com/" + s.System + "/" + s.Name
	}
	return found
}

// instances spreads a service over one to three clusters: about 2.2 instances a service in a small fleet, 1.3 in a large.
func instances(name string, load traffic.Load, r *rand.Rand, large bool) []Instance {
	second, third, another := 0.55, 0.3, 0.2
	if large {
		second, third, another = 0.15, 0.2, 0.1
	}
	clusters := Clusters()
	r.Shuffle(len(clusters), func(i, j int) { clusters[i], clusters[j] = clusters[j], clusters[i] })
	count := 1
	if r.Float64() < second {
		count++
		if r.Float64() < third {
			count++
		}
	}
	var found []Instance
	for _, cluster := range clusters[:count] {
		peak := map[string]float64{"eu-west": 19, "us-east": 1, "ap-south": 14}[cluster]
		for n := range 1 + extra(r, another) {
			one := load
			one.PeakHour = peak
			one.Rate *= 0.9 + 0.2*r.Float64()
			one.DescriptorShare *= 0.95 + 0.1*r.Float64()
			found = append(found, Instance{Cluster: cluster, Name: fmt.Sprintf("%s-%d:8080", name, n), Load: one})
		}
	}
	slices.SortFunc(found, func(a, b Instance) int {
		return slices.Index(Clusters(), a.Cluster) - slices.Index(Clusters(), b.Cluster)
	})
	return found
}

// extra returns how many instances a service has beyond the first: 0 to 2.
func extra(r *rand.Rand, chance float64) int {
	switch p := r.Float64(); {
	case p < chance/5:
		return 2
	case p < chance:
		return 1
	default:
		return 0
	}
}
