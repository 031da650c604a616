package codec

import (
	"cmp"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

func compareKeys(a, b scorecard.Key) int {
	return cmp.Or(cmp.Compare(a.Rubric, b.Rubric), a.Service.Compare(b.Service))
}

type storedChanges struct {
	Changes []storedChange `json:"changes,omitempty"`
}

type storedChange struct {
	Time        time.Time `json:"time,omitzero"`
	Kind        string    `json:"kind,omitzero"`
	Rubric      string    `json:"rubric,omitzero"`
	Namespace   string    `json:"namespace,omitzero"`
	Service     string    `json:"service,omitzero"`
	Environment string    `json:"environment,omitzero"`
	Check       string    `json:"check,omitzero"`
	From        string    `json:"from,omitzero"`
	To          string    `json:"to,omitzero"`
	FromScore   *float64  `json:"from_score,omitzero"`
	ToScore     *float64  `json:"to_score,omitzero"`
	Reason      string    `json:"reason,omitzero"`
	Message     string    `json:"message,omitzero"`
}

// EncodeChanges returns the payload of changes, in their order, without ids and
// generation: those are the store's to give.
func EncodeChanges(changes []scorecard.Change) ([]byte, error) {
	data, err := marshal(storedChanges{convert(changes, newStoredChange)})
	if err != nil {
		return nil, fmt.Errorf("encode changes: %w", err)
	}
	return data, nil
}

// DecodeChanges returns the changes of a payload. They get ids from firstID on,
// and all of them the generation.
func DecodeChanges(payload []byte, firstID, generation uint64) ([]scorecard.Change, error) {
	var stored storedChanges
	if err := unmarshal(payload, &stored); err != nil {
		return nil, fmt.Errorf("decode changes: %w", err)
	}
	changes := convert(stored.Changes, storedChange.change)
	for i := range changes {
		changes[i].ID, changes[i].Generation = firstID+uint64(i), generation
	}
	return changes, nil
}

func newStoredChange(c scorecard.Change) storedChange {
	return storedChange{
		Time: c.Time.UTC(), Kind: string(c.Kind), Rubric: c.Key.Rubric, Namespace: c.Key.Service.Namespace, Service: c.Key.Service.Name,
		Environment: c.Environment, Check: c.Check, From: c.From, To: c.To, FromScore: c.FromScore, ToScore: c.ToScore,
		Reason: c.Reason, Message: c.Message,
	}
}

func (c storedChange) change() scorecard.Change {
	return scorecard.Change{
		Time: c.Time.UTC(), Kind: scorecard.ChangeKind(c.Kind),
		Key:         scorecard.Key{Rubric: c.Rubric, Service: catalog.ID{Namespace: c.Namespace, Name: c.Service}},
		Environment: c.Environment, Check: c.Check, From: c.From, To: c.To, FromScore: c.FromScore, ToScore: c.ToScore,
		Reason: c.Reason, Message: c.Message,
	}
}
