#!/bin/sh
# What action.yml runs: finds the program, or builds it, runs the plan, and ends as the verdict says.
set -eu
program=${GONOGO_PROGRAM:-}
if [ -z "$program" ]; then
    if command -v gonogo >/dev/null 2>&1; then
        program=gonogo
    else
        cargo build --release --locked --manifest-path "$GITHUB_ACTION_PATH/Cargo.toml"
        program=$GITHUB_ACTION_PATH/target/release/gonogo
    fi
fi
case ${GONOGO_PROVISIONAL:-fail} in
fail | pass) ;;
*)
    echo "provisional: \`fail\` or \`pass\` is expected" >&2
    exit 2
    ;;
esac
set -f # a `*` in a stage's name or an argument is a letter
set --
for stage in ${GONOGO_STAGES:-}; do
    set -- "$@" "$stage"
done
while IFS= read -r argument; do
    [ -z "$argument" ] || set -- "$@" "$argument"
done <<END
${GONOGO_ARGUMENTS:-}
END
code=0
"$program" run --file "${GONOGO_PLAN:-gonogo.yaml}" --out "${GONOGO_OUT:-gonogo-out}" "$@" || code=$?
if [ "$code" = 3 ] && [ "${GONOGO_PROVISIONAL:-fail}" = pass ]; then
    echo "PROVISIONAL GO: this step passes, as \`provisional: pass\` says; what is owed is still owed" >&2
    exit 0
fi
exit "$code"
