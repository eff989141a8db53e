// Package mqtt takes messages of a source from an MQTT 5 broker. A message of QoS 1 is acknowledged to the broker only
// after the door has it in the journal; until then the broker keeps it and sends it again.
package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds and times of a connection.
const (
	ReceiveMaximum  = 512              // messages that are not acknowledged yet (MQTT 5 section 3.3.4)
	maxPacketBytes  = 256 << 10        // the broker sends no longer one
	sessionKeep     = 7 * 24 * 3600    // seconds the broker keeps messages for us while we are away
	keepAlive       = 20               // seconds
	connectTimeout  = 10 * time.Second //
	minBackoff      = 200 * time.Millisecond
	maxBackoff      = 30 * time.Second
	ackInterval     = 5 * time.Millisecond
	takeTimeout     = 30 * time.Second // of one portion at the door
	maxUserProperty = 32
)

// Door takes messages; see ingest.Door.
type Door interface {
	Take(ctx context.Context, source string, messages []ingest.Message) []ingest.Result
}

// What happens on a connection, as Observe is told.
const (
	Connected    = "connected"
	Disconnected = "disconnected"
	Failed       = "failed" // to connect or to subscribe
)

// Options say whose messages to take from where.
type Options struct {
	Source    string
	Transport plan.Transport
	DataDir   string // of the files that Transport names
	Door      Door
	Observe   func(what string)    // connections; nil: nobody counts
	Count     func(outcome string) // each message that was acknowledged, by what became of it; nil: nobody counts
	Logger    *slog.Logger
}

// client is one connection to a broker, made again whenever it is lost.
type client struct {
	o       Options
	packets chan packet
}

// packet is a message that waits for the door.
type packet struct {
	publish *paho.Publish
	client  *paho.Client
}

// Run takes messages until ctx ends. It returns an error where the settings cannot be used; a broker that is away is
// waited for.
func Run(ctx context.Context, o Options) error {
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	c := &client{o: o, packets: make(chan packet, ReceiveMaximum)}
	config, err := c.config(ctx)
	if err != nil {
		return err
	}
	m, err := autopaho.NewConnection(ctx, config)
	if err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	c.work(ctx)
	<-m.Done()
	return nil
}

// config is the connection as the profile wants it.
func (c *client) config(ctx context.Context) (autopaho.ClientConfig, error) {
	t := &c.o.Transport
	var config autopaho.ClientConfig
	broker, err := url.Parse(t.Broker)
	if err != nil {
		return config, fmt.Errorf("mqtt: broker: %w", err)
	}
	config = autopaho.ClientConfig{
		ServerUrls: []*url.URL{broker}, KeepAlive: keepAlive, SessionExpiryInterval: sessionKeep, ConnectTimeout: connectTimeout,
		ReconnectBackoff: backoff, ConnectUsername: t.User,
		OnConnectionUp: func(m *autopaho.ConnectionManager, _ *paho.Connack) { go c.subscribe(ctx, m) },
		OnConnectionDown: func() bool {
			c.o.Observe(Disconnected)
			return true
		},
		OnConnectError: func(err error) {
			c.o.Observe(Failed)
			c.o.Logger.Warn("no connection to the broker; tried again", "source", c.o.Source, "error", err)
		},
		ConnectPacketBuilder: func(p *paho.Connect, _ *url.URL) (*paho.Connect, error) {
			most, size := uint16(ReceiveMaximum), uint32(maxPacketBytes)
			if p.Properties == nil {
				p.Properties = &paho.ConnectProperties{}
			}
			p.Properties.ReceiveMaximum, p.Properties.MaximumPacketSize = &most, &size
			p.Properties.RequestProblemInfo = true // without, some brokers leave out the user properties of messages too
			return p, nil
		},
	}
	config.ClientID = t.ClientID
	if config.ClientID == "" {
		config.ClientID = "banyan-" + c.o.Source
	}
	config.EnableManualAcknowledgment, config.SendAcksInterval = true, ackInterval
	config.OnPublishReceived = []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
		select {
		case c.packets <- packet{p.Packet, p.Client}:
		case <-ctx.Done():
		}
		return true, nil
	}}
	if t.PasswordFile != "" {
		b, err := os.ReadFile(filepath.Join(c.o.DataDir, t.PasswordFile))
		if err != nil {
			return config, fmt.Errorf("mqtt: password_file: %w", err)
		}
		config.ConnectPassword = []byte(strings.TrimRight(string(b), "\r\n"))
	}
	config.TlsCfg, err = c.tls()
	return config, err
}

// backoff is how long to wait before another attempt.
func backoff(attempt int) time.Duration {
	return min(minBackoff<<min(max(attempt, 0), 10), maxBackoff)
}

