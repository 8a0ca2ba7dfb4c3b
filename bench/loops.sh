# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by bench/run: what a call costs a server of two loops in two threads on
# one port, beside one loop. Prints both and the ratio; README.md says how it is
# measured.

# Thread i of a server has core i, and a client of its own there: a pair, whose
# sides take turns. One pair is measured, then two at the same time.
declare -A loops_ns loops_instructions
loops_kinds='one threads processes'
loops_ms=1000

# loops_load CORE PORT THREAD SHAPE MS: starts a client; sets pid.
loops_load()
{
    timeout 300 taskset -c "$1" "$out/loops_client" "127.0.0.1:$2" "$3" \
        "${4%x*}" "${4#*x}" "$5" >"$out/loops.$1" 2>"$out/loops.$1.log" &
    pid=$!
}

# loops_per_call CORE...: nanoseconds per call of all of them.
loops_per_call()
{
    local core files=
    for core in "$@"; do
        files="$files $out/loops.$core"
    done
    # shellcheck disable=SC2086 # names
    awk '{ n += $1; t += $2 } END { printf "%.1f\n", t / n }' $files
}

# loops_wait PID...: until these clients have ended.
loops_wait()
{
    local each
    for each in "$@"; do
        wait "$each" || die "a client failed: $(cat "$out"/loops.?.log)"
    done
}

# loops_round KIND SHAPE: a line more in its file.
loops_round()
{
    local ms=$loops_ms first
    case $1 in
    one)
        loops_load 0 "${server_port[one]}" 0 "$2" $ms
        loops_wait $pid
        loops_per_call 0 >>"$out/loops.one.$2"
        return
        ;;
    threads)
        loops_load 0 "${server_port[threads]}" 0 "$2" $ms
        first=$pid
        loops_load 1 "${server_port[threads]}" 1 "$2" $ms
        ;;
    processes)
        loops_load 0 "${server_port[one]}" 0 "$2" $ms
        first=$pid
        loops_load 1 "${server_port[other]}" 0 "$2" $ms
        ;;
    esac
    loops_wait "$first" $pid
    loops_per_call 0 1 >>"$out/loops.$1.$2"
}

loops_time()
{
    local kind shape round
    start_free loops_one "$out/loops_server" 127.0.0.1:0 1 0
    server_pid[one]=$pid server_port[one]=$port
    start_free loops_other "$out/loops_server" 127.0.0.1:0 1 1
    server_pid[other]=$pid server_port[other]=$port
    start_free loops_threads "$out/loops_server" 127.0.0.1:0 2 0
    server_pid[threads]=$pid server_port[threads]=$port
    for shape in $shapes; do
        for ((round = 0; round < 5 * rounds; round++)); do
            for kind in $loops_kinds; do
                loops_round "$kind" "$shape"
            done
        done
        for kind in $loops_kinds; do
            # Whatever else runs on the machine can only add.
            loops_ns[$kind-$shape]=$(sort -n "$out/loops.$kind.$shape" |
                sed -n 1p)
        done
    done
    stop "${server_pid[one]}"
    stop "${server_pid[other]}"
    stop "${server_pid[threads]}"
}

# loops_count KIND LOOPS SHAPE: instructions per call of the whole process, from
# a short run and a longer one.
loops_count()
{
    local ms core server clients command calls=() total=()
    for ms in 500 2500; do
        counted "$out/callgrind.loops" "$out/loops_server" 127.0.0.1:0 "$2" 0
        start_free loops_counted "${command[@]}"
        server=$pid
        clients=
        for ((core = 0; core < $2; core++)); do
            loops_load $core "$port" $core "$3" $ms
            clients="$clients $pid"
        done
        # shellcheck disable=SC2086 # pids
        loops_wait $clients
        stop "$server"
        total+=("$(sed -n 's/^totals: //p' "$out/callgrind.loops")")
        calls+=("$(for ((core = 0; core < $2; core++)); do
            cat "$out/loops.$core"
        done | awk '{ n += $1 + $3 } END { print n }')")
    done
    loops_instructions[$1-$3]=$(((total[1] - total[0]) / (calls[1] - calls[0])))
}

loops_count_all()
{
    local shape
    for shape in $shapes; do
        loops_count one 1 "$shape"
        loops_count threads 2 "$shape"
    done
}

# loops_row TITLE FORMAT VALUE...: a line of the table.
loops_row()
{
    local title=$1 format=$2
    shift 2
    printf "| %s " "$title"
    printf "| $format " "$@"
    echo '|'
}

# loops_ratio A B: A / B.
loops_ratio()
{
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'
}

print_loops()
{
    local kind shape ratios=() counts=() row
    echo 'CPU nanoseconds per call of the server, by connections x calls of each loop'
    echo
    echo "| | ${shapes// / | } |"
    echo '|---|---|---|---|'
    for kind in $loops_kinds; do
        row=()
        for shape in $shapes; do
            row+=("${loops_ns[$kind-$shape]}")
        done
        case $kind in
        one) loops_row 'one loop' %.0f "${row[@]}" ;;
        threads) loops_row 'two loops in two threads' %.0f "${row[@]}" ;;
        processes) loops_row 'two loops in two processes' %.0f "${row[@]}" ;;
        esac
    done
    for shape in $shapes; do
        ratios+=("$(loops_ratio "${loops_ns[threads-$shape]}" \
            "${loops_ns[one-$shape]}")")
        counts+=("$(loops_ratio "${loops_instructions[threads-$shape]}" \
            "${loops_instructions[one-$shape]}")")
    done
    loops_row 'threads to one loop' %.3f "${ratios[@]}"
    for kind in one threads; do
        row=()
        for shape in $shapes; do
            row+=("${loops_instructions[$kind-$shape]}")
        done
        loops_row "instructions, $kind" %d "${row[@]}"
    done
    loops_row 'threads to one loop' %.3f "${counts[@]}"
    echo
    printf '%s\n' "${ratios[@]}" "${counts[@]}" | awk '
        $1 > 1.1 { over++ }
        END {
            print over ? "OVER: a loop costs another one more than 1.1 times" \
                : "all are at most 1.1"
            exit over > 0
        }'
}
