#!/usr/bin/env bash
# Times closewait against the limit (examples/limit.rs), against every other program at hand, and against itself.
#
#   benches/compare.sh [-n RUNS] [-o DIR] [-s PERCENT] [-i IDLE] [MODE...]
#
#   limit     the three standard captures: closewait with one thread and with all
#   peers     the same, and the peers that are installed (tshark takes minutes)
#   pcapng    the same capture as pcapng (needs editcap)
#   packed    gzip and zstd against their decoders alone (needs gzip, zstd)
#   memory    eight times the length with as many live connections; two million short connections; idle ones
#   worst     every packet another connection (ten million SYNs in a minute); every segment odd
#   all       all of these; the default is peers
#
#   -n RUNS     runs of each pair, of which the median is told (5)
#   -o DIR      where captures and outputs go, and are found again (target/compare); all modes need about 15 GB
#   -s PERCENT  captures of this part of their size, for a quick look (100)
#   -i IDLE     idle connections (1000000; ten million need 2.6 GB of disk)
#
# Each program runs in turn with its reference: A B A B …; ratios are medians of the pairs' ratios, so what else
# the machine does hits both. Captures are read once before, so they come from the page cache where memory suffices.
# Tables are Markdown, on standard output and in DIR/results.md. Needs bash, awk and GNU time.
set -euo pipefail
export LC_ALL=C TIMEFORMAT='%R %U %S'

runs=5 out='' percent=100 idle=1000000 version=''
while getopts n:o:s:i: option; do
    case $option in
        n) runs=$OPTARG ;;
        o) out=$OPTARG ;;
        s) percent=$OPTARG ;;
        i) idle=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
here=$(cd "$(dirname "$0")/.." && pwd)
out=${out:-$here/target/compare}
mkdir -p "$out"
out=$(cd "$out" && pwd)

main() {
    cd "$here"
    cargo build --release --locked --quiet --bin closewait --example generate --example limit --example unpack
    local built=${CARGO_TARGET_DIR:-target}/release
    cp "$built/closewait" "$built/examples/generate" "$built/examples/limit" "$built/examples/unpack" "$out"
    cd "$out"
    one=(./closewait) all=(./closewait)
    if ./closewait --help | grep -q -e --threads; then one+=(--threads 1); fi
    one+=(-q --csv flows.csv) all+=(-q --csv flows.csv)
    [[ $# -gt 0 ]] || set -- peers
    [[ $1 != all ]] || set -- peers pcapng packed memory worst
    machine | tee -a results.md
    local mode
    for mode; do
        case $mode in
            limit | peers | pcapng | packed | memory | worst) "$mode" | tee -a results.md ;;
            *) printf 'no such mode: %s\n' "$mode" >&2; exit 2 ;;
        esac
    done
}

machine() {
    printf '%s, %s, %s cores, ' "$(date -u +%F)" "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" "$(nproc)"
    printf '%s MiB of memory, Linux %s, load %s\n\n' "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" \
        "$(uname -r)" "$(cut -d' ' -f1 /proc/loadavg)"
    ./closewait --version
    rustc --version
    local peer
    for peer in tcptrace tshark tcpdump zeek argus suricata; do
        if command -v "$peer" >/dev/null; then
            case $peer in
                suricata) version=$(suricata -V 2>&1) ;;
                tcptrace) version="tcptrace $(tcptrace -version 2>&1 | awk '/ersion/ { print $NF; exit }')" ;;
                argus) version=$(argus -h 2>&1 | head -1 || true) ;;
                *) version=$("$peer" --version 2>/dev/null | head -1 || true) ;;
            esac
            printf '%s\n' "$version"
        fi
    done
}

# NAME PROFILE CONNECTIONS MINUTES: a capture, made unless it is there. Its name goes to `capture`.
make() {
    capture=$1-$percent.pcap
    [[ -f $capture ]] || ./generate "$2" $(($3 * percent / 100)) 1 "$capture.part" "$4" >/dev/null
    [[ ! -f $capture.part ]] || mv "$capture.part" "$capture"
    cat "$capture" >/dev/null
}

standard() {
    case $1 in
        bulk) make bulk bulk 20000 2 ;;
        short) make short short 1000000 4 ;;
        snap96) make snap96 snap96 60000 3 ;;
    esac
}

# COMMAND...: `wall cpu peak`, in seconds and MiB, of one run.
measure() {
    local seconds
    seconds=$({ time /usr/bin/time -f %M -o peak "$@" >/dev/null 2>errors; } 2>&1) || {
        # zeek and others complain with their status about what they do not know; they have run all the same.
        printf '%s: exit status %s\n' "$*" "$?" >>failed
    }
    awk -v peak="$(tail -1 peak)" '{ print $1, $2 + $3, peak / 1024 }' <<<"$seconds"
}

# Runs "${command[@]}" and "${reference[@]}" in turn; a row named $1 with medians, and ratios of the pairs.
row() {
    local run
    for ((run = 0; run < runs; run++)); do
        printf '%s %s\n' "$(measure "${command[@]}")" "$(measure "${reference[@]}")"
    done >pairs
    awk -v name="$1" '
        function median(values, i, j, held) {
            for (i = 2; i <= NR; i++)
                for (j = i; j > 1 && values[j] < values[j - 1]; j--) {
                    held = values[j]; values[j] = values[j - 1]; values[j - 1] = held
                }
            return (values[int((NR + 1) / 2)] + values[int(NR / 2) + 1]) / 2
        }
        function ratio(a, b) { return a / (b > 0 ? b : 0.001) }
        { wall[NR] = $1; cpu[NR] = $2; peak[NR] = $3; walls[NR] = ratio($1, $4); cpus[NR] = ratio($2, $5) }
        END {
            printf "| %s | %.2f | %.2f | %.0f | %.2f | %.2f |\n", name,
                median(wall), median(cpu), median(peak), median(walls), median(cpus)
        }' pairs
}

