package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// server is as much of a forge's interface as is used here: lists of a hundred a page, texts that are made and changed. It refuses who has another token.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	github bool
	lists  map[string][]map[string]any // by their paths
	calls  []string                    // what was changed
}

const (
	token = "t0ken"
	mark  = "<!-- hubwright change staging -->"
)

func newServer(t *testing.T, github bool) *server {
	t.Helper()
	s := &server{github: github, lists: map[string][]map[string]any{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) getenv(more ...string) func(string) string {
	var env map[string]string
	if s.github {
		env = map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_API_URL": s.URL, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": token, "GITHUB_REF": "refs/pull/7/merge",
			"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "5",
		}
	} else {
		env = map[string]string{
			"GITLAB_CI": "true", "CI_API_V4_URL": s.URL, "CI_PROJECT_ID": "3", "HUBWRIGHT_GITLAB_TOKEN": token, "CI_MERGE_REQUEST_IID": "7", "CI_JOB_URL": "https://gitlab.example.org/o/r/-/jobs/5",
		}
	}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return func(name string) string { return env[name] }
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if r.Header.Get("Authorization") != "Bearer "+token && r.Header.Get("Private-Token") != token {
		answer(http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
		return
	}
	if r.URL.Path == "/user" {
		answer(http.StatusOK, map[string]any{"id": 42})
		return
	}
	if r.Method == http.MethodGet {
		list := s.lists[r.URL.Path]
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		from := min(len(list), (page-1)*100)
		answer(http.StatusOK, list[from:min(len(list), from+100)])
		return
	}
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	s.calls = append(s.calls, fmt.Sprintf("%s %s %v", r.Method, r.URL.Path, in))
	if r.Method == http.MethodPost {
		in["id"], in["iid"], in["number"] = 1000, 8, 8
		in["user"], in["author"] = map[string]any{"login": bot}, map[string]any{"id": 42}
		in["html_url"], in["web_url"] = "https://example.org/8", "https://example.org/8"
		s.lists[r.URL.Path] = append(s.lists[r.URL.Path], in)
		answer(http.StatusCreated, in)
		return
	}
	answer(http.StatusOK, map[string]any{"id": 1, "iid": 1, "number": 1})
}

// text is a comment or an issue of somebody's.
func (s *server) text(id int, mine bool, body string) map[string]any {
	login, author := "mallory", 666
	if mine {
		login, author = bot, 42
	}
	return map[string]any{"id": id, "iid": id, "number": id, "body": body, "description": body, "user": map[string]any{"login": login}, "author": map[string]any{"id": author}}
}

func (s *server) comments() string {
	if s.github {
		return "/repos/o/r/issues/7/comments"
	}
	return "/projects/3/merge_requests/7/notes"
}

func (s *server) issues() string {
	if s.github {
		return "/repos/o/r/issues"
	}
	return "/projects/3/issues"
}

func both(t *testing.T, test func(t *testing.T, s *server)) {
	for _, github := range []bool{true, false} {
		t.Run(map[bool]string{true: "github", false: "gitlab"}[github], func(t *testing.T) { test(t, newServer(t, github)) })
	}
}

// The comment of an environment is made once and then updated in place, also when it is beyond the first page. What others have written is left alone,
// whatever its first line.
func TestComment(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		job, err := Here(s.getenv())
		if err != nil {
			t.Fatal(err)
		}
		comment := func(body, want string) {
			t.Helper()
			done, _, err := job.Comment(t.Context(), body)
			if err != nil || done != want {
				t.Errorf("%q, %v, want %q", done, err, want)
			}
		}
		for i := range 150 {
			s.lists[s.comments()] = append(s.lists[s.comments()], s.text(i, i%2 == 0, "hello"))
		}
		s.lists[s.comments()] = append(s.lists[s.comments()], s.text(200, false, mark+"\nmine is first"), s.text(201, true, strings.Replace(mark, "staging", "prod", 1)+"\nx"))
		comment(mark+"\nfirst\n", Made)
		comment(mark+"\nfirst\n", Unchanged)
		comment(mark+"\nsecond\n", Updated)
		id := "/1000"
		if s.github {
			id = "" // not below the pull request
		}
		if len(s.calls) != 2 || !strings.HasPrefix(s.calls[0], "POST "+s.comments()) || !strings.Contains(s.calls[1], "1000") || !strings.Contains(s.calls[1], "second") || !s.github && !strings.HasPrefix(s.calls[1], "PUT "+s.comments()+id) ||
			s.github && !strings.HasPrefix(s.calls[1], "PATCH /repos/o/r/issues/comments/1000") {
			t.Errorf("%q", s.calls)
		}
	})
}

