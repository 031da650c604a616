package fleet

import (
	"fmt"
	"strconv"
	"strings"
)

// The company as text: one line an entry, fields separated by "|".

const domainTable = `listening|Listening|team-listen
content|Content|team-catalog
customers|Customers|team-accounts
business|Business|team-payments
foundations|Foundations|team-platform`

const teamTable = `team-listen|Listening
team-playback|Playback
team-search|Search and discovery
team-catalog|Music catalog
team-podcasts|Podcasts
team-accounts|Accounts and privacy
team-payments|Payments
team-ads|Advertising
team-social|Social
team-data|Data and insights
team-platform|Platform`

// name | title | domain | owner
const systemTable = `library|Library|listening|team-listen
playback|Playback|listening|team-playback
discovery|Discovery|listening|team-search
music-catalog|Music catalog|content|team-catalog
podcasts|Podcasts|content|team-podcasts
identity|Identity|customers|team-accounts
social|Social|customers|team-social
commerce|Commerce|business|team-payments
advertising|Advertising|business|team-ads
insights|Insights|foundations|team-data
platform|Platform|foundations|team-platform`

// name | title | system | tier | what it depends on
const serviceTable = `playlist|Playlists|library|1|tracks users
search|Search|discovery|1|tracks artists search-index
tracks|Tracks|music-catalog|1|media-store licensing
lyrics|Lyrics|music-catalog|2|tracks
payments|Payments|commerce|1|users billing fraud
users|Users|identity|1|sessions
login|Login|identity|1|users sessions
sessions|Sessions|identity|1|
playback|Playback|playback|1|tracks licensing stream-edge
stream-edge|Streaming edge|playback|1|media-store
media-store|Media store|playback|1|
licensing|Licensing|music-catalog|1|
gateway|API gateway|platform|1|login users
artists|Artists|music-catalog|2|tracks
albums|Albums|music-catalog|2|tracks artists
cover-art|Cover art|music-catalog|3|media-store
library|Your library|library|2|playlist tracks users
favourites|Favourites|library|2|users tracks
history|Listening history|library|2|playback users
queue|Play queue|playback|2|playback playlist
offline|Offline downloads|playback|2|licensing media-store
transcoder|Transcoder|playback|2|media-store
loudness|Loudness|playback|4|transcoder
crossfade|Crossfade|playback|4|queue
casting|Casting to devices|playback|3|playback sessions
recommendations|Recommendations|discovery|2|history tracks features
radio|Radio|discovery|2|recommendations tracks
charts|Charts|discovery|3|history tracks
new-releases|New releases|discovery|3|albums
search-index|Search index|discovery|2|tracks artists albums
autocomplete|Autocomplete|discovery|3|search-index
mood|Moods and moments|discovery|4|recommendations
home-feed|Home feed|discovery|1|recommendations playlist charts
podcasts|Podcasts|podcasts|2|media-store users
episodes|Episodes|podcasts|3|podcasts
podcast-ingest|Podcast ingest|podcasts|3|transcoder podcasts
transcripts|Transcripts|podcasts|4|episodes
profiles|Profiles|identity|2|users
family-plans|Family plans|commerce|3|subscriptions users
subscriptions|Subscriptions|commerce|1|users billing
billing|Billing|commerce|1|users
invoices|Invoices|commerce|3|billing
vouchers|Vouchers|commerce|4|billing
fraud|Fraud detection|commerce|2|users
royalties|Royalties|commerce|2|licensing history
concerts|Concerts|social|4|artists
follows|Follows|social|3|users artists
friends-activity|Friends' activity|social|3|follows history
sharing|Sharing|social|3|playlist tracks
comments|Comments|social|4|users episodes
ads-decision|Ad decisions|advertising|2|users audiences
ads-delivery|Ad delivery|advertising|2|ads-decision media-store
audiences|Audiences|advertising|3|history
ads-reports|Ad reports|advertising|4|ads-delivery
events|Event intake|insights|1|
features|Feature store|insights|2|events
experiments|Experiments|insights|3|users events
artist-insights|Insights for artists|insights|3|history artists
notifications|Notifications|platform|2|users events
mail|Mail|platform|3|notifications`

// Subjects and roles name the services beyond the hand-named: lyrics-indexer, and lyrics-indexer-2 once all are used.
const (
	subjects = "playlist track album artist lyrics podcast episode concert user session device stream queue download " +
		"licence royalty invoice voucher plan ad audience event metric report chart radio mood search index cover " +
		"profile follow share comment message"
	roles = "api worker indexer sync cache importer exporter scheduler enricher router auditor cleaner gateway " +
		"aggregator archiver resolver validator notifier"
)

func rows(table string) [][]string {
	var found [][]string
	for line := range strings.SplitSeq(table, "\n") {
		found = append(found, strings.Split(line, "|"))
	}
	return found
}

func domains() []Domain {
	var found []Domain
	for _, row := range rows(domainTable) {
		found = append(found, Domain{Name: row[0], Title: row[1], Owner: row[2]})
	}
	return found
}

func teams() []Team {
	var found []Team
	for _, row := range rows(teamTable) {
		found = append(found, Team{Name: row[0], Title: row[1]})
	}
	return found
}

func systems() []System {
	var found []System
	for _, row := range rows(systemTable) {
		found = append(found, System{Name: row[0], Title: row[1], Domain: row[2], Owner: row[3]})
	}
	return found
}

func handNamed() []Service {
	owners := map[string]string{}
	for _, s := range systems() {
		owners[s.Name] = s.Owner
	}
	var found []Service
	for _, row := range rows(serviceTable) {
		tier, _ := strconv.Atoi(row[3]) // a typing error becomes tier 0, which a test refuses
		found = append(found, Service{
			Name: row[0], Title: row[1], System: row[2], Owner: owners[row[2]], Tier: tier, DependsOn: strings.Fields(row[4]),
		})
	}
	return found
}

// systematic makes that many services beyond the hand-named ones, or none if count is not positive.
func systematic(count int, systems []System) []Service {
	subject, role := strings.Fields(subjects), strings.Fields(roles)
	var found []Service
	for i := range max(count, 0) {
		s, ro, round := subject[i%len(subject)], role[i/len(subject)%len(role)], i/(len(subject)*len(role))
		name := s + "-" + ro
		title := strings.ToUpper(s[:1]) + s[1:] + " " + ro
		if round > 0 {
			name = fmt.Sprintf("%s-%d", name, round+1)
			title = fmt.Sprintf("%s %d", title, round+1)
		}
		system := systems[i%len(systems)]
		service := Service{Name: name, Title: title, System: system.Name, Owner: system.Owner, Tier: 2 + (i+i/7)%3}
		if i > 0 {
			service.DependsOn = []string{found[i/2].Name}
		}
		found = append(found, service)
	}
	return found
}
