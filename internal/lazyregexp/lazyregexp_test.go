package lazyregexp

import "testing"

func TestCompilesAtFirstUse(t *testing.T) {
	broken := New("(") // nothing happens yet
	defer func() {
		if recover() == nil {
			t.Error("a broken pattern was used")
		}
	}()
	if got := New(`^a(b+)`).FindStringSubmatch("abbc"); len(got) != 2 || got[1] != "bb" {
		t.Errorf("the match is %q", got)
	}
	broken.MatchString("")
}
