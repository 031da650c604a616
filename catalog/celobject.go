package catalog

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// celTypes tells CEL which fields a service and a relation have, and reads
// them. It is the type provider and the type adapter of an Env.
type celTypes struct {
	types.Provider
	types.Adapter
	fields map[string]map[string]*types.FieldType // object type → field → type
}

const (
	serviceTypeName  = "Service"
	relationTypeName = "Relation"
)

// newCELTypes builds on the standard registry of CEL.
func newCELTypes() (*celTypes, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("preparing the types of CEL conditions: %w", err)
	}
	t := &celTypes{Provider: registry, Adapter: registry}
	t.fields = map[string]map[string]*types.FieldType{
		serviceTypeName:  t.serviceFields(),
		relationTypeName: relationFields(),
	}
	return t, nil
}

// serviceFields lists the fields of `service`, as users write them.
func (t *celTypes) serviceFields() map[string]*types.FieldType {
	text := types.StringType
	texts := types.NewMapType(text, text)
	return map[string]*types.FieldType{
		"namespace":   field(text, func(s *Service) any { return types.String(s.ID.Namespace) }),
		"name":        field(text, func(s *Service) any { return types.String(s.ID.Name) }),
		"kind":        field(text, func(s *Service) any { return types.String(s.Kind) }),
		"title":       field(text, func(s *Service) any { return types.String(s.Title) }),
		"description": field(text, func(s *Service) any { return types.String(s.Description) }),
		"owner":       field(text, func(s *Service) any { return types.String(s.Owner) }),
		"system":      field(text, func(s *Service) any { return types.String(s.System) }),
		"domain":      field(text, func(s *Service) any { return types.String(s.Domain) }),
		"lifecycle":   field(text, func(s *Service) any { return types.String(s.Lifecycle) }),
		"type":        field(text, func(s *Service) any { return types.String(s.Type) }),
		"tier":        field(types.IntType, func(s *Service) any { return types.Int(s.Tier) }),
		"tags":        field(types.NewListType(text), func(s *Service) any { return types.NewStringList(t, s.Tags) }),
		"labels":      field(texts, func(s *Service) any { return t.lenient(s.Labels) }),
		"annotations": field(texts, func(s *Service) any { return t.lenient(s.Annotations) }),
		"links":       field(texts, func(s *Service) any { return t.lenient(s.Links) }),
		"relations": field(types.NewListType(types.NewObjectType(relationTypeName)), func(s *Service) any {
			return types.NewDynamicList(t, s.Relations)
		}),
	}
}

func relationFields() map[string]*types.FieldType {
	return map[string]*types.FieldType{
		"type":   field(types.StringType, func(r Relation) any { return types.String(r.Type) }),
		"target": field(types.StringType, func(r Relation) any { return types.String(r.Target) }),
	}
}

// field declares one field of the Go type T. Every field is always set: an
// absent one has its zero value.
func field[T any](typ *types.Type, get func(T) any) *types.FieldType {
	return &types.FieldType{
		Type:  typ,
		IsSet: func(any) bool { return true },
		GetFrom: func(target any) (any, error) {
			v, ok := target.(T)
			if !ok {
				return nil, fmt.Errorf("reading a field of %T: want %T", target, v)
			}
			return get(v), nil
		},
	}
}

// FindStructType implements types.Provider.
func (t *celTypes) FindStructType(name string) (*types.Type, bool) {
	if _, ok := t.fields[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return t.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider; the names are sorted.
func (t *celTypes) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := t.fields[name]
	if !ok {
		return t.Provider.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(fields))
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	return names, true
}

// FindStructFieldType implements types.Provider.
func (t *celTypes) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	if fields, ok := t.fields[name]; ok {
		ft, ok := fields[fieldName]
		return ft, ok
	}
	return t.Provider.FindStructFieldType(name, fieldName)
}

// NewValue implements types.Provider; services cannot be made in CEL.
func (t *celTypes) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := t.fields[name]; ok {
		return types.NewErr("a %s cannot be made in a condition", strings.ToLower(name))
	}
	return t.Provider.NewValue(name, fields)
}

// NativeToValue implements types.Adapter.
func (t *celTypes) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case *Service:
		return celObject{value: v, typeName: serviceTypeName, fields: t.fields[serviceTypeName]}
	case Relation:
		return celObject{value: v, typeName: relationTypeName, fields: t.fields[relationTypeName]}
	}
	return t.Adapter.NativeToValue(v)
}

// celObject is a service or a relation where CEL wants a value of its own.
type celObject struct {
	value    any // *Service or Relation: both comparable
	typeName string
	fields   map[string]*types.FieldType
}

// Get implements traits.Indexer, for fields of a value whose type the checker
// was told to forget: dyn(service).name.
func (o celObject) Get(name ref.Val) ref.Val {
	field, _ := name.Value().(string)
	ft, ok := o.fields[field]
	if !ok {
		return types.NewErr("a %s has no field %q", strings.ToLower(o.typeName), field)
	}
	v, err := ft.GetFrom(o.value)
	if err != nil {
		return types.WrapErr(err)
	}
	value, ok := v.(ref.Val)
	if !ok {
		return types.NewErr("field %q has no CEL value", field)
	}
	return value
}

// ConvertToNative implements ref.Val.
func (o celObject) ConvertToNative(to reflect.Type) (any, error) {
	if reflect.TypeOf(o.value).AssignableTo(to) {
		return o.value, nil
	}
	return nil, fmt.Errorf("a %s cannot be converted to %v", strings.ToLower(o.typeName), to)
}

// ConvertToType implements ref.Val.
func (o celObject) ConvertToType(to ref.Type) ref.Val {
	if to == types.TypeType {
		return types.NewObjectType(o.typeName)
	}
	return types.NewErr("a %s cannot be converted to %s", strings.ToLower(o.typeName), to.TypeName())
}

// Equal implements ref.Val.
func (o celObject) Equal(other ref.Val) ref.Val {
	p, ok := other.(celObject)
	return types.Bool(ok && o.value == p.value)
}

// Type implements ref.Val.
func (o celObject) Type() ref.Type { return types.NewObjectType(o.typeName) }

// Value implements ref.Val.
func (o celObject) Value() any { return o.value }
