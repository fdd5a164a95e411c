package wire_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyws/steadyws/internal/wire"
)

// server is an in-memory peer: it answers when the request is whole. In its
// answer KEY stands for the right Sec-WebSocket-Accept.
type server struct {
	answer  string
	then    error // what reads end with; nil: io.EOF
	drip    bool  // a byte with each read
	request bytes.Buffer
	from    io.Reader
	read    int
	failing error // of writes
}

func (s *server) Write(p []byte) (int, error) {
	if s.failing != nil {
		return 0, s.failing
	}
	return s.request.Write(p)
}

func (s *server) Read(p []byte) (int, error) {
	if s.from == nil {
		text := s.request.String()
		if !strings.HasSuffix(text, "\r\n\r\n") {
			return 0, errors.New("the request is not whole")
		}
		_, line, _ := strings.Cut(text, "Sec-WebSocket-Key: ")
		nonce, _, _ := strings.Cut(line, "\r\n")
		sum := sha1.Sum([]byte(nonce + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		s.from = strings.NewReader(strings.ReplaceAll(s.answer, "KEY", base64.StdEncoding.EncodeToString(sum[:])))
		if s.drip {
			s.from = iotest.OneByteReader(s.from)
		}
	}
	n, err := s.from.Read(p)
	if s.read += n; err == io.EOF && s.then != nil {
		err = s.then
	}
	return n, err
}

const (
	status  = "HTTP/1.1 101 Switching Protocols\r\n"
	fields  = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"
	goodbye = "\r\n"
	good    = status + fields + goodbye
)

func upgrade(s *server, protocols ...string) (wire.Answer, error) {
	return wire.Upgrade(s, &wire.Request{Host: "example.com", URI: "/", Protocols: protocols})
}

// isNothing reports whether there is no answer.
func isNothing(a wire.Answer) bool { return reflect.ValueOf(a).IsZero() }

func TestUpgradeSendsTheRequestAsItIsGiven(t *testing.T) {
	for _, uri := range []string{
		"/", "/a%2Fb?x=1|2", "//double", "///triple", "//host:80/x?y=//z", "/a//b", "/?", "/?q", "/a?b?c", "/%zz", "/a|b{c}\"<>^`\\", "/ws:", "//",
		"/" + strings.Repeat("long/", 3000), "//" + strings.Repeat("long/", 3000),
	} {
		s := &server{answer: good}
		if _, err := wire.Upgrade(s, &wire.Request{Host: "h", URI: uri}); err != nil {
			t.Errorf("%.30s: %v", uri, err)
		}
		line, _, _ := strings.Cut(s.request.String(), "\r\n")
		if line != "GET "+uri+" HTTP/1.1" {
			t.Errorf("the request line is %.60q, want the URI %.40q", line, uri)
		}
	}
	s := &server{answer: status + fields + "Sec-WebSocket-Protocol: b\r\n\r\n"}
	_, err := wire.Upgrade(s, &wire.Request{
		Host: "example.com:81", URI: "/x", Protocols: []string{"a", "b"},
		Header: http.Header{"Origin": {"https://o"}, "X-Two": {"1", "2"}, "X-Evil": {"a\r\nInjected: yes"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(&s.request))
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := base64.StdEncoding.DecodeString(req.Header.Get("Sec-WebSocket-Key"))
	if err != nil || len(nonce) != 16 {
		t.Errorf("the key is %d bytes, %v; want 16 (RFC 6455 4.1)", len(nonce), err)
	}
	req.Header.Del("Sec-WebSocket-Key")
	want := http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Protocol": {"a, b"},
		"Origin": {"https://o"}, "X-Two": {"1", "2"}, "X-Evil": {"a  Injected: yes"},
	}
	if req.Host != "example.com:81" || fmt.Sprint(req.Header) != fmt.Sprint(want) || req.Body != http.NoBody {
		t.Errorf("Host %q, header %v; want %v", req.Host, req.Header, want)
	}
}

func TestUpgradeDrawsAFreshKeyEachTime(t *testing.T) {
	var keys []string
	for range 3 {
		s := &server{answer: good}
		upgrade(s)
		req, _ := http.ReadRequest(bufio.NewReader(&s.request))
		keys = append(keys, req.Header.Get("Sec-WebSocket-Key"))
	}
	if slices.Sort(keys); len(slices.Compact(keys)) != 3 {
		t.Error("a key came twice")
	}
}

var legalAnswers = map[string]struct {
	answer    string
	offered   []string
	protocol  string
	early     string
	headerKey string
}{
	"the least":                            {answer: good},
	"other case":                           {answer: "HTTP/1.1 101 ok\r\nupgrade: WebSocket\r\nCONNECTION: upgrade\r\nsec-websocket-accept: KEY\r\n\r\n"},
	"only LF":                              {answer: strings.ReplaceAll(good, "\r", "")},
	"no reason phrase":                     {answer: "HTTP/1.1 101\r\n" + fields + "\r\n"},
	"an empty reason phrase":               {answer: "HTTP/1.1 101 \r\n" + fields + "\r\n"},
	"HTTP/1.2":                             {answer: "HTTP/1.2 101 x\r\n" + fields + "\r\n"},
	"Connection with several tokens":       {answer: strings.Replace(good, "Connection: Upgrade", "Connection: keep-alive, Upgrade", 1)},
	"the same the other way round":         {answer: strings.Replace(good, "Connection: Upgrade", "Connection: upgrade ,keep-alive", 1)},
	"Connection in two lines":              {answer: strings.Replace(good, "Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade", 1)},
	"a very long Connection":               {answer: strings.Replace(good, "Connection: Upgrade", "Connection: Upgrade"+strings.Repeat(", x", 3000), 1)},
	"another very long one first":          {answer: strings.Replace(good, "Connection: Upgrade", "Connection: x"+strings.Repeat(", x", 3000)+"\r\nConnection: Upgrade", 1)},
	"no space behind the colons":           {answer: strings.ReplaceAll(good, ": ", ":")},
	"a subprotocol":                        {answer: status + fields + "Sec-WebSocket-Protocol: b\r\n\r\n", offered: []string{"a", "b"}, protocol: "b"},
	"frames behind it":                     {answer: good + "\x81\x02hi\x82\x01", early: "\x81\x02hi\x82\x01"},
	"more frames than fit into its buffer": {answer: good + strings.Repeat("\x82\x00", 4000), early: "?"},
	"a field of its own":                   {answer: status + fields + "X-Own: 1\r\nx-own: 2\r\n\r\n", headerKey: "X-Own"},
	"a long field":                         {answer: status + fields + "X-Own: " + strings.Repeat("x", 10_000) + "\r\n\r\n\x81\x00", early: "\x81\x00", headerKey: "X-Own"},
	"Early Hints before it":                {answer: "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + good},
	"two long ones":                        {answer: strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n", 2) + good + "\x82\x00", early: "\x82\x00"},
	"an empty extension field":             {answer: status + fields + "Sec-WebSocket-Extensions:\r\n\r\n"},
	"a Content-Length means nothing here":  {answer: status + fields + "Content-Length: 2\r\n\r\n\x82\x00", early: "\x82\x00"},
}

func TestUpgradeAcceptsWhatIsLegal(t *testing.T) {
	for name, c := range legalAnswers {
		for _, drip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, drip %v", name, drip), func(t *testing.T) {
				s := &server{answer: c.answer, drip: drip}
				a, err := upgrade(s, c.offered...)
				if err != nil {
					t.Fatal(err)
				}
				rest, _ := io.ReadAll(s)
				if c.early == "?" {
					c.early = strings.Repeat("\x82\x00", 4000)
				}
				if all := string(a.Early) + string(rest); a.Protocol != c.protocol || all != c.early || !drip && c.early != "" && len(a.Early) == 0 {
					t.Errorf("protocol %q; %d bytes behind the header, %d of them early; want %q, %d", a.Protocol, len(all), len(a.Early), c.protocol, len(c.early))
				}
				h := a.Header()
				if h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" || h.Get("Sec-WebSocket-Protocol") != c.protocol {
					t.Errorf("header %v", h)
				}
				if c.headerKey != "" && h.Get(c.headerKey) == "" {
					t.Errorf("no %s in %v", c.headerKey, h)
				}
			})
		}
	}
	s := &server{answer: status + fields + "X-Own: 1\r\nx-own: 2\r\n\r\n"}
	if a, err := upgrade(s); err != nil || fmt.Sprint(a.Header()["X-Own"]) != "[1 2]" {
		t.Errorf("a field of two lines: %v, %v", a, err)
	}
}

func TestUpgradeThroughAPipe(t *testing.T) {
	client, peer := net.Pipe()
	defer client.Close()
	go func() {
		defer peer.Close()
		s := &server{answer: good + "\x81\x02hi"}
		if _, err := http.ReadRequest(bufio.NewReader(io.TeeReader(peer, &s.request))); err != nil {
			return
		}
		b, _ := io.ReadAll(s)
		peer.Write(b)
	}()
	a, err := wire.Upgrade(client, &wire.Request{Host: "h", URI: "/"})
	if err != nil || string(a.Early) != "\x81\x02hi" {
		t.Errorf("got %+v, %v", a, err)
	}
}
