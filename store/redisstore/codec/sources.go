package codec

import (
	"fmt"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

type storedSources struct {
	Sources    []storedSource   `json:"sources,omitempty"`
	Identities []storedIdentity `json:"identities,omitempty"`
}

type storedSource struct {
	Name        string    `json:"name,omitzero"`
	Environment string    `json:"environment,omitzero"`
	State       string    `json:"state,omitzero"`
	Cells       []string  `json:"cells,omitempty"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitzero"`
	Replica     string    `json:"replica,omitzero"`
	Tick        time.Time `json:"tick,omitzero"`
	Queries     int       `json:"queries,omitzero"`
	Failed      int       `json:"failed,omitzero"`
	Samples     int64     `json:"samples,omitzero"`
	Duration    seconds   `json:"duration,omitzero"`
	Unmatched   int       `json:"unmatched,omitzero"`
}

// storedIdentity is an identity report.
type storedIdentity struct {
	Identity  string           `json:"identity,omitzero"`
	Conflicts []storedConflict `json:"conflicts,omitempty"`
	Unreached []storedID       `json:"unreached,omitempty"`
}

type storedConflict struct {
	Labels   string     `json:"labels,omitzero"`
	Services []storedID `json:"services,omitempty"`
}

type storedID struct {
	Namespace string `json:"namespace,omitzero"`
	Name      string `json:"name,omitzero"`
}

// EncodeSources returns the payload of what is known of the sources, and of what
// the catalog and the series do not agree on, in their order.
func EncodeSources(sources []scorecard.SourceStatus, identities []scorecard.IdentityReport) ([]byte, error) {
	data, err := marshal(storedSources{
		Sources:    convert(sources, newStoredSource),
		Identities: convert(identities, newStoredIdentity),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the sources: %w", err)
	}
	return data, nil
}

// DecodeSources returns what EncodeSources was given.
func DecodeSources(payload []byte) ([]scorecard.SourceStatus, []scorecard.IdentityReport, error) {
	var stored storedSources
	if err := unmarshal(payload, &stored); err != nil {
		return nil, nil, fmt.Errorf("decode the sources: %w", err)
	}
	return convert(stored.Sources, storedSource.status), convert(stored.Identities, storedIdentity.report), nil
}

func newStoredSource(s scorecard.SourceStatus) storedSource {
	return storedSource{
		Name: s.Name, Environment: s.Environment, State: s.State, Cells: s.Cells, LastSuccess: s.LastSuccess.UTC(),
		LastError: s.LastError, Replica: s.Replica, Tick: s.Tick.UTC(), Queries: s.Queries, Failed: s.Failed,
		Samples: s.Samples, Duration: seconds(s.Duration), Unmatched: s.Unmatched,
	}
}

func (s storedSource) status() scorecard.SourceStatus {
	return scorecard.SourceStatus{
		Name: s.Name, Environment: s.Environment, State: s.State, Cells: s.Cells, LastSuccess: s.LastSuccess.UTC(),
		LastError: s.LastError, Replica: s.Replica, Tick: s.Tick.UTC(), Queries: s.Queries, Failed: s.Failed,
		Samples: s.Samples, Duration: time.Duration(s.Duration), Unmatched: s.Unmatched,
	}
}

func newStoredIdentity(r scorecard.IdentityReport) storedIdentity {
	return storedIdentity{
		Identity: r.Identity, Conflicts: convert(r.Conflicts, newStoredConflict), Unreached: convert(r.Unreached, newStoredID),
	}
}

func (r storedIdentity) report() scorecard.IdentityReport {
	return scorecard.IdentityReport{
		Identity: r.Identity, Conflicts: convert(r.Conflicts, storedConflict.conflict), Unreached: convert(r.Unreached, storedID.id),
	}
}

func newStoredConflict(c scorecard.IdentityConflict) storedConflict {
	return storedConflict{Labels: c.Labels, Services: convert(c.Services, newStoredID)}
}

func (c storedConflict) conflict() scorecard.IdentityConflict {
	return scorecard.IdentityConflict{Labels: c.Labels, Services: convert(c.Services, storedID.id)}
}

func newStoredID(id catalog.ID) storedID { return storedID(id) }
func (id storedID) id() catalog.ID       { return catalog.ID(id) }
