#!/bin/sh
# Starts the gateway under the Lambda Web Adapter, which calls it on AWS_LWA_PORT.
set -eu
cd "$(dirname "$0")"
# stdout is a pipe here: what waits in its buffer when Lambda freezes the process is late or lost.
export PYTHONUNBUFFERED=1
export PYTHONPATH="$PWD"
# The adapter keeps idle connections for 4 seconds; closing them first would cost a request.
exec python3.13 -m uvicorn litellm_fallback_router.entrypoints.lambda_web:app \
    --host 127.0.0.1 --port "$AWS_LWA_PORT" --workers 1 --timeout-keep-alive 75 --no-access-log \
    --no-server-header --log-level warning
