#!/bin/sh
# What a container begins with: where RAY_ADDRESS names a cluster it joins it, as a host that drives and does no work; then the command.
set -eu
if [ -n "${RAY_ADDRESS:-}" ]; then
  until ray start --address="$RAY_ADDRESS" --num-cpus=0 --num-gpus=0 >/dev/null; do
    echo "no Ray cluster at $RAY_ADDRESS yet" >&2
    sleep 5
  done
fi
exec "$@"
