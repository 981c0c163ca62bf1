# A real browser, for the checks that need one. Sourced behind lib.bash.
#
# Chromium is driven by its own driver, which speaks JSON over HTTP (W3C WebDriver).

browser=$(command -v chromium || command -v google-chrome || true)
if [[ ! $browser ]] || ! command -v chromedriver >/dev/null; then
  install chromium chromium-driver
  browser=$(command -v chromium)
fi
install curl jq

driver=
session=
leave() {
  local status=$?
  stop_browser
  finish "$status"
}
trap leave EXIT

# start_browser: one without a history.
start_browser() {
  local tries port
  # Here, because the background job may make it later than we look.
  : >"$work/driver.log"
  HOME=$work chromedriver --port=0 >"$work/driver.log" 2>&1 &
  driver=$!
  for ((tries = 0; tries < 100; tries++)); do
    port=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$work/driver.log")
    [[ $port ]] && break
    sleep 0.1
  done
  [[ $port ]] || { cat "$work/driver.log"; fail "the driver did not start"; }
  webdriver=http://127.0.0.1:$port
  # As root Chromium has no sandbox; the only site it will see is ours.
  session=/session/$(ask POST /session "$(jq -nc --arg browser "$browser" --arg profile "$work/profile" '{capabilities: {alwaysMatch: {
    browserName: "chrome", "goog:loggingPrefs": {browser: "ALL", performance: "ALL"},
    "goog:chromeOptions": {binary: $browser, args: ["--headless=new", "--no-sandbox",
      "--disable-dev-shm-usage", "--no-proxy-server", "--window-size=1000,800", "--autoplay-policy=no-user-gesture-required",
      "--user-data-dir=" + $profile]}}}}')" | jq -r .sessionId)
}

# stop_browser: the browser by its session, for it would outlive its driver.
stop_browser() {
  [[ ! $session ]] || curl -s --max-time 10 -X DELETE "$webdriver$session" >/dev/null || true
  [[ ! $driver ]] || { kill "$driver" && wait "$driver"; } 2>/dev/null || true
  session=
  driver=
}

# ask METHOD PATH [JSON]: one command of the driver; prints its value. JSON may be @FILE.
ask() {
  local answer
  answer=$(curl -s --max-time 60 -X "$1" -H 'Content-Type: application/json' ${3+--data "$3"} "$webdriver$2") ||
    fail "the driver does not answer to $1 $2"
  jq -e 'type == "object" and (.value | type == "object" and has("error") | not)' <<<"$answer" >/dev/null ||
    fail "$1 $2: $answer"
  jq -c .value <<<"$answer"
}
visit() { ask POST "$session/url" "$(jq -nc --arg url "$1" '{$url}')" >/dev/null; }
# From elsewhere, because the same page again would be a reload.
arrive() {
  visit about:blank
  visit "$1"
}
reload() { ask POST "$session/refresh" '{}' >/dev/null; }
title() { ask GET "$session/title" | jq -r .; }
# Runs in the page, whatever its policy says, as the console would.
run() { ask POST "$session/execute/sync" "$(jq -nc --arg script "$1" '{$script, args: []}')"; }
# The same, until the script calls its first argument with a value.
run_async() { ask POST "$session/execute/async" "$(jq -nc --arg script "$1" '{$script, args: []}')"; }
click() {
  local element
  element=$(ask POST "$session/element" "$(jq -nc --arg value "$1" '{using: "css selector", $value}')" | jq -r '.[]')
  ask POST "$session/element/$element/click" '{}' >/dev/null
}
# messages TYPE: what was told to the console (browser), or to the tools for developers of
# each response (performance), since the last time.
messages() { ask POST "$session/se/log" "$(jq -nc --arg type "$1" '{$type}')" | jq -c '.[] | .message'; }
# The console, but for the icon that browsers ask for.
console() { messages browser | grep -v favicon.ico || true; }
# expect_quiet WHERE [PATTERN]: the console said nothing, but for what matches.
expect_quiet() {
  local said
  said=$(console | grep -vE "${2-^$}" || true)
  [[ ! $said ]] || fail "the console of $1 says: $said"
}

expect() {
  [[ $2 == "$3" ]] || fail "$1: $2 instead of $3"
  echo "$1: $2"
}
# expect_soon NAME SCRIPT VALUE: what a script returns in the end.
expect_soon() {
  local tries value
  for ((tries = 0; tries < 100; tries++)); do
    value=$(run "$2")
    [[ $value == "$3" ]] && break
    sleep 0.1
  done
  expect "$1" "$value" "$3"
}

# asked: sets `requests` to what the server was asked for since the last time, lines of path
# and status. A request of ours marks the end. That holds for a server with one thread,
# whose lines are in the order of its responses, and with `--log combined`.
seen=0
asked() {
  local tries line
  curl -s --max-time 10 -o /dev/null "$url/mark-$seen.txt" || fail "no answer to the mark"
  for ((tries = 0; tries < 100; tries++)); do
    line=$(grep -n " /mark-$seen\.txt " "$work/access.log" | cut -d: -f1) && break
    sleep 0.1
  done
  [[ $line ]] || fail "the mark is not in the access log"
  requests=$(head -n "$((line - 1))" "$work/access.log" | tail -n "+$((seen + 1))" | cut -d'"' -f2,3 |
    sed -E 's/^GET ([^ ]+) HTTP.1.1" ([0-9]+).*/\1 \2/')
  seen=$line
}
# expect_asked NAME [REQUEST]…: these and no others, in any order.
expect_asked() {
  asked
  expect "$1" "$(sort <<<"$requests" | paste -sd' ')" "$(shift && printf '%s\n' "$@" | sort | paste -sd' ')"
}
