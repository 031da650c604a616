package promapi

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRemoteText is how many bytes of a remote text are shown.
const maxRemoteText = 256

// minSecret is the length below which a text is no secret worth hiding: replacing "a" everywhere would hide the message.
const minSecret = 4

// sanitizer makes remote text fit to be shown: a server may send back what it was sent, credentials included.
type sanitizer struct{ secrets []string }

// sanitizerFor knows the secrets of the request as it went over the wire, wherever they came from, and those given.
func sanitizerFor(sent *http.Request, known []string) sanitizer {
	var s sanitizer
	for _, secret := range known {
		s.hide(secret)
	}
	if sent != nil {
		for name, values := range sent.Header {
			switch name {
			case "Accept-Encoding", "Content-Type", "User-Agent":
				continue
			}
			for _, value := range values {
				s.hide(value)
				if name == "Authorization" {
					s.hideCredentials(value)
				}
			}
		}
	}
	// The longest first: a secret may contain another.
	slices.SortFunc(s.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return s
}

func (s *sanitizer) hideCredentials(header string) {
	_, token, ok := strings.Cut(header, " ")
	if !ok {
		return
	}
	s.hide(token)
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil {
		s.hide(string(plain))
		if _, password, ok := strings.Cut(string(plain), ":"); ok {
			s.hide(password)
		}
	}
}

func (s *sanitizer) hide(secret string) {
	if len(secret) >= minSecret {
		s.secrets = append(s.secrets, secret)
	}
}

// clean removes secrets and control characters and cuts the rest to at most maxRemoteText bytes of valid UTF-8.
func (s sanitizer) clean(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "<hidden>")
	}
	var b strings.Builder
	space := false
	for _, r := range text {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			space = b.Len() > 0
			continue
		}
		size := utf8.RuneLen(r)
		if space {
			size++
		}
		if b.Len()+size > maxRemoteText-len("…") {
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
