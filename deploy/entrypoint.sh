#!/bin/sh
# Runs what it is told to; options without a command are Locust's.
set -eu
case "${1:-}" in
    -*) set -- locust "$@" ;;
esac
exec "$@"
