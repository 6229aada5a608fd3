package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleydb/parley/internal/resp"
)

// Strings of Parley are bytes, those of JSON are text. What is not valid UTF-8
// is written as {"base64": "..."}, in both directions.

type base64Bytes struct {
	Bytes []byte `json:"base64"`
}

// argument is one of a command: a string, a number, or base64.
type argument []byte

// UnmarshalJSON implements json.Unmarshaler.
func (a *argument) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		if replaced(raw, text) {
			return errors.New(`a string is not valid UTF-8: give bytes as {"base64": "..."}`)
		}
		*a = []byte(text)
		return nil
	case '{':
		var b base64Bytes
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&b); err != nil {
			return err
		}
		if b.Bytes == nil {
			return errors.New(`an object must be {"base64": "..."}`)
		}
		*a = b.Bytes
		return nil
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		*a = bytes.Clone(raw)
		return nil
	}
	return errors.New(`an argument is a string, a number or {"base64": "..."}`)
}

// replaced says whether reading a string put the replacement character in the
// place of something else, as encoding/json does for what is not UTF-8.
func replaced(raw []byte, text string) bool {
	found := strings.Count(text, string(utf8.RuneError))
	if found == 0 {
		return false
	}
	meant := bytes.Count(raw, []byte(string(utf8.RuneError))) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	return found != meant
}

type jsonError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// errorOf takes an error reply apart.
func errorOf(text string) *jsonError {
	kind, message, _ := strings.Cut(text, " ")
	return &jsonError{kind, message}
}

// jsonOf is a reply as JSON: nil, a string, a number, a boolean, an array, or
// an object for a map and for an error within an array.
func jsonOf(r resp.Reply) any {
	switch r.Kind {
	case resp.KindNull:
		return nil
	case resp.KindInt:
		return r.Int
	case resp.KindBool:
		return r.Int != 0
	case resp.KindDouble:
		if math.IsInf(r.Float, 0) || math.IsNaN(r.Float) {
			return strconv.FormatFloat(r.Float, 'g', -1, 64)
		}
		return r.Float
	case resp.KindError:
		return map[string]any{"error": errorOf(r.Str)}
	case resp.KindMap:
		return jsonMap(r.Elems)
	case resp.KindArray, resp.KindSet, resp.KindPush:
		out := make([]any, 0, len(r.Elems))
		for _, e := range r.Elems {
			out = append(out, jsonOf(e))
		}
		return out
	}
	if !utf8.ValidString(r.Str) {
		return base64Bytes{[]byte(r.Str)}
	}
	return r.Str
}

// jsonMap is a map as an object; one whose keys are not all text, as an array
// of pairs.
func jsonMap(elems []resp.Reply) any {
	object, pairs := map[string]any{}, []any{}
	for i := 0; i+1 < len(elems); i += 2 {
		key, value := jsonOf(elems[i]), jsonOf(elems[i+1])
		pairs = append(pairs, []any{key, value})
		if text, ok := key.(string); ok {
			object[text] = value
		}
	}
	if len(object) < len(pairs) {
		return pairs
	}
	return object
}
