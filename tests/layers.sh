#!/bin/bash
# Checks the form of the tree: each folder includes only what the table of layers allows, headers
# compile alone and include each other in no circle, each third-party library sits behind one file
# of a folder, and some words stand only where they belong.
#
# usage: tests/layers.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

FOLDERS=(core capture subjects analyzers profile rules survey)
wrong=0

tell() {
    echo "layers: $*" >&2
    wrong=$((wrong + 1))
}

# What a file of that folder may include with quotes, as an extended regular expression.
may_include() {
    case $1 in
    core) echo 'core/' ;;
    capture) echo '(core|capture)/' ;;
    subjects) echo '(core|subjects)/' ;;
    analyzers) echo "(core|subjects|analyzers(/[a-z0-9]+)?)/" ;;
    profile) echo '(core|profile)/' ;;
    rules) echo '(core|profile|rules)/' ;;
    survey) echo '(core|rules|survey)/' ;;
    *) echo '((core|capture|subjects|analyzers(/[a-z0-9]+)?|profile|rules|survey|commands)/)?' ;;
    esac
}

# "FILE HEADER" of every include with quotes in the files given.
quoted() {
    grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "$@" |
        sed -E 's/^([^:]+):[^"]*"([^"]+)"/\1 \2/' || true
}

# Likewise with brackets.
bracketed() {
    grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]+>' "$@" |
        sed -E 's/^([^:]+):[^<]*<([^>]+)>/\1 \2/' || true
}

sources() { # FOLDER: its C files, those of "." alone
    local depth=()
    [ "$1" = . ] && depth=(-maxdepth 1)
    [ ! -d "$1" ] || find "$1" "${depth[@]}" -name '*.[ch]' -printf '%P\n' | sed "s|^|$1/|; s|^\./||" | sort
}

check_directions() { # FOLDER FILE...
    local allowed file header
    allowed=$(may_include "$1")
    shift
    while read -r file header; do
        [[ $header =~ ^${allowed}[^/]+$ ]] || tell "$file may not include \"$header\""
        [ -f "$header" ] || tell "$file includes \"$header\", which is no path from the root"
    done < <(quoted "$@")
}

check_test_directions() { # a test sees what its subject sees, and the tests' own headers
    local folder file header files
    for folder in "${FOLDERS[@]}"; do
        mapfile -t files < <(sources "tests/$folder")
        [ ${#files[@]} -gt 0 ] || continue
        while read -r file header; do
            [[ $header =~ ^($(may_include "$folder")|tests/) ]] || tell "$file may not include \"$header\""
        done < <(quoted "${files[@]}")
    done
}

C_LIBRARY='^(arpa|bits|linux|net|netinet|netpacket|sys)/|^(assert|byteswap|complex|ctype|dirent|dlfcn|endian|errno|fcntl|fenv|float|fnmatch|getopt|glob|grp|inttypes|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|semaphore|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|unistd|wchar|wctype)\.h$'

# A folder, then the headers of a library that it links; pcap/dlt.h is only the numbers of link layers.
THIRD_PARTY=(
    'capture ^pcap(/(pcap|bpf))?\.h$'
    'capture ^pcap/dlt\.h$'
    'capture ^(ndpi/)?ndpi_.*\.h$'
    'capture ^zlib\.h$'
    'capture ^zstd\.h$'
    'subjects ^hs(/hs)?\.h$'
    'subjects ^emmintrin\.h$'
    'analyzers ^zlib\.h$'
    'analyzers ^isa-l/igzip_lib\.h$'
    'analyzers ^brotli/decode\.h$'
    'analyzers ^emmintrin\.h$'
    'analyzers ^zstd\.h$'
    'analyzers ^nghttp2/nghttp2\.h$'
    'analyzers ^openssl/.*\.h$'
    'profile ^maxminddb\.h$'
    'profile ^sqlite3\.h$'
    'profile ^hiredis/.*\.h$'
    'rules ^libfyaml\.h$'
    'rules ^pcre2\.h$'
    'commands ^seccomp\.h$'
)

check_third_party() { # FOLDER FILE...
    local folder=$1 file header entry users known
    shift
    while read -r file header; do
        [[ $header =~ $C_LIBRARY ]] && continue
        known=
        for entry in "${THIRD_PARTY[@]}"; do
            [[ ${entry%% *} == "$folder" && $header =~ ${entry#* } ]] && known=1
        done
        [ -n "$known" ] || tell "$file: <$header> is no library that $folder/ links"
    done < <(bracketed "$@")
    for entry in "${THIRD_PARTY[@]}"; do
        [[ ${entry%% *} == "$folder" ]] || continue
        users=$(bracketed "$@" | while read -r file header; do
            [[ $header =~ ${entry#* } ]] && echo "$file" || true
        done | sort -u | paste -sd ' ')
        [[ $users != *' '* ]] || tell "one file only may include ${entry#* }: $users"
        [[ $users != *.h* ]] || tell "a header may not include ${entry#* }: $users"
    done
}

# Functions that may be called in some files only.
check_calls() { # FUNCTIONS (a pattern) FILES (a pattern) WHY
    local file line
    while IFS=: read -r file line _; do
        [[ $file =~ $2 ]] || tell "$file:$line: $3"
    done < <(grep -HnP "(?<![\w.>\"])($1)\(" "${all[@]}" | grep -vP '^[^:]+:\d+:\s*(/?\*|//)' || true)
}

check_all_calls() {
    check_calls '(ntoh|hton)(s|l)' '^core/cursor\.h$' 'wire bytes are read with a cursor'
    check_calls 'clock_gettime|gettimeofday|time|localtime|gmtime' '^(capture/source\.c|commands/.*|[^/]+)$' \
        'time is packet time'
    check_calls 'exit|abort|perror' '^(commands/.*|[^/]+)$' 'only the command line ends the program'
    check_calls 'strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi' '^$' 'unbounded, or mistakes go unseen'
}

check_headers_alone() { # HEADER...
    local flags header
    flags=$(pkg-config --cflags libndpi libfyaml libmaxminddb libpcap 2>/dev/null || true)
    for header in "$@"; do
        # shellcheck disable=SC2086
        gcc -std=c17 -D_DEFAULT_SOURCE -I. $flags -Wall -Wextra -Werror -fsyntax-only -x c "$header" -o /dev/null \
            2>/tmp/layers.$$ || { tell "$header does not compile alone"; head -5 /tmp/layers.$$ >&2; }
    done
    rm -f /tmp/layers.$$
}

check_no_circle() { # HEADER...
    local circle
    if ! circle=$(quoted "$@" | tsort 2>&1 >/dev/null); then
        tell "headers include each other in a circle: $(sed 's/^tsort: //' <<<"$circle" | paste -sd ' ')"
    fi
}

all=()
headers=()
for folder in "${FOLDERS[@]}" commands .; do
    mapfile -t files < <(sources "$folder")
    [ ${#files[@]} -gt 0 ] || continue
    check_directions "$folder" "${files[@]}"
    check_third_party "$folder" "${files[@]}"
    all+=("${files[@]}")
    for file in "${files[@]}"; do
        [[ $file != *.h ]] || headers+=("$file")
    done
done
check_test_directions
check_all_calls
check_headers_alone "${headers[@]}"
check_no_circle "${headers[@]}"

[ "$wrong" -eq 0 ] || { echo "layers: $wrong wrong" >&2; exit 1; }
echo "layers: ${#all[@]} files in order"
