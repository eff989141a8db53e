package history

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Bounds of what is searched.
const (
	maxTextRunes  = 4_000 // of one text
	maxQueryRunes = 100
)

// Chinese has no spaces and its words are mostly of two characters, which a trigram index cannot find. So what
// is written in ideographs is indexed by overlapping pairs: 五四路 as 五四 四路 路. A query of two or more
// characters is a phrase of pairs, one of one character a prefix. Everything else is indexed by words, each of
// which may be cut short at its end.

// runs splits text into runs of ideographs and runs of other letters and digits, lower-cased, in compatibility form.
func runs(text string, most int) (runs []string, wide []bool) {
	var run []rune
	kind := 0 // 0 nothing, 1 word, 2 ideographs
	end := func() {
		if kind != 0 {
			runs, wide = append(runs, string(run)), append(wide, kind == 2)
		}
		run, kind = run[:0], 0
	}
	n := 0
	for _, r := range norm.NFKC.String(text) {
		if n++; n > most {
			break
		}
		is := 0
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			is = 2
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			is = 1
		}
		if is != kind {
			end()
			kind = is
		}
		if is != 0 {
			run = append(run, unicode.ToLower(r))
		}
	}
	end()
	return runs, wide
}

// pairs writes a run of ideographs as overlapping pairs; last: the last character by itself as well.
func pairs(b *strings.Builder, run string, last bool) {
	rs := []rune(run)
	for i := range rs {
		if i+1 < len(rs) {
			b.WriteRune(rs[i])
			b.WriteRune(rs[i+1])
			b.WriteByte(' ')
		} else if last {
			b.WriteRune(rs[i])
			b.WriteByte(' ')
		}
	}
}

// spread returns text as it is indexed, "" where there is nothing to index.
func spread(text string) string {
	var b strings.Builder
	words, wide := runs(text, maxTextRunes)
	for i, w := range words {
		if wide[i] {
			pairs(&b, w, true)
		} else {
			b.WriteString(w)
			b.WriteByte(' ')
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// match returns what people type as a query of FTS5: everything must be there, in any order. It returns "" where
// nothing is left to look for.
func match(query string) string {
	var terms []string
	words, wide := runs(query, maxQueryRunes)
	for i, w := range words {
		var b strings.Builder
		if !wide[i] {
			terms = append(terms, `"`+w+`"*`)
			continue
		}
		if pairs(&b, w, false); b.Len() == 0 {
			terms = append(terms, `"`+w+`"*`) // one character: the beginning of a pair, or alone
			continue
		}
		terms = append(terms, `"`+strings.TrimSuffix(b.String(), " ")+`"`)
	}
	return strings.Join(terms, " AND ")
}
