#!/bin/sh
# Runs one event through the synthesized Lambda in Docker, as API Gateway would send it. The simulator is every provider,
# so it needs no key, no AWS account and costs nothing. `make sam-invoke EVENT=...` calls it, with the CDK command line
# to use in PINNED_CDK (CDK itself reads variables that begin with CDK).
set -eu

fail() {
    echo "sam-invoke: $1" >&2
    exit 1
}

event=$1
[ -f "$event" ] || fail "there is no file $event; tests/events has one for each route"
docker info >/dev/null 2>&1 || fail "Docker is not running. Start it, or install it: https://docs.docker.com/get-docker"

bin=$PWD/.venv/bin
work=$PWD/build/sam
PATH=$bin:$PATH
if ! cmp -s scripts/requirements-sam.txt "$work/locked.txt"; then
    echo "sam-invoke: installing the SAM command line into build/sam (once)"
    uv venv --quiet --clear "$work/venv"
    uv pip install --quiet --python "$work/venv/bin/python" --require-hashes -r scripts/requirements-sam.txt
    cp scripts/requirements-sam.txt "$work/locked.txt"
fi

case $(uname -m) in
arm64 | aarch64) arch=arm64 ;;
*) arch=x86_64 ;;
esac
# On Linux the container shares the machine's network; elsewhere Docker runs in a machine of its own.
case $(uname -s) in
Linux) host=127.0.0.1 network=host ;;
*) host=host.docker.internal network=bridge ;;
esac

rm -f "$work/simulator.json"
python -m local.simulator >"$work/simulator.json" &
simulator=$!
trap 'kill $simulator 2>/dev/null || true' EXIT INT TERM
until [ -s "$work/simulator.json" ]; do
    kill -0 $simulator 2>/dev/null || fail "the simulator did not start; the lines above say why"
    sleep 0.1
done
port=$(sed -E 's/.*:([0-9]+).*/\1/' "$work/simulator.json")

npx --yes "$PINNED_CDK" synth --quiet --path-metadata=false --output "$work/cdk.out" \
    -c response_mode=buffered -c "arch=$arch" -c "simulator_url=http://$host:$port"
template=$work/cdk.out/FallbackRouter-dev.template.json
function=$(python -c '
import json, sys
resources = json.load(open(sys.argv[1]))["Resources"]
print(next(name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function" and name.startswith("Gateway")))
' "$template")

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 \
    "$work/venv/bin/sam" local invoke "$function" --template "$template" --event "$event" --docker-network "$network"
