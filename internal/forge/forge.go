// Package forge tells people of a deployment where they review it: one comment on a pull request for each environment, and one issue for what has drifted,
// both found again by their first line and updated in place. It speaks to GitHub and to GitLab, from within their jobs.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Error says what is wrong, and what helps.
type Error struct{ Reason, Hint string }

func (e *Error) Error() string { return e.Reason }

// Job is the job of a forge's CI that the process runs in.
type Job struct {
	// Log is where a person reads what the job has printed; "" where that is not known.
	Log string
	// Change is the number of the pull request; 0 in a job that is not one's.
	Change int

	forge forge
}

// forge is what differs between them.
type forge interface {
	// comments and issues list those that are the job's own, the oldest first. issues are the open ones.
	comments(ctx context.Context, change int) ([]post, error)
	issues(ctx context.Context) ([]post, error)
	addComment(ctx context.Context, change int, body string) (post, error)
	setComment(ctx context.Context, change int, id int64, body string) (post, error)
	addIssue(ctx context.Context, title, body string) (post, error)
	setIssue(ctx context.Context, id int64, body string) (post, error)
	closeIssue(ctx context.Context, id int64) (post, error)
}

// post is a comment or an issue.
type post struct {
	id        int64
	body, url string
}

// Here is the job that the process runs in, as the variables of GitHub's and GitLab's jobs say:
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables, https://docs.gitlab.com/ci/variables/predefined_variables/.
func Here(getenv func(string) string) (*Job, error) {
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // what is sent along is for this host
	}}
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		return hereOnGitHub(getenv, client)
	case getenv("GITLAB_CI") == "true":
		return hereOnGitLab(getenv, client)
	}
	return nil, &Error{"this is no job of GitHub Actions or GitLab CI", "the workflows that `hubwright ci` makes call this; locally, look at the file"}
}

// required are variables that a job must have.
func required(getenv func(string) string, names ...string) error {
	var missing []string
	for _, name := range names {
		if getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{"not set in this job: " + strings.Join(missing, ", "), "the workflows that `hubwright ci` makes set them"}
}

// What became of a comment or an issue.
const (
	Made      = "made"
	Updated   = "updated"
	Unchanged = "unchanged"
	Closed    = "closed"
	None      = "none"
)

// Comment puts a text on the job's pull request: into its comment with the same first line, or into a new one. It returns what was done, and where it is.
func (j *Job) Comment(ctx context.Context, body string) (done, where string, err error) {
	if j.Change == 0 {
		return "", "", &Error{"this job is not a pull request's, so there is nothing to comment on", "the workflow has to run on pull_request, or in a merge request's pipeline"}
	}
	there, err := j.forge.comments(ctx, j.Change)
	if err != nil {
		return "", "", err
	}
	old, found := find(there, body)
	switch {
	case !found:
		p, err := j.forge.addComment(ctx, j.Change, body)
		return Made, p.url, err
	case same(old.body, body):
		return Unchanged, old.url, nil
	}
	p, err := j.forge.setComment(ctx, j.Change, old.id, body)
	return Updated, p.url, err
}

// Issue puts a text into the open issue with the same first line, or into a new one of that title.
func (j *Job) Issue(ctx context.Context, title, body string) (done, where string, err error) {
	there, err := j.forge.issues(ctx)
	if err != nil {
		return "", "", err
	}
	old, found := find(there, body)
	switch {
	case !found:
		p, err := j.forge.addIssue(ctx, title, body)
		return Made, p.url, err
	case same(old.body, body):
		return Unchanged, old.url, nil
	}
	p, err := j.forge.setIssue(ctx, old.id, body)
	return Updated, p.url, err
}

// CloseIssue closes the open issue with that first line, if there is one.
func (j *Job) CloseIssue(ctx context.Context, marker string) (done, where string, err error) {
	there, err := j.forge.issues(ctx)
	if err != nil {
		return "", "", err
	}
	old, found := find(there, marker)
	if !found {
		return None, "", nil
	}
	p, err := j.forge.closeIssue(ctx, old.id)
	return Closed, p.url, err
}

// find is the first of several with the same first line.
func find(posts []post, body string) (post, bool) {
	want, _, _ := strings.Cut(body, "\n")
	for _, p := range posts {
		if first, _, _ := strings.Cut(p.body, "\n"); strings.TrimSpace(first) == strings.TrimSpace(want) {
			return p, true
		}
	}
	return post{}, false
}

// same compares texts as a forge keeps them: it may have other ends of lines, and drop some at the end.
func same(a, b string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(a) == norm(b)
}

// api is an HTTP interface with JSON.
type api struct {
	client *http.Client
	base   string
	header http.Header
}

// most is how much of an answer is read, in bytes; pages, how many pages of 100 entries.
const (
	most  = 32 << 20
	pages = 100
)

// call makes a request. in is its body, out takes the answer's; both may be nil.
func (a *api) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.base, "/")+path, body)
	if err != nil {
		return err
	}
	req.Header = a.header.Clone()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("%s %s: %w", method, a.base, err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, a.base, err)
	}
	if res.StatusCode/100 != 2 {
		return refused(method, path, res.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what was expected: %w", method, path, err)
	}
	return nil
}

// refused words an answer that is none.
func refused(method, path string, status int, data []byte) error {
	var said struct{ Message any }
	text := ""
	if json.Unmarshal(data, &said) == nil && said.Message != nil {
		text = ": " + fmt.Sprint(said.Message)
	}
	hint := ""
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		hint = "the token has to be allowed to: GitHub's with permissions pull-requests or issues: write, GitLab's with the scope api"
	}
	return &Error{fmt.Sprintf("%s %s: %d %s%s", method, path, status, http.StatusText(status), text), hint}
}

// all lists what has several pages.
func all[T any](ctx context.Context, a *api, path string) ([]T, error) {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var out []T
	for page := 1; page <= pages; page++ {
		var some []T
		if err := a.call(ctx, http.MethodGet, path+sep+"per_page=100&page="+strconv.Itoa(page), nil, &some); err != nil {
			return nil, err
		}
		out = append(out, some...)
		if len(some) < 100 {
			break
		}
	}
	return out, nil
}
