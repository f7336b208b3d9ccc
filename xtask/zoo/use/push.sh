#!/bin/sh
# Clones, changes and pushes.
rm -rf /tmp/clone
git clone -q git://127.0.0.1/one /tmp/clone
cd /tmp/clone || exit
date >now
git add now
git commit -q -m now
git push -q origin HEAD:refs/heads/new -f