// tls is whom we believe and who we are.
func (c *client) tls() (*tls.Config, error) {
	t, read := &c.o.Transport, func(name string) string { return filepath.Join(c.o.DataDir, name) }
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		b, err := os.ReadFile(read(t.CAFile))
		if err != nil {
			return nil, fmt.Errorf("mqtt: ca_file: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("mqtt: ca_file: %s holds no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(read(t.CertFile), read(t.KeyFile))
		if err != nil {
			return nil, fmt.Errorf("mqtt: cert_file and key_file: %w", err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}

// subscribe asks for the topics, shared within the group if there is one.
func (c *client) subscribe(ctx context.Context, m *autopaho.ConnectionManager) {
	s := &paho.Subscribe{}
	for _, topic := range c.o.Transport.Topics {
		if g := c.o.Transport.Group; g != "" && !strings.HasPrefix(topic, "$share/") {
			topic = "$share/" + g + "/" + topic
		}
		s.Subscriptions = append(s.Subscriptions, paho.SubscribeOptions{Topic: topic, QoS: byte(c.o.Transport.QoS)})
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if _, err := m.Subscribe(ctx, s); err != nil {
		if ctx.Err() == nil {
			c.o.Observe(Failed)
			c.o.Logger.Error("the broker refused the subscription: ask its operator for the right to read these topics", "source", c.o.Source, "topics", c.o.Transport.Topics, "error", err)
		}
		return
	}
	c.o.Observe(Connected)
	c.o.Logger.Info("subscribed", "source", c.o.Source, "topics", c.o.Transport.Topics)
}

// work hands messages to the door in the order in which they came, as many at once as wait.
func (c *client) work(ctx context.Context) {
	for {
		select {
		case p := <-c.packets:
			c.take(ctx, c.more([]packet{p}))
		case <-ctx.Done():
			return
		}
	}
}

// more adds what waits already.
func (c *client) more(packets []packet) []packet {
	for len(packets) < ReceiveMaximum {
		select {
		case p := <-c.packets:
			packets = append(packets, p)
		default:
			return packets
		}
	}
	return packets
}

// take hands messages in and acknowledges each once it is settled. What the door cannot take now is handed in again
// after a rest: the broker waits, and so does what is behind it.
func (c *client) take(ctx context.Context, packets []packet) {
	for attempt := 0; len(packets) > 0 && ctx.Err() == nil; attempt++ {
		messages := make([]ingest.Message, len(packets))
		for i, p := range packets {
			messages[i] = message(p.publish)
		}
		bounded, cancel := context.WithTimeout(ctx, takeTimeout)
		results := c.o.Door.Take(bounded, c.o.Source, messages)
		cancel()
		var again []packet
		for i := range results {
			if ctx.Err() != nil {
				return // nothing is known of those: they come again
			}
			if len(again) > 0 || !settles(&results[i]) {
				again = append(again, packets[i])
				continue
			}
			c.settled(packets[i], &results[i])
		}
		if packets = again; len(packets) == 0 {
			return
		}
		c.o.Logger.Warn("messages wait: the door cannot take them now", "source", c.o.Source, "messages", len(packets))
		select {
		case <-time.After(backoff(attempt)):
		case <-ctx.Done():
		}
	}
}

// settles reports whether a message need not come again: it is in the journal, or it is itself wrong. Whatever else
// kept the door from taking it may pass.
func settles(r *ingest.Result) bool {
	if r.Status != ingest.Refused {
		return true
	}
	switch alert.CodeOf(r.Err) {
	case alert.CodeInvalid, alert.CodeMalformed, alert.CodeTooLarge:
		return true
	}
	return false
}

// settled acknowledges a message. Where its connection is gone the broker sends it again, and it will be a duplicate.
func (c *client) settled(p packet, r *ingest.Result) {
	c.o.Count(string(r.Status))
	if r.Status == ingest.Refused {
		c.o.Logger.Error("a message was refused and is not sent again", "source", c.o.Source, "topic", p.publish.Topic, "reason", r.Reason)
	}
	_ = p.client.Ack(p.publish)
}

// message is a publication as the door takes it.
func message(p *paho.Publish) ingest.Message {
	m := ingest.Message{Kind: "json", Raw: p.Payload, Headers: map[string]string{"topic": p.Topic}}
	if p.Properties != nil {
		for i, u := range p.Properties.User {
			if i == maxUserProperty {
				break
			}
			m.Headers[u.Key] = u.Value
		}
		m.Headers["topic"] = p.Topic // no property takes its place
	}
	body, err := ingest.DecodeJSON(p.Payload)
	if err == nil {
		m.Body = body
	}
	if len(m.Raw) > ingest.MaxMessageBytes {
		m.Raw = m.Raw[:ingest.MaxMessageBytes]
	}
	return m
}
