# Runs a guest's steps and reports, then powers off; at the end of init.sh, and in a whole Debian.
ulimit -n 65536

# The serial line of results, raw: no carriage returns, no echo.
exec 3<>/guest/results
stty raw -echo <&3
for step in /guest/steps/*; do
    /bin/sh "$step" </dev/null >&3 2>&1 3>&-
    printf '\nGUEST-EXIT %s\n' "$?" >&3
done
printf '\nGUEST-END\n' >&3
# Closing waits until the line has sent everything.
exec 3>&-
poweroff -f
