package redisstore

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// draft is a generation that is ready to be staged: its objects and the names
// that its manifest will have.
type draft struct {
	commit  string
	body    body
	roots   [shardCount]root
	objects []object
	changes []any // batches, as the script takes them: number, content, number, content …
}

// drafter makes the draft of one commit.
type drafter struct {
	s      *Store
	base   *base
	commit *scorecard.Commit
	name   string // of the commit
	cards  [shardCount][]*scorecard.Scorecard
	states [shardCount]map[scorecard.Key]*scorecard.State
	pages  [shardCount][]slo.Page
	parts  [shardCount][]scorecard.HistoryRow // of the history: backlog and this tick
}

// draft encodes a commit upon a base, whose open blocks of history it writes to.
func (s *Store) draft(b *base, c *scorecard.Commit, name string) (*draft, error) {
	d := &drafter{s: s, base: b, commit: c, name: name}
	d.deal()
	out := &draft{commit: name, body: s.succeed(b.manifest, c)}
	if err := d.head(out); err != nil {
		return nil, err
	}
	common := out.body.common()
	var objects [shardCount][]object
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for shard := range shardCount {
		group.Go(func() error {
			w := &shardDraft{drafter: d, shard: shard}
			if err := w.encode(common, out); err != nil {
				return fmt.Errorf("encode shard %d: %w", shard, err)
			}
			objects[shard] = w.objects
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, list := range objects {
		out.objects = append(out.objects, list...)
	}
	return out, d.events(out)
}

// succeed numbers the generation that a commit makes: the next one, or the first
// of a new incarnation where what was told of the last is lost.
func (s *Store) succeed(last *manifest, c *scorecard.Commit) body {
	b := body{
		Generation: 1, Incarnation: randomID(), Epoch: c.Epoch, Tick: c.Snapshot.Tick,
		LastChange: uint64(len(c.Changes)), Interval: c.Snapshot.Interval,
	}
	if last != nil && !s.owes.forked(last) {
		b.Incarnation, b.Generation = last.Incarnation, last.Generation+1
		b.LastChange += last.LastChange
	}
	if cards := c.Snapshot.Scorecards; len(cards) > 0 {
		b.EvaluatedAt, b.Environment = cards[0].EvaluatedAt, cards[0].Environment
	}
	return b
}

// deal sorts what was committed by shard.
func (d *drafter) deal() {
	for _, card := range d.commit.Snapshot.Scorecards {
		shard := shardOf(card.Service.ID)
		d.cards[shard] = append(d.cards[shard], card)
	}
	for key, state := range d.commit.States {
		shard := shardOf(key.Service)
		if d.states[shard] == nil {
			d.states[shard] = map[scorecard.Key]*scorecard.State{}
		}
		d.states[shard][key] = state
	}
	for _, page := range d.commit.Ledger {
		d.pages[page.Shard] = append(d.pages[page.Shard], page)
	}
	rows := append(d.commit.BacklogSince(d.base.lastTick()), scorecard.HistoryOf(d.commit.Snapshot))
	for i := range d.parts {
		d.parts[i] = make([]scorecard.HistoryRow, len(rows))
	}
	for i, row := range rows {
		for shard := range d.parts {
			d.parts[shard][i].Tick = row.Tick
		}
		for _, p := range row.Points {
			part := &d.parts[shardOf(p.Key.Service)][i]
			part.Points = append(part.Points, p)
		}
	}
}

func shardOf(id catalog.ID) int { return slo.ShardOf(id.String()) }

// known reports whether the catalog of the snapshot has this very service, so
// that its id is enough.
func (d *drafter) known(service *catalog.Service) bool {
	cat := d.commit.Snapshot.Catalog
	if cat == nil {
		return false
	}
	known, ok := cat.Service(service.ID)
	return ok && known == service
}

// head encodes what all shards have in common.
func (d *drafter) head(out *draft) error {
	snap := d.commit.Snapshot
	var before body
	if d.base.manifest != nil {
		before = d.base.manifest.body
	}
	for _, part := range []struct {
		kind   kind
		name   *string
		before string
		encode func() ([]byte, error)
	}{
		{kindCatalog, &out.body.Catalog, before.Catalog, func() ([]byte, error) { return encodeCatalog(snap.Catalog) }},
		{kindRubrics, &out.body.Rubrics, before.Rubrics, func() ([]byte, error) { return encodeRubrics(snap.Rubrics) }},
		{kindSources, &out.body.Sources, before.Sources, func() ([]byte, error) { return codec.EncodeSources(snap.Sources, snap.Identities) }},
	} {
		payload, err := part.encode()
		if err != nil {
			return fmt.Errorf("encode the %s: %w", part.kind, err)
		}
		if payload == nil {
			continue
		}
		w := &shardDraft{drafter: d, shard: headShard}
		if *part.name, err = w.seal(part.kind, payload, part.before); err != nil {
			return err
		}
		out.objects = append(out.objects, w.objects...)
	}
	return nil
}

// encodeCatalog is nil for no catalog.
func encodeCatalog(c *catalog.Snapshot) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	return codec.EncodeCatalog(c)
}

// encodeRubrics is nil for no rubrics.
func encodeRubrics(rubrics []*rubric.Rubric) ([]byte, error) {
	if len(rubrics) == 0 {
		return nil, nil
	}
	return codec.EncodeRubrics(rubrics)
}

// shardDraft is the part of a draft that one shard has.
type shardDraft struct {
	*drafter
	shard   int
	objects []object
}

func (d *shardDraft) encode(common codec.Common, out *draft) error {
	r := d.base.roots[d.shard]
	next := &out.roots[d.shard]
	cards, before, beforeRoot := d.cards[d.shard], "", ""
	if m := d.base.manifest; m != nil {
		before, beforeRoot = m.Cards[d.shard], m.Roots[d.shard]
	}
	if len(cards) > 0 {
		payload, err := codec.EncodeCards(cards, common, d.known)
		if err != nil {
			return err
		}
		if out.body.Cards[d.shard], err = d.seal(kindCards, payload, before); err != nil {
			return err
		}
	}
	if states := d.states[d.shard]; len(states) > 0 {
		payload, err := codec.EncodeStates(states)
		if err != nil {
			return err
		}
		if next.States, err = d.seal(kindStates, payload, r.States); err != nil {
			return err
		}
	}
	if err := d.history(&r, next); err != nil {
		return err
	}
	if err := d.ledger(&r, next); err != nil {
		return err
	}
	return d.root(next, beforeRoot, out)
}

// root seals the list of what the shard has, unless that is nothing.
func (d *shardDraft) root(r *root, before string, out *draft) error {
	if r.States == "" && len(r.History) == 0 && len(r.Ledger) == 0 {
		return nil
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode its root: %w", err)
	}
	out.body.Roots[d.shard], err = d.seal(kindRoot, payload, before)
	return err
}

// ledger enters the pages that are handed over, and keeps the others.
func (d *shardDraft) ledger(before, next *root) error {
	next.Ledger = maps.Clone(before.Ledger)
	for _, page := range d.pages[d.shard] {
		if page.Data == nil {
			delete(next.Ledger, page.Name)
			continue
		}
		sealed, err := d.s.codec.Seal(page.Data)
		if err != nil {
			return fmt.Errorf("seal the page %s: %w", page.Name, err)
		}
		if next.Ledger == nil {
			next.Ledger = map[string]string{}
		}
		name := objectName(kindPage, page.Version, d.name)
		next.Ledger[page.Name] = name
		d.add(name, sealed.Data)
	}
	return nil
}

// seal adds an object and returns its name, which is that of before where the
// content is the same: who has fetched it need not fetch it again.
func (d *shardDraft) seal(k kind, payload []byte, before string) (string, error) {
	sealed, err := d.s.codec.Seal(payload)
	if err != nil {
		return "", fmt.Errorf("seal the %s: %w", k, err)
	}
	name := objectName(k, sealed.Hash, d.name)
	if before != "" && hashIn(before) == sealed.Hash {
		name = before
	}
	d.add(name, sealed.Data)
	return name, nil
}

func (d *shardDraft) add(name string, data []byte) {
	d.objects = append(d.objects, object{want{d.shard, name}, data})
}
