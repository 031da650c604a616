package slo

// past remembers what was asked about the time before a service's first row:
// only an answer can tell that there was nothing. Slots are named by their
// end; 0 is none.
type past struct {
	answered int64 // newest slot that was answered
	failed   int64 // newest slot that could not be had
	oldest   int64 // oldest slot that could not be had
}

// cut forgets what is not before the first row any more.
func (p *past) cut(first int64) {
	for _, slot := range []*int64{&p.answered, &p.failed, &p.oldest} {
		if *slot >= first {
			*slot = 0
		}
	}
}

// notePast remembers whether a slot before the first row could be had.
func (s *Series) notePast(slot int64, failed bool) {
	if s.first != 0 && slot >= s.first {
		return
	}
	p := &s.before
	if !failed {
		p.answered = max(p.answered, slot)
	} else {
		p.failed = max(p.failed, slot)
		if p.oldest == 0 || slot < p.oldest {
			p.oldest = slot
		}
	}
	s.cache.clear()
}

// origin returns where the windows of the service start at the earliest: with
// its first row, unless the time right before it could not be had. Then that
// time is a gap, and not a time before the service.
func (s *Series) origin() int64 {
	if p := s.before; p.failed > p.answered {
		return min(s.first, p.oldest) - slotSeconds
	}
	return s.first - slotSeconds
}

// anyFault reports that some cell or source could not be had.
func anyFault(views []cellView, r *Round) bool {
	for i := range views {
		if views[i].fault != nil {
			return true
		}
	}
	return len(r.Failed) > 0
}
