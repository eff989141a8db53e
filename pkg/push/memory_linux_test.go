package push

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// idleWalls is how many walls BenchmarkIdleWall connects.
const idleWalls = 5000

// BenchmarkIdleWall tells what a wall costs that has its snapshot and one event and is idle since. The walls are bare
// descriptors, so that the process's memory is the hub's.
func BenchmarkIdleWall(b *testing.B) {
	for b.Loop() {
		r := newRig(b, Options{}, false)
		addr := r.server.Listener.Addr().(*net.TCPAddr)
		before := memoryNow()
		for range idleWalls {
			fd := bareWall(b, addr)
			b.Cleanup(func() { _ = syscall.Close(fd) })
		}
		eventually(b, func() bool { return r.hub.Stats().Connections == idleWalls })
		r.publish(Item{Incident: "i", Wall: []byte(`{"seq":1}`), Full: []byte(`{"seq":1}`)})
		time.Sleep(time.Second)
		fresh := memoryNow()
		runtime.GC()
		after := memoryNow()
		per := func(f func(m memory) uint64) float64 { return float64(int64(f(after)-f(before))) / idleWalls }
		b.ReportMetric(float64(int64(fresh.StackInuse-before.StackInuse))/idleWalls, "stack-B/wall")
		b.ReportMetric(per(func(m memory) uint64 { return m.StackInuse }), "stack-after-GC-B/wall")
		b.ReportMetric(per(func(m memory) uint64 { return m.HeapAlloc }), "live-B/wall")
		b.ReportMetric(float64(int64(fresh.HeapInuse-before.HeapInuse))/idleWalls, "heap-B/wall")
		b.ReportMetric(float64(int64(fresh.Sys-before.Sys))/idleWalls, "sys-B/wall")
		b.ReportMetric(float64(int64(fresh.resident-before.resident))/idleWalls, "resident-B/wall")
	}
}

type memory struct {
	runtime.MemStats
	resident uint64
}

func memoryNow() (m memory) {
	runtime.ReadMemStats(&m.MemStats)
	b, _ := os.ReadFile("/proc/self/statm")
	var pages [2]uint64
	_, _ = fmt.Sscan(string(b), &pages[0], &pages[1])
	m.resident = pages[1] * uint64(os.Getpagesize())
	return m
}

// bareWall connects and subscribes by hand.
func bareWall(b *testing.B, addr *net.TCPAddr) int {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}})
	}
	say := func(s string) {
		if err == nil {
			_, err = syscall.Write(fd, []byte(s))
		}
	}
	say("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: banyan.v1\r\n\r\n")
	var buf [1024]byte
	for heard := ""; err == nil && !strings.Contains(heard, "\r\n\r\n"); {
		var n int
		n, err = syscall.Read(fd, buf[:])
		heard += string(buf[:n])
	}
	const subscribe = `{"op":"subscribe","topics":["wall"]}`
	say("\x81" + string([]byte{0x80 | byte(len(subscribe))}) + "\x00\x00\x00\x00" + subscribe) // a mask of zeros
	if err == nil {
		_, err = syscall.Read(fd, buf[:]) // the snapshot
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}
