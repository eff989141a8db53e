package sim

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Brokers are MQTT brokers that stand in for those of the city's departments.
type Brokers struct {
	by map[string]*mqtt.Server // by address as profiles name it
}

// StartBrokers starts a broker at every loopback address that a profile of the city names. One that cannot be had (another
// broker is there already) is logged and left out.
func StartBrokers(city *plan.City, logger *slog.Logger) *Brokers {
	b := &Brokers{by: map[string]*mqtt.Server{}}
	for _, s := range city.Sources {
		at := s.Transport.Broker
		u, err := url.Parse(at)
		if s.Transport.Kind != plan.TransportMQTT || err != nil || u.Scheme != "mqtt" || b.by[at] != nil {
			continue
		}
		if a, err := netip.ParseAddrPort(u.Host); err != nil || !a.Addr().IsLoopback() {
			continue
		}
		server, err := startBroker(u.Host)
		if err != nil {
			logger.Warn("demo: no broker here, so no message of its systems", "source", s.ID, "broker", at, "error", err)
			continue
		}
		b.by[at] = server
	}
	return b
}

func startBroker(address string) (*mqtt.Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		_ = l.Close()
		return nil, err
	}
	if err := server.AddListener(listeners.NewNet("demo", l)); err != nil {
		_ = l.Close()
		return nil, err
	}
	if err := server.Serve(); err != nil {
		_ = server.Close()
		return nil, err
	}
	return server, nil
}

// Publish sends a message through the broker at an address, with QoS 1; where none was started it does nothing.
func (b *Brokers) Publish(broker, topic string, body []byte) error {
	server := b.by[broker]
	if server == nil {
		return nil
	}
	if err := server.Publish(topic, body, false, 1); err != nil {
		return fmt.Errorf("broker %s: %w", broker, err)
	}
	return nil
}

// Close stops the brokers.
func (b *Brokers) Close() {
	for _, server := range b.by {
		_ = server.Close()
	}
}
