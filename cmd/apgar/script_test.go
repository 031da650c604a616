package main

import (
	"bytes"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this very test binary be the program: scripts and tests find
// it in PATH as apgar.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"apgar": main})
}

var update = flag.Bool("update", false, "write what the program prints into the scripts")

// TestScripts runs the program as a user would, and compares what it prints.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: occupyAPort,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "binary": writeBinary, "large": writeLarge, "nested": writeNested,
		},
	})
}

// occupyAPort lets a script know an address on which somebody else listens.
func occupyAPort(env *testscript.Env) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = l.Close() })
	env.Setenv("TAKEN", l.Addr().String())
	return nil
}

// exits runs a program that must end with an exit status:
//
//	exits STATUS PROGRAM [ARG…]
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s did not run: %v", args[1], err)
	}
	if status != want {
		ts.Fatalf("%s exited with %d, not with %d", strings.Join(args[1:], " "), status, want)
	}
}

// writeBinary writes a file that is no text.
func writeBinary(ts *testscript.TestScript, _ bool, args []string) {
	writeFile(ts, args, bytes.Repeat([]byte{0x7f, 'E', 'L', 'F', 0, 0xff, 0xfe}, 500))
}

// writeLarge writes 5 MB of sound YAML, more than one file may have.
func writeLarge(ts *testscript.TestScript, _ bool, args []string) {
	line := []byte("  - {name: service, description: \"" + strings.Repeat("x", 200) + "\"}\n")
	writeFile(ts, args, append([]byte("apiVersion: apgar.dev/v1\nservices:\n"), bytes.Repeat(line, 5_000_000/len(line))...))
}

// writeNested writes lists within lists, a hundred thousand deep.
func writeNested(ts *testscript.TestScript, _ bool, args []string) {
	const depth = 100_000
	writeFile(ts, args, []byte("rubrics: "+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"\n"))
}

func writeFile(ts *testscript.TestScript, args []string, data []byte) {
	if len(args) != 1 {
		ts.Fatalf("usage: binary|large|nested FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
