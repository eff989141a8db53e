package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// peer is something that pushes events to websockets.
type peer struct {
	name  string
	kept  string // what is durable when a post is answered
	start func(*driver) (*service, error)
}

// service is a peer that runs.
type service struct {
	*process
	url      string // screens connect to it
	protocol string
	token    string
	opcode   byte
	hello    []string // said by a screen
	ready    string   // in the answer after which a screen is subscribed
	keys     func() keys
	upTo     bool // a key says that all before it are there too
	// publish sends event n and returns the key under which screens have it.
	publish func(ctx context.Context, n uint64, body []byte) (key uint64, err error)
	end     func()
}

func (s *service) stop() {
	if s.end != nil {
		s.end()
	}
	s.process.stop()
}

// Peers, in the order in which they are measured in each round.
var (
	floorPeer   = peer{"bare writes, a thread a processor (floor)", "nothing", childPeer("floor")}
	loopPeer    = peer{"gorilla, prepared frame in a loop", "nothing", childPeer("loop")}
	banyanPeer  = peer{"banyan serve, the whole work of an alert", "journal, fdatasync", startBanyan}
	centriPeer  = peer{"centrifuge v0.38.0 with history", "nothing (history in memory)", childPeer("centrifuge")}
	natsPeer    = peer{"nats-server v2.12.1, websocket", "nothing", startNATS}
	mosquitPeer = peer{"mosquitto (Debian), MQTT over websocket", "nothing (QoS 0)", startMosquitto}
)

const (
	bodyBytes  = 500
	maxAnswer  = 64 << 10
	keepAlive  = "\x00\x00" // MQTT: none
	mqttTopic  = "wall"
	idleConns  = 4096
	mqttPublic = 0x30 // PUBLISH, QoS 0
)

// client posts to services that take HTTP.
var client = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: idleConns}}

// post sends a body and returns the answer.
func post(ctx context.Context, url, token, media string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", media)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s answered %s: %.300s", url, resp.Status, answer)
	}
	return answer, err
}

func alertIDs() keys { return &numbers{} }

// childPeer is a library in this program, posted to by HTTP as Banyan is.
func childPeer(name string) func(*driver) (*service, error) {
	return func(*driver) (*service, error) {
		p, where, err := launchChild(name)
		if err != nil {
			return nil, err
		}
		s := &service{process: p, url: "ws://" + where + "/ws", opcode: opText, ready: "ready", keys: alertIDs}
		if name == "centrifuge" {
			s.hello, s.ready = []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"wall"}}`}, `"id":2`
		}
		s.publish = func(ctx context.Context, n uint64, body []byte) (uint64, error) {
			_, err := post(ctx, "http://"+where+"/publish", "", "application/json", body)
			return n, err
		}
		return s, nil
	}
}

// wired publishes over one connection of a protocol of its own, and throws away what is answered.
func (s *service) wired(addr, first string, frame func(body []byte) []byte) error {
	c, err := net.DialTimeout("tcp", addr, dialTimeout)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, first); err != nil {
		return errors.Join(err, c.Close())
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // ends with the connection
	s.end = func() { _ = c.Close() }
	var mu sync.Mutex
	s.publish = func(_ context.Context, n uint64, body []byte) (uint64, error) {
		mu.Lock()
		defer mu.Unlock()
		_, err := c.Write(frame(body))
		return n, err
	}
	return nil
}

func startNATS(*driver) (*service, error) {
	p, where, err := launchChild("nats")
	if err != nil {
		return nil, err
	}
	screens, addr, _ := strings.Cut(where, " ")
	s := &service{process: p, url: screens, opcode: opBinary, ready: "PONG", keys: alertIDs,
		hello: []string{"CONNECT {\"verbose\":false}\r\n", "SUB wall 1\r\n", "PING\r\n"}}
	err = s.wired(addr, "CONNECT {\"verbose\":false}\r\n", func(b []byte) []byte {
		return append(append([]byte("PUB wall "+strconv.Itoa(len(b))+"\r\n"), b...), "\r\n"...)
	})
	if err != nil {
		p.stop()
	}
	return s, err
}

// mqttPacket is a packet of MQTT 3.1.1.
func mqttPacket(kind byte, rest string) string {
	b := []byte{kind}
	for n := len(rest); ; {
		digit := byte(n % 128)
		if n /= 128; n > 0 {
			digit |= 128
		}
		if b = append(b, digit); n == 0 {
			return string(b) + rest
		}
	}
}

func mqttString(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// startMosquitto runs the broker of Debian with nothing kept and no bound on what waits.
func startMosquitto(d *driver) (*service, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	dir, err := d.dir("mosquitto")
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf("allow_anonymous true\npersistence false\nmax_queued_messages 0\nmax_inflight_messages 0\nuser root\nlistener %d 127.0.0.1\nlistener %d 127.0.0.1\nprotocol websockets\n", ports[0], ports[1])
	path := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	p, _, err := launch(nil, "/usr/sbin/mosquitto", "-c", path)
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	connect := mqttPacket(0x10, mqttString("MQTT")+"\x04\x02"+keepAlive+mqttString(""))
	s := &service{process: p, url: fmt.Sprintf("ws://127.0.0.1:%d/mqtt", ports[1]), protocol: "mqtt", opcode: opBinary, keys: alertIDs,
		hello: []string{connect, mqttPacket(0x82, "\x00\x01"+mqttString(mqttTopic)+"\x00")}, ready: "\x90\x03"}
	if err := errors.Join(reachable(p, addr), reachable(p, fmt.Sprintf("127.0.0.1:%d", ports[1]))); err != nil {
		p.stop()
		return nil, err
	}
	err = s.wired(addr, connect, func(b []byte) []byte { return []byte(mqttPacket(mqttPublic, mqttString(mqttTopic)+string(b))) })
	if err != nil {
		p.stop()
	}
	return s, err
}

// freePorts returns ports of 127.0.0.1 that were free a moment ago, for programs that cannot choose one.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// reachable waits until a process listens.
func reachable(p *process, addr string) error {
	for end := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w: %s", p.cmd.Path, p.err, &p.said)
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s does not listen: %w: %s", p.cmd.Path, err, &p.said)
		}
	}
}