// The issue of an environment is opened, kept, and closed.
func TestIssue(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		job, err := Here(s.getenv("GITHUB_REF", "refs/heads/main", "CI_MERGE_REQUEST_IID", ""))
		if err != nil {
			t.Fatal(err)
		}
		s.lists[s.issues()] = append(s.lists[s.issues()], s.text(2, false, mark+"\n"))
		pull := s.text(3, true, mark+"\n")
		if s.github { // where a pull request is an issue, too
			pull["pull_request"] = map[string]any{}
			s.lists[s.issues()] = append(s.lists[s.issues()], pull)
		}
		if done, _, err := job.CloseIssue(t.Context(), mark); err != nil || done != None {
			t.Errorf("%s, %v", done, err)
		}
		if done, where, err := job.Issue(t.Context(), "Drift in staging", mark+"\nfirst"); err != nil || done != Made || where != "https://example.org/8" {
			t.Errorf("%s, %s, %v", done, where, err)
		}
		if !s.github { // which keeps what it is given as description
			last := s.lists[s.issues()][len(s.lists[s.issues()])-1]
			if last["title"] != "Drift in staging" || last["description"] != mark+"\nfirst" {
				t.Errorf("%v", last)
			}
		}
		if done, _, err := job.Issue(t.Context(), "x", mark+"\nfirst\n"); err != nil || done != Unchanged {
			t.Errorf("%s, %v", done, err)
		}
		if done, _, err := job.Issue(t.Context(), "x", mark+"\nsecond"); err != nil || done != Updated {
			t.Errorf("%s, %v", done, err)
		}
		if done, _, err := job.CloseIssue(t.Context(), mark); err != nil || done != Closed {
			t.Errorf("%s, %v", done, err)
		}
		want := map[bool]string{true: "map[state:closed]", false: "map[state_event:close]"}[s.github]
		if last := s.calls[len(s.calls)-1]; !strings.HasSuffix(last, s.issues()+"/8 "+want) {
			t.Errorf("%q", last)
		}
		if _, _, err := job.Comment(t.Context(), mark); err == nil || !strings.Contains(err.Error(), "not a pull request's") {
			t.Error(err)
		}
	})
}

func TestHere(t *testing.T) {
	for want, env := range map[string]func(string) string{
		"this is no job":                        func(string) string { return "" },
		"not set in this job: GITHUB_TOKEN":     newServer(t, true).getenv("GITHUB_TOKEN", ""),
		"CI_PROJECT_ID, HUBWRIGHT_GITLAB_TOKEN": newServer(t, false).getenv("HUBWRIGHT_GITLAB_TOKEN", "", "CI_PROJECT_ID", ""),
	} {
		if _, err := Here(env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	job, err := Here(newServer(t, true).getenv())
	if err != nil || job.Log != "https://github.com/o/r/actions/runs/5" || job.Change != 7 {
		t.Errorf("%+v, %v", job, err)
	}
}

// What a forge says against it is told; the token never is, and goes to no other host.
func TestRefused(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		job, err := Here(s.getenv("GITHUB_TOKEN", "wrong-one", "HUBWRIGHT_GITLAB_TOKEN", "wrong-one"))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = job.Comment(t.Context(), mark)
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "401 Unauthorized: Bad credentials") || !strings.Contains(refused.Hint, "write") || strings.Contains(err.Error(), "wrong-one") {
			t.Error(err)
		}
		var asked []string
		elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Private-Token")+r.Header.Get("Authorization"))
		}))
		defer elsewhere.Close()
		leads := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
		defer leads.Close()
		if job, err = Here(s.getenv("GITHUB_API_URL", leads.URL, "CI_API_V4_URL", leads.URL)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := job.Comment(t.Context(), mark); err == nil || len(asked) > 0 {
			t.Errorf("%v, asked elsewhere with %q", err, asked)
		}
		s.Close()
		if job, err = Here(s.getenv()); err != nil {
			t.Fatal(err)
		}
		if _, _, err = job.Comment(t.Context(), mark); err == nil || strings.Contains(err.Error(), token) || slices.Contains(strings.Split(err.Error(), " "), token) {
			t.Error(err)
		}
	})
}
