package ssecast_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

// The text of a shared vector: a string, bytes, something that is repeated, or several of them.
func vectorText(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var text string
	var parts []json.RawMessage
	var part struct {
		Hex    string
		Repeat json.RawMessage
		Times  int
	}
	switch {
	case len(raw) == 0 || json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &parts) == nil:
		for _, part := range parts {
			text += vectorText(t, part)
		}
		return text
	}
	if err := json.Unmarshal(raw, &part); err != nil {
		t.Fatal(err)
	}
	if part.Times > 0 {
		return strings.Repeat(vectorText(t, part.Repeat), part.Times)
	}
	bytes, err := hex.DecodeString(strings.ReplaceAll(part.Hex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes)
}

func TestTheParserReadsTheSharedVectorsInChunksOfAnySize(t *testing.T) {
	content, err := os.ReadFile("../../tests/vectors/parse.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name          string
		Input         json.RawMessage
		LastEventID   json.RawMessage `json:"last_event_id"`
		Retry         *uint64
		MaxEventBytes int `json:"max_event_bytes"`
		Error         string
		Items         []struct {
			Event, Data json.RawMessage
			LastEventID json.RawMessage `json:"last_event_id"`
		}
	}
	if err := json.Unmarshal(content, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, vector := range vectors {
		input := vectorText(t, vector.Input)
		var expected []ssecast.Received
		for _, item := range vector.Items {
			if item.Data != nil {
				kind := vectorText(t, item.Event)
				if item.Event == nil {
					kind = "message"
				}
				expected = append(expected, ssecast.Received{Type: kind, Data: vectorText(t, item.Data), LastEventID: vectorText(t, item.LastEventID)})
			}
		}
		sizes := []int{len(input), 1, 2, 3, 7}
		if len(input) > 1<<20 {
			sizes = []int{len(input), 64 << 10}
		}
		for _, size := range sizes {
			parser, err := ssecast.NewParser(vector.MaxEventBytes)
			if err != nil {
				t.Fatal(err)
			}
			var got []ssecast.Received
			var failed error
			for at := 0; at < len(input) && failed == nil; at += size {
				var events []ssecast.Received
				events, failed = parser.Feed([]byte(input[at:min(at+size, len(input))]))
				got = append(got, events...)
			}
			var code ssecast.Code
			errors.As(failed, &code)
			if (vector.Error != "") != (failed != nil) || failed != nil && code.Error() != vector.Error {
				t.Errorf("%s, by %d: it failed with %v", vector.Name, size, failed)
			}
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("%s, by %d: %.200q, and not %.200q", vector.Name, size, got, expected)
			}
			if last := vectorText(t, vector.LastEventID); failed == nil && parser.LastEventID() != last {
				t.Errorf("%s, by %d: the last id is %.100q, and not %.100q", vector.Name, size, parser.LastEventID(), last)
			}
			if retry, has := parser.Retry(); has != (vector.Retry != nil) && failed == nil {
				t.Errorf("%s, by %d: the reconnection time is %v", vector.Name, size, retry)
			}
		}
	}
	if len(vectors) < 10 {
		t.Fatalf("there are %d vectors", len(vectors))
	}
}

func TestADecoderGivesWholeEventsAndThenTheEndOfItsReader(t *testing.T) {
	stream := "retry: 7\nid: 1\ndata: a\n\nevent: tick\ndata: b\ndata: c\n\ndata: not whole\n"
	decoder, err := ssecast.NewDecoder(iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(stream))))
	if err != nil {
		t.Fatal(err)
	}
	for _, expected := range []ssecast.Received{{"message", "a", "1"}, {"tick", "b\nc", "1"}} {
		if event, err := decoder.Next(); err != nil || event != expected {
			t.Fatalf("%+v came, and not %+v (%v)", event, expected, err)
		}
	}
	for range []int{1, 2} {
		if event, err := decoder.Next(); err != io.EOF {
			t.Fatalf("%+v came, and %v", event, err)
		}
	}
	if retry, has := decoder.Retry(); !has || retry != 7*time.Millisecond {
		t.Fatalf("the reconnection time is %v", retry)
	}
}

func TestAnEventThatIsTooLargeLeavesTheParserUsable(t *testing.T) {
	parser, err := ssecast.NewParser(10)
	if err != nil {
		t.Fatal(err)
	}
	events, err := parser.Feed([]byte("data: a\n\ndata: far too long\n\n"))
	if !errors.Is(err, ssecast.ErrEventTooLarge) || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	if err := parser.Reset(); err != nil {
		t.Fatal(err)
	}
	if events, err = parser.Feed([]byte("data: b\n\n")); err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	if _, err := ssecast.NewParser(-1); !errors.Is(err, ssecast.ErrInvalidOption) {
		t.Fatal(err)
	}
}
