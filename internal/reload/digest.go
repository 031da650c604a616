package reload

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strconv"
)

// maxHashed is how much of a file is hashed. Nothing that a configuration names
// may be larger; of what is, size and time stand for the content.
const maxHashed = 16 << 20

// digest stands for what a file held when it was looked at, or for why nothing
// could be read: of two looks it tells whether anything is different.
type digest [sha256.Size]byte

// digests are those of all files, by path.
type digests map[string]digest

func digestsOf(paths []string) digests {
	all := make(digests, len(paths))
	for _, path := range paths {
		all[path] = digestOf(path)
	}
	return all
}

// digestOf reads the file at path, or behind the link there. What is no file is
// not opened: a pipe would keep the reader waiting.
func digestOf(path string) digest {
	info, err := os.Stat(path)
	if err != nil {
		return digestOfText(err.Error())
	}
	if !info.Mode().IsRegular() {
		return digestOfText("no regular file: " + info.Mode().Type().String())
	}
	f, err := os.Open(path)
	if err != nil {
		return digestOfText(err.Error())
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(f, maxHashed))
	switch {
	case err != nil:
		return digestOfText(err.Error())
	case n == maxHashed && info.Size() > maxHashed:
		_, _ = fmt.Fprint(hash, strconv.FormatInt(info.Size(), 10), info.ModTime().UnixNano())
	}
	return digest(hash.Sum(nil))
}

// digestOfText is that of what could not be read.
func digestOfText(text string) digest {
	return sha256.Sum256([]byte("not read\x00" + text))
}
