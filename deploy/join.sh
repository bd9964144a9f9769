#!/bin/sh
# What a container begins with: where RAY_ADDRESS names a cluster it joins it, as a host that drives and does no work; then the command.
set -eu
if [ -n "${RAY_ADDRESS:-}" ]; then
  until ray start --address="$RAY_ADDRESS" --num-cpus=0 --num-gpus=0 >/dev/null; do
    echo "no Ray cluster at $RAY_ADDRESS yet" >&2
    sleep 5
  done
  # A head that starts anew ends the Ray of this host; as long as the command lives, it is joined again.
  while sleep "${REJOIN_S:-10}" && kill -0 $$; do
    grep -qsx raylet /proc/[0-9]*/comm || ray start --address="$RAY_ADDRESS" --num-cpus=0 --num-gpus=0
  done >/dev/null 2>&1 &
fi
exec "$@"
