package redistest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
)

const (
	loopback  = "127.0.0.1"
	firstPort = 11000 // below those that Linux hands out itself, from 32768
	ports     = 10000 // how many there are to choose from
	busOffset = 10000 // from a server's port to its cluster bus
)

// port is a number that belongs to one server of one test, whether the server
// runs or not. What makes it so is the UDP port of the same number, which Redis
// does not use and which every caller of reserve, in any process, takes first.
type port struct {
	number int
	guard  net.PacketConn
}

// reserve returns a port that is free, as is the one of its cluster bus.
func reserve() (port, error) {
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return port{}, fmt.Errorf("choosing a port: %w", err)
	}
	start := int(binary.BigEndian.Uint64(seed[:]) % ports)
	const attempts = 200
	var err error
	for i := range attempts {
		var p port
		if p, err = take(firstPort + (start+i)%ports); err == nil {
			return p, nil
		}
	}
	return port{}, fmt.Errorf("choosing a port: %d ports from %d on are not free: %w", attempts, firstPort+start, err)
}

// take reserves a port, unless somebody has it.
func take(number int) (port, error) {
	var config net.ListenConfig
	guard, err := config.ListenPacket(context.Background(), "udp4", net.JoinHostPort(loopback, strconv.Itoa(number)))
	if err != nil {
		return port{}, err
	}
	for _, wanted := range []int{number, number + busOffset} {
		listener, err := config.Listen(context.Background(), "tcp4", net.JoinHostPort(loopback, strconv.Itoa(wanted)))
		if err != nil {
			return port{}, errors.Join(err, guard.Close())
		}
		if err := listener.Close(); err != nil {
			return port{}, errors.Join(err, guard.Close())
		}
	}
	return port{number: number, guard: guard}, nil
}

// release gives the port back. Releasing again does nothing.
func (p *port) release() {
	if p.guard != nil {
		_ = p.guard.Close() // nothing was written to it
		p.guard = nil
	}
}