head_of_table() {
    printf '\n%s\n\n| program | wall s | CPU s | peak MiB | × wall | × CPU |\n|---|---:|---:|---:|---:|---:|\n' "$1"
}

# TITLE: the table of a capture, with the rows of the limit and of closewait.
against_limit() {
    head_of_table "$1; against \`limit\`"
    reference=(./limit "$capture")
    command=("${reference[@]}") && row limit
    command=("${one[@]}" "$capture") && row 'closewait, one thread'
    command=("${all[@]}" "$capture") && row 'closewait, all threads'
}

# NAME COMMAND...: a row for a peer, if it is installed.
peer() {
    local name=$1
    shift
    command -v "$1" >/dev/null || return 0
    command=("$@")
    row "$name"
}

limit() {
    local shape
    for shape in bulk short snap96; do
        standard "$shape"
        against_limit "$shape"
    done
}

peers() {
    local shape
    for shape in bulk short snap96; do
        standard "$shape"
        against_limit "$shape: $(./limit "$capture"), $(stat -c %s "$capture") octets"
        peer 'tcptrace -n' tcptrace -n "$capture"
        peer 'tshark -n -q -z conv,tcp' tshark -n -q -z conv,tcp -r "$capture"
        peer 'tcpdump -w, FIN or RST' tcpdump -r "$capture" -w filtered.pcap 'tcp[tcpflags] & (tcp-fin|tcp-rst) != 0'
        peer 'capinfos -c -u' capinfos -c -u "$capture"
        mkdir -p logs
        peer zeek zeek -C -r "$capture" Log::default_logdir=logs
        peer argus argus -r "$capture" -w logs/argus
        peer suricata suricata -S /dev/null -k none --runmode single -r "$capture" -l logs
        rm -rf logs filtered.pcap
    done
}

pcapng() {
    command -v editcap >/dev/null || { printf '\nno editcap: pcapng left out\n'; return; }
    local shape
    for shape in bulk short snap96; do
        standard "$shape"
        [[ -f $capture'ng' ]] || editcap -F pcapng "$capture" "$capture"ng
        cat "$capture"ng >/dev/null
        head_of_table "$shape as pcapng; against the same as pcap"
        reference=("${one[@]}" "$capture")
        command=("${one[@]}" "$capture"ng) && row 'closewait, one thread'
        reference=("${all[@]}" "$capture")
        command=("${all[@]}" "$capture"ng) && row 'closewait, all threads'
    done
}

packed() {
    local shape packer suffix
    for shape in bulk short; do
        standard "$shape"
        for packer in gzip zstd; do
            command -v "$packer" >/dev/null || continue
            [[ $packer = gzip ]] && suffix=gz || suffix=zst
            [[ -f $capture.$suffix ]] || "$packer" -qkf "$capture"
            head_of_table "$shape, $packer; against the decoder alone (\`unpack\`)"
            reference=(./unpack "$capture.$suffix")
            command=("$packer" -dc "$capture.$suffix") && row "$packer -dc"
            command=("${one[@]}" "$capture.$suffix") && row 'closewait, one thread'
            command=("${all[@]}" "$capture.$suffix") && row 'closewait, all threads'
        done
    done
}

# CAPTURE COMMAND...: the median peak of three runs in MiB.
peak() {
    local run
    for run in 1 2 3; do measure "$@"; done | sort -nk3 | awk 'NR == 2 { print $3 }'
}

# NAME PROFILE CONNECTIONS MINUTES: a row of peaks. The first one of all is the ground the others stand on.
peaks() {
    make "$@"
    local connections=$(($3 * percent / 100)) single every
    single=$(peak "${one[@]}" --max-flows $((connections + 1000000)) "$capture")
    every=$(peak "${all[@]}" --max-flows $((connections + 1000000)) "$capture")
    ground=${ground:-$single}
    awk -v name="$1" -v count="$connections" -v size="$(stat -c %s "$capture")" -v one="$single" -v all="$every" \
        -v ground="$ground" 'BEGIN {
            printf "| %s | %d | %.0f | %.1f | %.1f | %.0f |\n", name, count, size / 1e6, one, all,
                (one - ground) * 1048576 / count
        }'
}

memory() {
    local ground=''
    printf '\n| capture | connections | MB | peak MiB, one thread | peak MiB, all threads | octets a connection |\n'
    printf '|---|---:|---:|---:|---:|---:|\n'
    peaks nothing idle 1000 1
    peaks snap96-once snap96 15000 1
    peaks snap96-eight-times snap96 120000 8
    peaks short-once short 250000 1
    peaks short-eight-times short 2000000 8
    peaks "idle-$idle" idle "$idle" 1
}

worst() {
    local kind
    for kind in syn-flood syn-flood-answered; do
        capture=$kind-$percent.pcap
        [[ -f $capture ]] || ./generate "$kind" $((100000 * percent)) 60 "$capture" >/dev/null
        against_limit "$kind: $((100000 * percent)) four-tuples in a minute"
    done
    make odd odd 20000 2
    against_limit 'odd: every segment of every answer twice'
}

main "$@"
