package codec

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
)

// drawn returns a value of any type that is stored, with anything in its
// exported fields: the shortest way to forget none of them.
func drawn[T any](t *rapid.T, label string) T {
	var value T
	draw(t, reflect.ValueOf(&value).Elem(), label)
	return value
}

func draw(t *rapid.T, v reflect.Value, label string) {
	switch v.Interface().(type) {
	case *catalog.Condition, *catalog.Expression:
		if rapid.Bool().Draw(t, label+" is there") {
			quotation(v, rapid.String().Draw(t, label))
		}
		return
	case time.Time:
		v.Set(reflect.ValueOf(drawTime(t, label)))
		return
	case time.Duration:
		v.SetInt(rapid.OneOf(rapid.Int64(), rapid.Map(rapid.Int64Range(0, 1e6), func(n int64) int64 { return n * 1e9 })).Draw(t, label))
		return
	}
	if v.Type() == reflect.TypeFor[*labels.Matcher]() || v.Type() == reflect.TypeFor[parser.Expr]() {
		quotation(v, rapid.String().Draw(t, label))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.StringN(0, 8, 16), rapid.SampledFrom([]string{"", "a", `"\ü`, "<&>\u2028\x00\x7f"})).Draw(t, label))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, label))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, label))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, label))
	case reflect.Float64:
		v.SetFloat(drawFloat(t, label))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, label+" is there") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), label)
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 3).Draw(t, label+" length") {
			item := reflect.New(v.Type().Elem()).Elem()
			draw(t, item, label)
			v.Set(reflect.Append(v, item))
		}
	case reflect.Map:
		drawMap(t, v, label)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				draw(t, v.Field(i), label+"."+v.Type().Field(i).Name)
			}
		}
	default:
		t.Fatalf("%s has the kind %s, which draw does not know", label, v.Kind())
	}
}

func drawMap(t *rapid.T, v reflect.Value, label string) {
	n := rapid.IntRange(-1, 3).Draw(t, label+" length")
	if n < 0 {
		return // nil
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range n {
		key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		draw(t, key, label+" key")
		draw(t, item, label)
		v.SetMapIndex(key, item)
	}
}

// quotation sets what cannot be filled field by field, and reports whether v is
// such a thing. A parsed query is not stored.
func quotation(v reflect.Value, text string) bool {
	switch v.Interface().(type) {
	case *catalog.Condition:
		v.Set(reflect.ValueOf(catalog.QuotedCondition(text)))
	case *catalog.Expression:
		v.Set(reflect.ValueOf(catalog.QuotedExpression(text)))
	case *labels.Matcher:
		v.Set(reflect.ValueOf(&labels.Matcher{Name: text, Type: labels.MatchNotEqual, Value: text}))
	default:
		return v.Type() == reflect.TypeFor[parser.Expr]()
	}
	return true
}

func drawTime(t *rapid.T, label string) time.Time {
	switch rapid.IntRange(0, 3).Draw(t, label+" kind") {
	case 0:
		return time.Time{}
	case 1:
		return noon().Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, label)))
	}
	return time.Unix(rapid.Int64Range(-62_000_000_000, 253_000_000_000).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label)).UTC()
}

func drawFloat(t *rapid.T, label string) float64 {
	return rapid.OneOf(
		rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), rapid.Float64Range(0, 100),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 100, 0.1, 1e6, -1e6, math.SmallestNonzeroFloat64, math.MaxFloat64}),
	).Draw(t, label)
}

// full returns a value with something in every exported field, and in those of
// all that it refers to. A field that an encoder forgets comes back empty.
func full[T any](t *testing.T) T {
	t.Helper()
	var value T
	n := 0
	fill(t, reflect.ValueOf(&value).Elem(), &n)
	return value
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	if quotation(v, "text"+string(rune('a'+*n%26))) {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(noon().Add(time.Duration(*n) * time.Second)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		item := reflect.New(v.Type().Elem()).Elem()
		fill(t, item, n)
		v.Set(reflect.Append(v, item))
	case reflect.Map:
		key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n)
		fill(t, item, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, item)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), n)
			}
		}
	default:
		require.Fail(t, "a kind that fill does not know", "%s", v.Type())
	}
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
