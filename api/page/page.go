// Package page renders what a person sees in a browser: the fleet at a
// glance, a service with its scorecards, the rubrics. Pages are plain HTML and
// inline SVG without scripts, so that the strictest Content-Security-Policy
// holds; every text from a catalog or a source is escaped by html/template.
// The package knows the vocabulary only; it may not know HTTP, nor where a
// snapshot comes from.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/apgarhq/apgar/scorecard"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed assets/style.css
var style []byte

//go:embed assets/favicon.svg
var icon []byte

// Policy is the Content-Security-Policy of every page.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Site is what all pages share.
type Site struct {
	Base    string // path before every link, without a trailing slash
	Version string // of the program
	Links   []Link

	// What else the server answers, and the pages may link to.
	History, Metrics, Scorecards bool
}

// Link is a place elsewhere, http or https.
type Link struct {
	Title, URL string
}

// Renderer renders pages. It is immutable and safe for concurrent use.
type Renderer struct {
	site  Site
	pages *template.Template
	asset string // changes with the stylesheet, so that browsers fetch the new one
}

// New returns a Renderer. A link of the site that is neither http nor https is
// an error that names it.
func New(site Site) (*Renderer, error) {
	for _, l := range site.Links {
		if !webLink(l.URL) {
			return nil, fmt.Errorf("building the pages: the link %q is not a complete http or https URL; write it like https://prometheus.example.org/", l.Title)
		}
	}
	pages, err := template.New("").ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("building the pages: %w", err)
	}
	sum := sha256.Sum256(style)
	return &Renderer{site: site, pages: pages, asset: hex.EncodeToString(sum[:6])}, nil
}

// Style returns the stylesheet, to be served at /style.css.
func (r *Renderer) Style() []byte { return style }

// Icon returns the icon, an SVG to be served at /favicon.svg.
func (r *Renderer) Icon() []byte { return icon }

// Moment is the state of the server that a page is rendered for.
type Moment struct {
	Snapshot *scorecard.Snapshot
	Stale    bool
	Live     bool // the page reloads itself
}

// frame is what every page shows around its own matter.
type frame struct {
	Site
	Title   string
	Asset   string
	Tick    string
	Number  uint64 // of the generation
	Stale   bool
	Refresh int    // seconds; 0: the page does not reload itself
	Here    string // which entry of the navigation this is
}

const minRefresh = 15 * time.Second

func (r *Renderer) frame(title, here string, m Moment) frame {
	f := frame{Site: r.site, Title: title, Asset: r.asset, Here: here, Stale: m.Stale}
	if m.Snapshot != nil {
		f.Tick, f.Number = clock(m.Snapshot.Tick), m.Snapshot.Generation
		if m.Live {
			f.Refresh = int(max(m.Snapshot.Interval, minRefresh).Seconds())
		}
	}
	return f
}

func (r *Renderer) render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := r.pages.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("render the page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Problem renders a page that says what went wrong. retry makes it reload
// itself, for what mends itself.
func (r *Renderer) Problem(title, detail string, retry bool) ([]byte, error) {
	f := r.frame(title, "", Moment{})
	if retry {
		f.Refresh = 3
	}
	return r.render("problem.html", struct {
		frame
		Detail string
	}{f, sentence(detail)})
}

// sentence makes a sentence of what is written as the middle of one.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

func webLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
