# Everything CI does, and more: format, lints, tests, documentation, licences.
default: fmt lint test doc deny

fmt:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

deny:
    cargo deny check

# Three synthetic cases and a trial, with requests to try.
demo:
    cargo run --release -- demo

# The conformance cases against a running server.
conformance base="http://127.0.0.1:8080/fhir":
    cargo run -p conformance -- --base-url {{base}}

# Random searches against a running server without resources, compared with a naive evaluator.
conformance-search base="http://127.0.0.1:8080/fhir" queries="20000" seed="1":
    cargo run -p conformance -- search --url {{base}} --queries {{queries}} --seed {{seed}}

# The long runs: races for minutes, one condition for half a minute, twenty thousand random searches over each database, ten thousand
# mutations of valid resources.
soak rounds="400" queries="20000" seconds="30" mutations="10000" hostile="600":
    #!/usr/bin/env bash
    set -euo pipefail
    NORN_SOAK_ROUNDS={{rounds}} NORN_SOAK_QUERIES={{queries}} NORN_SOAK_SECONDS={{seconds}} NORN_MUTATIONS={{mutations}} NORN_HOSTILE_SECONDS={{hostile}} cargo test --release --test it -- races agrees_with_the_naive mutations hostile

# The public packages that the definitions are compiled from; tests read them from NORN_PACKAGES.
packages folder="target/packages":
    cargo run -- definitions fetch {{folder}}

# The tables again from the packages.
compile folder="target/packages":
    cargo run -- definitions compile --from {{folder}} --to profiles/compiled

# The golden files of the TSO500 mapping again; review the diff.
golden:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build
    for expected in tests/golden/tso500/*/; do
        case=$(basename "$expected")
        input="src/mapping/demo/$case"; [ -d "$input" ] || input="$expected"
        requisition=$(ls "$input"/requisition.* 2>/dev/null || true)
        target/debug/norn convert "$input"/*.tsv ${requisition:+--requisition "$requisition"} --ledger "$expected/expected.ledger.json" > "$expected/expected.bundle.json"
    done

# The gateway beside the two yardsticks, one after the other under the same load.
bench resources="70000" base="http://127.0.0.1:8080/fhir":
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release --bin norn
    exe() { cargo bench --no-run --bench "$1" 2>&1 | sed -n "s|.*(\(.*/$1-[0-9a-f]*\))\$|\1|p"; }
    bare=$(exe bare); load=$(exe load)
    out=target/bench; rm -rf $out; mkdir -p $out
    server=; trap '[ -z "$server" ] || kill $server' EXIT
    stop() { kill $server; wait $server || true; server=; }
    start() { "$@" > $out/log & server=$!; until grep -q listening $out/log; do kill -0 $server; sleep 0.1; done; at=$(grep -o 'http://[^ ]*' $out/log); }
    start $bare hyper
    $load --label hyper --base-url $at --read-path /fhir/Observation/1 --pid $server --json $out/hyper.json; stop
    start $bare insert --store $out/insert.db
    $load --label insert --base-url $at --create-path /fhir/Observation --pid $server --json $out/insert.json; stop
    target/release/norn serve --store sqlite:$out/norn.db > $out/log 2>&1 & server=$!
    until curl -sf -o /dev/null "{{base}}/metadata"; do kill -0 $server; sleep 0.1; done
    $load --label norn --base-url "{{base}}" --seed-resources {{resources}} --pid $server --json $out/norn.json --against $out/hyper.json --against $out/insert.json

# One SQLite store that grows, measured at each size: searches one by one, then reads and writes.
bench-scale sizes="10000,100000,1000000" connections="16" base="http://127.0.0.1:8080/fhir":
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release --bin norn
    load=$(cargo bench --no-run --bench load 2>&1 | sed -n "s|.*(\(.*/load-[0-9a-f]*\))\$|\1|p")
    out=target/bench; rm -rf $out; mkdir -p $out
    target/release/norn serve --store sqlite:$out/norn.db > $out/log 2>&1 & server=$!
    trap 'kill $server' EXIT
    until curl -sf -o /dev/null "{{base}}/metadata"; do kill -0 $server; sleep 0.1; done
    $load --label norn --base-url "{{base}}" --scale {{sizes}} --connections {{connections}} --scenario each,each-broad,read,create,update,transaction --pid $server --file $out/norn.db --json $out/scale.json
