# What the lines of the table are written with.

# every SECONDS COMMAND...: again and again, with a pause.
every() {
  pause=$1
  shift
  while :; do
    "$@" >/dev/null 2>&1 </dev/null
    sleep "$pause"
  done
}

# port PORT...: waits until somebody listens on them.
port() {
  for number in "$@"; do
    until [ -n "$(ss -Hltn "sport = :$number")" ]; do sleep 0.3; done
  done
}

# as USER COMMAND...: with that user's rights.
as() {
  user=$1
  shift
  exec setpriv --reuid "$user" --regid nogroup --clear-groups "$@"
}

# mark: the trouble begins now.
mark() { : >"/run/mark-$ZOO"; }
