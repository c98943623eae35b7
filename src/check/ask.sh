# shellcheck shell=dash
# One question after the other, each with its own time limit, and each reply between two
# marks that no reply can hold. $mark, $limit and $key are set by the script around this.

ask() {
  local status
  printf '%s begin %s\n' "${mark:?}" "${key:?}"
  status=0
  timeout --kill-after=1 "${limit:?}" "$@" </dev/null 2>&1 || status=$?
  printf '\n%s end %s\n' "${mark:?}" "$status"
}
