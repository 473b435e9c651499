# What the scripts of this folder share. Each starts a server that others run, on loopback, without root:
#   NAME FOLDER install        unpacks the programs to FOLDER, unless they are there
#   NAME FOLDER PORT [JOBS]    does that too, and runs the server with its content in FOLDER; port 0 is some free one
# It prints the address when the server answers. The server executes up to JOBS actions at once (2), if it can. Programs that were
# installed to `$BQ_ENGINES` are taken from there. All that was started ends with the script, on TERM, or when who started it ends.
set -euo pipefail
if [ -z "${BQ_ENGINE_LEASH-}" ]; then
  BQ_ENGINE_LEASH=1 exec setpriv --pdeathsig TERM bash "$0" "$@"
fi
unset BQ_ENGINE_LEASH
[ $# -ge 2 ] || { sed -n 's/^# usage: //p' "$0" >&2; exit 2; }
mkdir -p "$1"
folder=$(realpath "$1") port=$2 jobs=${3:-2}
while [ "$port" = 0 ]; do
  port=$((20000 + RANDOM % 12000))
  ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || port=0
done
programs=${BQ_ENGINES:-$folder}
here=$(realpath "$(dirname "$0")")

# unpacked NAME SUITE PACKAGE...: packages of Debian, in the folder NAME of the programs.
unpacked() {
  [ ! -e "$programs/$1/complete" ] || return 0
  mkdir -p "$programs"
  rm -rf "${programs:?}/$1"
  bash "$here/../../.ci/unpack" "$programs/$1" "${@:2}"
  touch "$programs/$1/complete"
}

started=()

# What it says goes to standard error; standard output is for the address.
start() {
  setpriv --pdeathsig TERM "$@" </dev/null >&2 &
  started+=($!)
}

# A process with all that it has started.
tree() {
  local child
  echo "$1"
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}

# Ends what was started last first; what does not end within 5 s is killed.
finish() {
  trap '' TERM INT HUP
  local index pid left tries
  for ((index = ${#started[@]} - 1; index >= 0; index--)); do
    pid=${started[index]} tries=0
    left=$(tree "$pid")
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ $((tries += 1)) -le 100 ]; do sleep 0.05; done
    for pid in $left; do kill -KILL "$pid" 2>/dev/null || true; done
  done
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# Waits until a program takes connections at a port, and the one that was started last still runs.
answers() {
  local tries=0
  until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    kill -0 "${started[-1]}" 2>/dev/null || { echo "error: it has ended" >&2; exit 1; }
    [ $((tries += 1)) -le 600 ] || { echo "error: no answer within a minute" >&2; exit 1; }
    sleep 0.1
  done
}

# serve SCHEME [INSTANCE]: prints the address, and goes on until something that was started ends.
serve() {
  answers "$port"
  echo "$1://127.0.0.1:$port${2:+/$2}"
  wait -n "${started[@]}" || true
  echo "error: it has ended" >&2
  exit 1
}
