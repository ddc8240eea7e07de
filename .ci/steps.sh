# Sourced by .ci/verify and .ci/run: steps that say their name and time, and go on to the next when one fails.

failed=()

# step NAME COMMAND… runs a command as a step.
step() {
  local name=$1 start=$SECONDS
  shift
  printf '\n==> %s\n' "$name"
  if "$@"; then
    printf '    %s: passed in %d s\n' "$name" $((SECONDS - start))
  else
    failed+=("$name")
    printf '    %s: FAILED after %d s\n' "$name" $((SECONDS - start))
  fi
}

# summary says which steps failed, and returns 1 when any did.
summary() {
  if ((${#failed[@]} == 0)); then
    printf '\nall checks passed in %d s\n' "$SECONDS"
    return 0
  fi
  printf '\nfailed after %d s:\n' "$SECONDS"
  printf '  %s\n' "${failed[@]}"
  return 1
}

# The version control stamp is of no use here, and asking for it fails in a checkout that belongs to somebody else.
export GOFLAGS="${GOFLAGS:--buildvcs=false}"

if ! command -v go >/dev/null; then
  echo 'there is no go on PATH: https://go.dev/dl/' >&2
  exit 1
fi
