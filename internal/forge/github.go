package forge

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// github is GitHub's REST interface: https://docs.github.com/en/rest/issues/comments, https://docs.github.com/en/rest/issues/issues. A pull request is an
// issue there, and its comments are an issue's.
type github struct {
	api
	repository string // "/repos/OWNER/NAME"
}

// bot is who a job's own token speaks as. Only what it has written is updated: anybody can begin a comment with the same line.
const bot = "github-actions[bot]"

func hereOnGitHub(getenv func(string) string, client *http.Client) (*Job, error) {
	if err := required(getenv, "GITHUB_REPOSITORY", "GITHUB_TOKEN"); err != nil {
		return nil, err
	}
	j := &Job{forge: &github{
		api: api{client, cmp.Or(getenv("GITHUB_API_URL"), "https://api.github.com"), http.Header{
			"Authorization": {"Bearer " + getenv("GITHUB_TOKEN")}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"},
		}},
		repository: "/repos/" + getenv("GITHUB_REPOSITORY"),
	}}
	if server, run := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_RUN_ID"); server != "" && run != "" {
		j.Log = server + "/" + getenv("GITHUB_REPOSITORY") + "/actions/runs/" + run
	}
	if rest, ok := strings.CutPrefix(getenv("GITHUB_REF"), "refs/pull/"); ok { // refs/pull/<number>/merge
		number, _, _ := strings.Cut(rest, "/")
		j.Change, _ = strconv.Atoi(number)
	}
	return j, nil
}

// entry is a comment or an issue, as far as it matters here.
type entry struct {
	ID      int64  `json:"id"`
	Number  int64  `json:"number"`
	Body    string `json:"body"`
	HTMLURL string `json:"html_url"`
	User    struct {
		Login string `json:"login"`
	} `json:"user"`
	PullRequest *struct{} `json:"pull_request"` // of an issue that is one
}

func (e *entry) comment() post { return post{e.ID, e.Body, e.HTMLURL} }
func (e *entry) issue() post   { return post{e.Number, e.Body, e.HTMLURL} }

func (g *github) comments(ctx context.Context, change int) ([]post, error) {
	list, err := all[entry](ctx, &g.api, g.repository+"/issues/"+strconv.Itoa(change)+"/comments")
	var out []post
	for _, e := range list {
		if e.User.Login == bot {
			out = append(out, e.comment())
		}
	}
	return out, err
}

func (g *github) issues(ctx context.Context) ([]post, error) {
	list, err := all[entry](ctx, &g.api, g.repository+"/issues?state=open&sort=created&direction=asc")
	var out []post
	for _, e := range list {
		if e.User.Login == bot && e.PullRequest == nil {
			out = append(out, e.issue())
		}
	}
	return out, err
}

type text struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	State string `json:"state,omitempty"`
}

func (g *github) addComment(ctx context.Context, change int, body string) (post, error) {
	var e entry
	err := g.call(ctx, http.MethodPost, g.repository+"/issues/"+strconv.Itoa(change)+"/comments", text{Body: body}, &e)
	return e.comment(), err
}

func (g *github) setComment(ctx context.Context, _ int, id int64, body string) (post, error) {
	var e entry
	err := g.call(ctx, http.MethodPatch, g.repository+"/issues/comments/"+strconv.FormatInt(id, 10), text{Body: body}, &e)
	return e.comment(), err
}

func (g *github) addIssue(ctx context.Context, title, body string) (post, error) {
	var e entry
	err := g.call(ctx, http.MethodPost, g.repository+"/issues", text{Title: title, Body: body}, &e)
	return e.issue(), err
}

func (g *github) setIssue(ctx context.Context, id int64, body string) (post, error) {
	var e entry
	err := g.call(ctx, http.MethodPatch, g.repository+"/issues/"+strconv.FormatInt(id, 10), text{Body: body}, &e)
	return e.issue(), err
}

func (g *github) closeIssue(ctx context.Context, id int64) (post, error) {
	var e entry
	err := g.call(ctx, http.MethodPatch, g.repository+"/issues/"+strconv.FormatInt(id, 10), text{State: "closed"}, &e)
	return e.issue(), err
}
