package catalog

import (
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// lenientMap is a map of strings whose missing keys read as "", so that
// `service.links["runbook"] != ""` is false rather than an error. A missing
// key is still not `in` the map, and has() is false.
//
// It deliberately has no Find method: with one it would be a traits.Mapper,
// for which CEL answers has() and an index by the same call.
type lenientMap struct {
	entries map[string]string
	types   *celTypes
}

func (t *celTypes) lenient(m map[string]string) any { return lenientMap{entries: m, types: t} }

// inner returns CEL's own map of the same entries, for what is rarely asked.
func (m lenientMap) inner() traits.Mapper { return types.NewStringStringMap(m.types, m.entries) }

// Get implements traits.Indexer.
func (m lenientMap) Get(key ref.Val) ref.Val {
	k, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key)
	}
	return types.String(m.entries[string(k)])
}

// IsSet implements traits.FieldTester, which answers has().
func (m lenientMap) IsSet(key ref.Val) ref.Val { return m.Contains(key) }

// Contains implements traits.Container, which answers `in`.
func (m lenientMap) Contains(key ref.Val) ref.Val {
	k, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key)
	}
	_, found := m.entries[string(k)]
	return types.Bool(found)
}

// Iterator implements traits.Iterable, which answers exists(), all(), filter()
// and map(). It goes by the sorted keys: what a list is made of by a
// comprehension is then the same every time.
func (m lenientMap) Iterator() traits.Iterator {
	return types.NewStringList(m.types, slices.Sorted(maps.Keys(m.entries))).Iterator()
}

// Size implements traits.Sizer.
func (m lenientMap) Size() ref.Val { return types.Int(len(m.entries)) }

// ConvertToNative implements ref.Val.
func (m lenientMap) ConvertToNative(to reflect.Type) (any, error) {
	return m.inner().ConvertToNative(to)
}

// ConvertToType implements ref.Val.
func (m lenientMap) ConvertToType(to ref.Type) ref.Val { return m.inner().ConvertToType(to) }

// Equal implements ref.Val.
func (m lenientMap) Equal(other ref.Val) ref.Val {
	if o, ok := other.(lenientMap); ok {
		return m.inner().Equal(o.inner())
	}
	return m.inner().Equal(other)
}

// Type implements ref.Val.
func (m lenientMap) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (m lenientMap) Value() any { return m.entries }
