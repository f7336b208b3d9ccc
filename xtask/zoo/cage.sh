#!/bin/sh
# The zoo's first process: cage.sh TREE FILES WORK BUILT
# Runs in new mount, network and process namespaces. Puts a layer that forgets over the unpacked packages, goes into it,
# and waits until its standard input ends: with it end all processes, mounts and networks of the zoo.
set -e
tree=$1 files=$2 work=$3 built=$4
# Its own number outside: this /proc is still the host's.
read -r outside _ </proc/self/stat
mount -t tmpfs zoo "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay zoo -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" "$work/root"
cd "$work/root"
mkdir -p proc dev sys run tmp zoo built
mount --rbind /dev dev
mount -t proc proc proc
mount -t tmpfs run run
mount -t tmpfs tmp tmp
mount --bind "$files" zoo
mount --bind "$built" built
exec chroot . /bin/sh -ec '. /zoo/prepare.sh >&2; echo "ready '"$outside"'"; read -r _ || :'
