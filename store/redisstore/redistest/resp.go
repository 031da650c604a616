package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// command sends one command over a connection of its own, after AUTH when there
// is a password, and returns the answer as Server.Do does.
func command(addr, password string, limit time.Duration, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	reader := bufio.NewReader(conn)
	if password != "" {
		if _, err := exchange(conn, reader, []string{"AUTH", password}); err != nil {
			return "", fmt.Errorf("authenticating: %w", err)
		}
	}
	return exchange(conn, reader, args)
}

// exchange sends a command and reads its answer.
func exchange(w io.Writer, r *bufio.Reader, args []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", err
	}
	return readReply(r)
}

// readReply reads one value of the protocol, version 2. An error within an
// array is an error of the whole.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("reading the answer: an empty line where a value should begin")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$', '*':
	default:
		return "", fmt.Errorf("reading the answer: %q begins no value", line)
	}
	length, err := strconv.Atoi(rest)
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the answer: %q has no length", line)
	case length < 0: // null
		return "", nil
	case kind == '$':
		return readBulk(r, length)
	}
	return readArray(r, length)
}

// readBulk reads a text of known length, and the end of line after it.
func readBulk(r io.Reader, length int) (string, error) {
	text := make([]byte, length+2)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	return string(text[:length]), nil
}

// readArray reads values and puts each on a line.
func readArray(r *bufio.Reader, length int) (string, error) {
	var lines []string
	var failed error
	for range length {
		line, err := readReply(r)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), failed
}

// field returns the value of a "name:value" line of INFO or CLUSTER INFO, or
// "".
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}
