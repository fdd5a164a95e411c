package heartbeat

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON probes with a JSON text message and looks for its answer among the JSON
// objects that are received, as text or as binary. send makes the id-th probe's
// value, counted from 1 on each connection; match says whether answer, an object
// as encoding/json decodes it, is for that id:
//
//	heartbeat.JSON(
//		func(id uint64) any { return map[string]any{"op": "ping", "id": id} },
//		func(id uint64, answer map[string]any) bool { return answer["id"] == float64(id) })
//
// A message that is not a JSON object is no answer. For the rest it is as Func. A
// value that cannot be encoded makes the Policy invalid; if that is so only for a
// later id, the client panics.
func JSON(send func(id uint64) any, match func(id uint64, answer map[string]any) bool) Probe {
	if send == nil || match == nil {
		return Func(nil, nil)
	}
	return &message{
		send: func(id uint64) (bool, []byte) {
			data, err := json.Marshal(send(id))
			if err != nil {
				panic(fmt.Sprintf("heartbeat: JSON probe %d: %v", id, err))
			}
			return true, data
		},
		object: match,
		try: func() error {
			_, err := json.Marshal(send(1))
			return err
		},
	}
}

// object decodes a JSON object; nil: it is none.
func object(data []byte) (o map[string]any) {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return nil // without decoding it
	}
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	return o
}
