# What the checks have in common. Sourced; expects `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
command -v cargo >/dev/null || PATH=$HOME/.cargo/bin:$PATH
# Settings of whoever runs the checks must not change what is checked.
unset "${!SERVE_@}"
export LC_ALL=C.UTF-8
# Programs that the checks start are asked before any proxy is.
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

work=$(mktemp -d)
server=
finish() {
  trap - EXIT
  stop_serve || true
  rm -rf "$work"
  exit "$1"
}
trap 'finish $?' EXIT
trap 'exit 130' INT TERM

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# install PACKAGE…: those that are missing, from Debian.
install() {
  local missing=() package
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  echo "installing ${missing[*]}"
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
  export DEBIAN_FRONTEND=noninteractive
  "${apt[@]}" update >/dev/null
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 ||
    { tail -30 "$work/apt.log"; fail "could not install ${missing[*]}"; }
}

# install_nginx: the program alone. This keeps the package from starting a service.
install_nginx() {
  ! command -v nginx >/dev/null || return 0
  local policy=/usr/sbin/policy-rc.d ours= installed=
  [[ -e $policy ]] || ours=$policy
  [[ ! $ours ]] || { printf '#!/bin/sh\nexit 101\n' >"$ours" && chmod +x "$ours"; }
  (install nginx-light) && installed=yes
  [[ ! $ours ]] || rm "$ours"
  [[ $installed ]] || fail "no nginx"
}

# release: builds the program; sets `serve` to its absolute path.
release() {
  cargo build --release --locked --quiet
  serve=$(realpath "${CARGO_TARGET_DIR:-target}/release/serve")
}

# start COMMAND…: runs a server, waits for its start message, sets `server` (its process)
# and `url` (without a slash at the end). Its access log is "$work/access.log".
start() {
  # Here, because the background job may make it later than we look.
  : >"$work/server.log"
  "$@" >"$work/access.log" 2>"$work/server.log" &
  server=$!
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    url=$(sed -n 's|^ *\(http://[^ /]*\)/.*|\1|p' "$work/server.log" | head -1)
    grep -q '^Press Ctrl-C' "$work/server.log" && [[ $url ]] && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/server.log" >&2
  fail "the server did not start: $*"
}

# stop_serve: asks it to stop, and fails if it does not end well.
stop_serve() {
  [[ $server ]] || return 0
  local stopping=$server
  server=
  # The shell makes its background jobs ignore SIGINT, and the server respects that.
  kill -TERM "$stopping" 2>/dev/null || true
  wait "$stopping"
}
