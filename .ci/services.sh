# Sourced by .ci/run: what tests need besides Go: git, and for those with real images a registry, a Docker daemon, and a static busybox to build them of.
# docker-registry is only installed, because the tests start registries themselves. A Docker daemon that answers is used as it is; where none does, one is started whose files and socket are
# in a temporary folder, and stopped at the end.

daemon='' # the process that was started here
daemon_dir=''

# answers reports whether a Docker daemon does.
answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# services sees to git, registry and daemon.
services() {
  local missing=()
  command -v git >/dev/null || missing+=(git)
  command -v docker-registry >/dev/null || missing+=(docker-registry)
  command -v busybox >/dev/null || missing+=(busybox-static)
  command -v docker >/dev/null && { answers || command -v dockerd >/dev/null; } || missing+=(docker.io)
  if ((${#missing[@]} > 0)); then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
      printf 'install these packages (Debian has them by these names), or run as root: %s\n' "${missing[*]}"
      return 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || return 1
  fi
  answers && return 0
  if [ "$(id -u)" != 0 ]; then
    echo 'no Docker daemon answers, and only root can start one: start it, or name one with DOCKER_HOST'
    return 1
  fi
  daemon_dir=$(mktemp -d) || return 1
  export DOCKER_HOST="unix://$daemon_dir/docker.sock"
  dockerd --data-root "$daemon_dir/data" --exec-root "$daemon_dir/exec" --pidfile "$daemon_dir/pid" --host "$DOCKER_HOST" >"$daemon_dir/log" 2>&1 &
  daemon=$!
  for _ in {1..60}; do
    answers && return 0
    kill -0 "$daemon" 2>/dev/null || break
    sleep 1
  done
  echo 'the Docker daemon did not come up; the end of its log:'
  tail -n 20 "$daemon_dir/log"
  return 1
}

# end_services stops the daemon that services started, by its process, and removes its files.
end_services() {
  if [ -n "$daemon" ]; then
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    daemon=''
  fi
  [ -z "$daemon_dir" ] || rm -rf --one-file-system "$daemon_dir"
  daemon_dir=''
}
trap end_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# With it, tests fail that would skip for want of git, a registry, a daemon, or a folder in memory.
export HUBWRIGHT_TEST_NO_SKIP=1
