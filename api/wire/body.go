package wire

// Body is one encoded resource, kept for as long as its generation. It is
// immutable. Whether the answer is stale is not known when it is encoded, and
// is spliced in when it is served.
type Body struct {
	json []byte
	// stale is where the value of "stale" stands in json; 0 where it has none.
	stale int
}

const falseText = "false"

// Append appends the resource to dst, with the given value of "stale" where
// it has such a field.
func (b *Body) Append(dst []byte, stale bool) []byte {
	if !stale || b.stale == 0 {
		return append(dst, b.json...)
	}
	dst = append(dst, b.json[:b.stale]...)
	dst = append(dst, "true"...)
	return append(dst, b.json[b.stale+len(falseText):]...)
}

// markStale writes "stale": false and remembers where.
func (w *writer) markStale() int {
	w.key("stale")
	at := len(w.buf)
	w.buf = append(w.buf, falseText...)
	return at
}
