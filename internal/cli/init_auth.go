package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
)

// initAuth are the ways to log in that a new deployment may have from the beginning, all but the one that leaves it to the values.
var initAuth = []string{config.AuthMAST, config.AuthGitHub, config.AuthGoogle, config.AuthCognito, config.AuthCILogon, config.AuthOAuth}

// initSetting is a setting that some types of auth take, with the flag and the question for it.
type initSetting struct {
	key, flag, usage, ask string
	types                 []string
	needed                bool // those types do not do without
	list, pairs           bool // there may be several; each is KEY=VALUE
}

type initSettingsOf []initSetting

// initSettings are what types of auth take beside the administrators. Their keys are those of the configuration.
var initSettings = initSettingsOf{
	{key: "domain", flag: "auth-domain", usage: "the `DOMAIN` of the Cognito user pool", ask: "The domain of the user pool", types: []string{config.AuthCognito}, needed: true},
	{key: "hostedDomains", flag: "hosted-domain", usage: "a Google Workspace `DOMAIN` whose accounts may log in", types: []string{config.AuthGoogle}, list: true},
	{key: "allowedOrganizations", flag: "organization", usage: "a GitHub `ORGANIZATION`, or organization:team, whose members may log in", types: []string{config.AuthGitHub}, list: true},
	{
		key: "allowedIdps", flag: "idp", usage: "an identity provider of CILogon and what its users are called by, as `ENTITY=CLAIM`",
		ask: "An identity provider and the claim that names its users, as ENTITY=CLAIM", types: []string{config.AuthCILogon}, needed: true, list: true, pairs: true,
	},
	{key: "authorizeUrl", flag: "authorize-url", usage: "the `URL` of the provider's authorization endpoint", ask: "The URL of the provider's authorization endpoint", types: []string{config.AuthOAuth}, needed: true},
	{key: "tokenUrl", flag: "token-url", usage: "the `URL` of the provider's token endpoint", ask: "The URL of the provider's token endpoint", types: []string{config.AuthOAuth}, needed: true},
	{key: "userdataUrl", flag: "userdata-url", usage: "the `URL` that tells who a user is", ask: "The URL that tells who a user is", types: []string{config.AuthOAuth}, needed: true},
	{key: "usernameClaim", flag: "username-claim", usage: "the `CLAIM` that becomes the user's name", ask: "The claim that becomes the user's name", types: []string{config.AuthOAuth}, needed: true},
}

// flag is the flag of a path of the configuration.
func (all initSettingsOf) flag(path string) (string, bool) {
	for _, s := range all {
		if at := "hubs[hub].auth." + s.key; path == at || strings.HasPrefix(path, at+".") {
			return s.flag, true
		}
	}
	return "", false
}

func initAuthFlags() (flags []cli.Flag) {
	for _, s := range initSettings {
		usage := s.usage + ", for --auth " + strings.Join(s.types, ", ")
		if s.list {
			flags = append(flags, &cli.StringSliceFlag{Name: s.flag, Usage: usage})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: s.flag, Usage: usage})
	}
	return flags
}

// askForAuth checks who logs users in, and takes or asks for what that needs.
func (a *app) askForAuth(c *cli.Context, n *newDeployment) error {
	switch {
	case n.auth == "": // told of
	case n.auth == config.AuthDummy && n.sandbox:
		n.settings["allowAll"] = true // which it does anyway
	case n.auth == config.AuthDummy:
		n.add("--auth: dummy lets anybody in, and is for the sandbox alone: add --sandbox, or use one of %s", strings.Join(initAuth, ", "))
		n.settings["allowAll"] = true
	case !slices.Contains(initAuth, n.auth):
		n.add("--auth: %q is none of %s%s", n.auth, strings.Join(initAuth, ", "), nearest(n.auth, initAuth))
	}
	known := slices.Contains(initAuth, n.auth) || n.auth == config.AuthDummy
	for _, s := range initSettings {
		given := c.StringSlice(s.flag)
		if !s.list && c.IsSet(s.flag) {
			given = []string{c.String(s.flag)}
		}
		switch takes := slices.Contains(s.types, n.auth); {
		case len(given) > 0 && known && !takes:
			n.add("--%s: is for --auth %s", s.flag, strings.Join(s.types, ", "))
			continue
		case len(given) == 0 && takes && s.needed:
			answer, err := a.answer(c, n, s.flag, s.ask, "")
			if err != nil {
				return err
			}
			given = []string{answer}
		}
		if len(given) > 0 && given[0] != "" {
			n.setting(s, given)
		}
	}
	if !known || n.auth == config.AuthDummy && !n.sandbox {
		n.auth, n.settings = config.AuthValues, map[string]any{} // so that the rest can be looked at
	}
	return nil
}

// setting puts what was given for a setting where the configuration has it.
func (n *newDeployment) setting(s initSetting, given []string) {
	switch {
	case s.pairs:
		pairs := map[string]string{}
		for _, text := range given {
			at := strings.LastIndexByte(text, '=')
			if at < 1 {
				n.add("--%s: %q is not ENTITY=CLAIM", s.flag, text)
				continue
			}
			pairs[text[:at]] = text[at+1:]
		}
		n.settings[s.key] = pairs
	case s.list:
		n.settings[s.key] = given
	default:
		n.settings[s.key] = given[0]
	}
}
