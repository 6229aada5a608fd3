package etcd

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/parleydb/parley/history"
)

// encode is a value as it is stored: as JSON.
func encode(v history.Value) []byte { return v.AppendJSON(nil) }

// decode is what encode encoded; what others stored, and is no JSON, is text.
func decode(b []byte) history.Value {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil || d.More() {
		return history.String(string(b))
	}
	v, ok := valueOf(x)
	if !ok {
		return history.String(string(b))
	}
	return v
}

func valueOf(x any) (history.Value, bool) {
	switch x := x.(type) {
	case nil:
		return history.Nil, true
	case bool:
		return history.Bool(x), true
	case json.Number:
		return history.String(x.String()), true
	case string:
		return history.String(x), true
	case []any:
		elems := make([]history.Value, len(x))
		for i := range x {
			var ok bool
			if elems[i], ok = valueOf(x[i]); !ok {
				return history.Nil, false
			}
		}
		return history.List(elems...), true
	case map[string]any: // bytes that are no text
		text, isText := x["base64"].(string)
		b, err := base64.StdEncoding.DecodeString(text)
		return history.String(string(b)), isText && len(x) == 1 && err == nil
	}
	return history.Nil, false
}
