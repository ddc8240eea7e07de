package forge

import (
	"context"
	"net/http"
	"strconv"
)

// gitlab is GitLab's REST interface: https://docs.gitlab.com/api/notes/, https://docs.gitlab.com/api/issues/. A job's own token may not write notes
// (https://docs.gitlab.com/ci/jobs/ci_job_token/ lists what it may), so there is one of the project's in HUBWRIGHT_GITLAB_TOKEN.
type gitlab struct {
	api
	project string // "/projects/ID"
	me      int64  // who the token speaks as; 0 until it was asked
}

func hereOnGitLab(getenv func(string) string, client *http.Client) (*Job, error) {
	if err := required(getenv, "CI_API_V4_URL", "CI_PROJECT_ID", "HUBWRIGHT_GITLAB_TOKEN"); err != nil {
		return nil, err
	}
	j := &Job{Log: getenv("CI_JOB_URL"), forge: &gitlab{
		api:     api{client, getenv("CI_API_V4_URL"), http.Header{"Private-Token": {getenv("HUBWRIGHT_GITLAB_TOKEN")}}},
		project: "/projects/" + getenv("CI_PROJECT_ID"),
	}}
	j.Change, _ = strconv.Atoi(getenv("CI_MERGE_REQUEST_IID"))
	return j, nil
}

// note is a note or an issue, as far as it matters here.
type note struct {
	ID          int64  `json:"id"`
	IID         int64  `json:"iid"`
	Body        string `json:"body"`        // a note's
	Description string `json:"description"` // an issue's
	WebURL      string `json:"web_url"`     // an issue's
	Author      struct {
		ID int64 `json:"id"`
	} `json:"author"`
}

func (n *note) comment() post { return post{n.ID, n.Body, ""} }
func (n *note) issue() post   { return post{n.IID, n.Description, n.WebURL} }

// own lists what the token's user has written.
func (g *gitlab) own(ctx context.Context, path string) ([]note, error) {
	if g.me == 0 {
		var user note
		if err := g.call(ctx, http.MethodGet, "/user", nil, &user); err != nil {
			return nil, err
		}
		g.me = user.ID
	}
	list, err := all[note](ctx, &g.api, g.project+path)
	var out []note
	for _, n := range list {
		if n.Author.ID == g.me {
			out = append(out, n)
		}
	}
	return out, err
}

func notes(change int) string { return "/merge_requests/" + strconv.Itoa(change) + "/notes" }

func (g *gitlab) comments(ctx context.Context, change int) ([]post, error) {
	list, err := g.own(ctx, notes(change)+"?sort=asc&order_by=created_at")
	var out []post
	for _, n := range list {
		out = append(out, n.comment())
	}
	return out, err
}

func (g *gitlab) issues(ctx context.Context) ([]post, error) {
	list, err := g.own(ctx, "/issues?state=opened&sort=asc&order_by=created_at")
	var out []post
	for _, n := range list {
		out = append(out, n.issue())
	}
	return out, err
}

type draft struct {
	Body        string `json:"body,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	StateEvent  string `json:"state_event,omitempty"`
}

func (g *gitlab) addComment(ctx context.Context, change int, body string) (post, error) {
	var n note
	err := g.call(ctx, http.MethodPost, g.project+notes(change), draft{Body: body}, &n)
	return n.comment(), err
}

func (g *gitlab) setComment(ctx context.Context, change int, id int64, body string) (post, error) {
	var n note
	err := g.call(ctx, http.MethodPut, g.project+notes(change)+"/"+strconv.FormatInt(id, 10), draft{Body: body}, &n)
	return n.comment(), err
}

func (g *gitlab) addIssue(ctx context.Context, title, body string) (post, error) {
	var n note
	err := g.call(ctx, http.MethodPost, g.project+"/issues", draft{Title: title, Description: body}, &n)
	return n.issue(), err
}

func (g *gitlab) setIssue(ctx context.Context, id int64, body string) (post, error) {
	var n note
	err := g.call(ctx, http.MethodPut, g.project+"/issues/"+strconv.FormatInt(id, 10), draft{Description: body}, &n)
	return n.issue(), err
}

func (g *gitlab) closeIssue(ctx context.Context, id int64) (post, error) {
	var n note
	err := g.call(ctx, http.MethodPut, g.project+"/issues/"+strconv.FormatInt(id, 10), draft{StateEvent: "close"}, &n)
	return n.issue(), err
}
