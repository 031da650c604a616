package wire

import (
	"math"
	"strconv"
)

// appendNumber appends the shortest text that reads back as x.
func appendNumber(dst []byte, x float64) []byte {
	if x == 0 { // also −0
		return append(dst, '0')
	}
	if abs := math.Abs(x); abs < 1e-6 || abs >= 1e21 {
		return strconv.AppendFloat(dst, x, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, x, 'f', -1, 64)
}

// appendDecimal is appendNumber with at least one decimal: 1 is "1.0".
func appendDecimal(dst []byte, x float64) []byte {
	start := len(dst)
	dst = appendNumber(dst, x)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
