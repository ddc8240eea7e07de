package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines that have no time zones of their own
)

// Window is a time at which nobody's work may be interrupted: hours of days of the week, or some days of the calendar, or hours of these.
type Window struct {
	// Days are days of the week: mon, tue, wed, thu, fri, sat, sun. None: all.
	Days []string
	// From and To are times of the day, as 08:00; To may be 24:00. Both empty: the whole day. A To before From is the next day's.
	From, To string
	// First and Last are days, as 2026-12-01, between which it holds; empty: always.
	First, Last string
	// TimeZone is the zone that the times are of, as Europe/Berlin. Default: UTC.
	TimeZone string
	// Reason says why, for those who are stopped.
	Reason string
}

// window is a Window that has been read.
type window struct {
	days        []time.Weekday
	from, to    time.Duration // of the day; to is beyond 24 hours when it is the next day's
	first, last time.Time     // zero: always
	zone        *time.Location
	reason      string
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (w Window) compile(path string, add func(path, message, hint string)) window {
	out := window{to: 24 * time.Hour, zone: time.UTC, reason: w.Reason}
	if w.TimeZone != "" {
		zone, err := time.LoadLocation(w.TimeZone)
		if err != nil {
			add(path+".timeZone", fmt.Sprintf("%q is no time zone", w.TimeZone), "use a name such as Europe/Berlin or America/New_York")
		} else {
			out.zone = zone
		}
	}
	for _, day := range w.Days {
		i := slices.Index(weekdays, strings.ToLower(day))
		if i < 0 {
			add(path+".days", fmt.Sprintf("%q is no day of the week", day), "use "+strings.Join(weekdays, ", "))
			continue
		}
		out.days = append(out.days, time.Weekday(i))
	}
	if w.From != "" {
		out.from = timeOfDay(path+".from", w.From, add)
	}
	if w.To != "" {
		out.to = timeOfDay(path+".to", w.To, add)
	}
	if out.to <= out.from {
		out.to += 24 * time.Hour
	}
	out.first, out.last = dayOf(path+".first", w.First, out.zone, add), dayOf(path+".last", w.Last, out.zone, add)
	if !out.first.IsZero() && !out.last.IsZero() && out.last.Before(out.first) {
		add(path+".last", fmt.Sprintf("%s is before %s", w.Last, w.First), "the last day comes after the first, or is the same")
	}
	return out
}

func timeOfDay(path, text string, add func(path, message, hint string)) time.Duration {
	if text == "24:00" {
		return 24 * time.Hour
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		add(path, fmt.Sprintf("%q is no time of the day", text), "use hours and minutes, such as 08:00")
		return 0
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

func dayOf(path, text string, zone *time.Location, add func(path, message, hint string)) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		add(path, fmt.Sprintf("%q is no day", text), "use year, month and day, such as 2026-12-01")
		return time.Time{}
	}
	return t
}

// covers says whether a time is in the window, and until when.
func (w window) covers(now time.Time) (until time.Time, in bool) {
	now = now.In(w.zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, w.zone)
	for _, day := range []time.Time{today.AddDate(0, 0, -1), today} { // yesterday's may reach over midnight
		if len(w.days) > 0 && !slices.Contains(w.days, day.Weekday()) || !w.first.IsZero() && day.Before(w.first) || !w.last.IsZero() && day.After(w.last) {
			continue
		}
		from, to := at(day, w.from), at(day, w.to)
		if !now.Before(from) && now.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// at is a time of a day by the clock on the wall, whatever summer time does to it.
func at(day time.Time, clock time.Duration) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), int(clock.Hours()), int(clock.Minutes())%60, 0, 0, day.Location())
}
