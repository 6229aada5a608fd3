package data

// match says whether a glob of Redis fits all of s: * and ? and [a-c], [^a] and
// a backslash before what is meant literally. Bytes compare as they are.
//
// Only the last * seen needs to be tried at other lengths: whatever an earlier
// one could give up, the last can take instead. So the time is at most the
// product of both lengths, whatever the pattern.
func match(pattern, s []byte) bool {
	if len(s) == 0 {
		return len(pattern) == 0 // as in Redis, not even "*" fits the empty string here
	}
	p, i := 0, 0
	star, from := -1, 0 // pattern after the last *, and where it began to match
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, i
			continue
		}
		if p < len(pattern) {
			if next, ok := matchOne(pattern, p, s[i]); ok {
				p = next
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne compares one byte with the element of the pattern at p, which is not
// *, and returns where the next element is.
func matchOne(pattern []byte, p int, c byte) (next int, ok bool) {
	switch {
	case pattern[p] == '?':
		return p + 1, true
	case pattern[p] == '[':
		return matchClass(pattern, p+1, c)
	case pattern[p] == '\\' && p+1 < len(pattern):
		p++
	}
	return p + 1, pattern[p] == c
}

// matchClass compares with the class whose first byte after [ is at p. A class
// that is not closed reaches to the end of the pattern.
func matchClass(pattern []byte, p int, c byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		left := len(pattern) - p
		switch {
		case left >= 2 && pattern[p] == '\\':
			ok = ok || pattern[p+1] == c
			p += 2
		case left >= 3 && pattern[p+1] == '-':
			ok = ok || inRange(pattern[p], pattern[p+2], c)
			p += 3
		default:
			ok = ok || pattern[p] == c
			p++
		}
	}
	return min(p+1, len(pattern)), ok != not
}

// inRange compares bytes as C's signed char, as Redis on x86-64 does, with the
// ends in either order.
func inRange(a, b, c byte) bool {
	lo, hi, x := int8(a), int8(b), int8(c)
	return min(lo, hi) <= x && x <= max(lo, hi)
}
