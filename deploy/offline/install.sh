#!/bin/sh
# Installs esb from the bundle that this file lies in, on a machine that has Docker and needs no internet; with a newer
# bundle, it upgrades. docs/deployment.md, "Offline".
set -eu
# The functions' images and the compose files are read by containers whose user is not root.
umask 022
# Of another project of whoever runs this.
unset COMPOSE_FILE

usage() {
    cat <<'END'
usage: sh install.sh [options] [folder]
  folder            where esb is to be (/opt/esb); its functions.yml, routing.yml and esb.env are yours to change
  --unprivileged    without `privileged`: compose.unprivileged.yaml is laid over; an upgrade keeps that
  --no-start        loads the images and writes the files, no more
  --verify          looks whether the bundle is whole, no more
END
}

say() { echo "esb: $*"; }
fail() {
    echo "esb: $*" >&2
    exit 1
}

target=/opt/esb unprivileged= start=yes verify_only=
while test $# -gt 0; do
    case $1 in
        --unprivileged) unprivileged=yes ;;
        --no-start) start= ;;
        --verify) verify_only=yes ;;
        --help | -h) usage && exit 0 ;;
        -*) usage >&2 && fail "$1: no such option" ;;
        *) target=$1 ;;
    esac
    shift
done

bundle=$(cd "$(dirname "$0")" && pwd)
# Seconds that the gateway may take until it is healthy.
patience=120
# Files that are the machine's owner's to change.
owners_files="functions.yml routing.yml esb.env"

# All lines of MANIFEST with this key, without it.
told() { sed -n "s/^$1 //p" "$bundle/MANIFEST"; }

verify() {
    for name in MANIFEST SHA256SUMS; do
        test -f "$bundle/$name" || fail "$name is missing; the archive was not unpacked to its end. Nothing was changed"
    done
    wrong=$(cd "$bundle" && sha256sum -c SHA256SUMS 2>&1 | grep -v ': OK$' || true)
    test -z "$wrong" || fail "the bundle is not as it was made; nothing was changed:
$wrong"
    listed=$(grep -c . "$bundle/SHA256SUMS" || true)
    test "$(told files)" = "$listed" ||
        fail "SHA256SUMS lists $listed files, not $(told files); the bundle is not as it was made. Nothing was changed"
    test "$(told format)" = 1 || fail "this install.sh does not know bundles of format $(told format)"
    say "the bundle is whole: esb $(told version) for $(told platform), $listed files"
}

# Whether a version is this one (major, minor) or newer.
is_at_least() {
    major=${1%%.*} rest=${1#*.}
    minor=${rest%%[!0-9]*}
    test "$major" -gt "$2" 2>/dev/null || { test "$major" -eq "$2" && test "$minor" -ge "$3"; } 2>/dev/null
}

check_engine() {
    server=$(docker version --format '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}' 2>&1) ||
        fail "the Docker engine does not answer; nothing was changed: $server"
    is_at_least "${server% *}" 20 10 || fail "Docker ${server% *} is too old: 20.10 or newer is needed. Nothing was changed"
    test "${server#* }" = "$(told platform)" ||
        fail "the bundle is for $(told platform), this engine for ${server#* }. Nothing was changed"
    compose=$(docker compose version --short 2>&1) ||
        fail "Docker has no compose plugin; nothing was changed: $compose"
    is_at_least "${compose#v}" 2 24 || fail "Docker Compose $compose is too old: 2.24 or newer is needed. Nothing was changed"
}

# A folder where somebody else's compose.yaml is stays as it is.
check_target() {
    test ! -e "$target/compose.yaml" || test -e "$target/.installed" ||
        fail "$target holds a compose.yaml that is not esb's; name another folder. Nothing was changed"
}

# Images that the engine does not have as they are in the bundle.
missing_images() {
    told service-image | while read -r id reference; do
        have=$(docker image inspect --format '{{.Id}}' "$reference" 2>/dev/null || true)
        test "$have" = "$id" || echo "$reference"
    done
}

# Of MiB, in a folder that may not be there yet.
check_space() {
    folder=$1
    while test ! -d "$folder"; do folder=$(dirname "$folder"); done
    free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')
    test "$free" -ge "$2" || fail "$folder has $free MiB left; $3 $2 MiB. Nothing was changed"
}

check_room() {
    check_space "$target" $(($(du -sk "$bundle/config" | cut -f1) / 1024 + 1)) "esb's files take"
    test -n "$(missing_images)" || return 0
    data=$(docker info --format '{{.DockerRootDir}}')
    # An engine elsewhere has its folder elsewhere.
    test ! -d "$data" || check_space "$data" "$(told services-mib)" "the images take up to"
}

load_images() {
    if test -z "$(missing_images)"; then
        say "the engine has all images of this bundle"
        return
    fi
    say "loading images"
    words=$(docker load --input "$bundle/services.tar.gz" 2>&1) || fail "the images could not be loaded: $words"
}

sum_of() { sha256sum <"$1" | cut -d' ' -f1; }
# The sum that a file had when a bundle put it there.
sum_when_installed() { test ! -f "$record" || sed -n "s|^\([0-9a-f]*\)  config/$1\$|\1|p" "$record"; }

# In one step: whoever reads it meanwhile sees the old file or the new one.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.esb-part"
    # It may hold passwords.
    test "${1##*/}" != esb.env || chmod 600 "$2.esb-part"
    mv "$2.esb-part" "$2"
}

put_file() {
    name=$1 from=$bundle/config/$1 to=$target/$1
    if test ! -e "$to" || test "$(sum_of "$to")" = "$(sum_when_installed "$name")"; then
        put "$from" "$to"
        return
    fi
    test "$(sum_of "$to")" = "$(sum_of "$from")" && return
    case " $owners_files " in
        *" $name "*)
            put "$from" "$to.new"
            say "$to is yours and stays as it is; the bundle's is beside it: $name.new"
            ;;
        *)
            mv "$to" "$to.old"
            put "$from" "$to"
            say "$to had been changed; the bundle's takes its place, yours is kept as $name.old"
            ;;
    esac
}

write_compose_file() {
    grep -qs unprivileged "$target/compose.yaml" && unprivileged=yes
    paths=$(told compose | tr '\n' ',')${unprivileged:+compose.unprivileged.yaml,}bundle.yaml
    cat >"$target/compose.yaml.esb-part" <<END
# Written by install.sh, anew each time. From this folder: docker compose up --detach
name: esb
include:
  - path: [$paths]
END
    mv "$target/compose.yaml.esb-part" "$target/compose.yaml"
}

put_files() {
    say "writing files to $target"
    mkdir -p "$target"
    record=$target/.installed
    (cd "$bundle/config" && find . -type f | sed 's|^\./||' | sort) >"$target/.files.esb-part"
    while read -r name; do put_file "$name"; done <"$target/.files.esb-part"
    rm "$target/.files.esb-part"
    # Images of functions that this bundle no longer has; what others put there stays.
    test ! -f "$record" || sed -n 's|^[0-9a-f]*  config/\(images/.*\)$|\1|p' "$record" | while read -r name; do
        test -e "$bundle/config/$name" || rm -f "$target/$name"
    done
    write_compose_file
    put "$bundle/SHA256SUMS" "$record"
}

# The container of a service, running or not.
container_of() { docker compose ps --all --quiet "$1"; }

bring_up() {
    say "starting"
    cd "$target"
    docker compose up --detach --no-build --pull never --remove-orphans
    for service in example functions; do
        status=$(docker wait "$(container_of "$service")")
        test "$status" = 0 || {
            docker compose logs --tail 20 "$service" >&2
            fail "$service could not bring its images in"
        }
    done
    gateway=$(container_of gateway) waited=0
    until test "$(docker inspect --format '{{.State.Health.Status}}' "$gateway")" = healthy; do
        waited=$((waited + 1))
        test $waited -le $patience || {
            docker compose logs --tail 20 gateway >&2
            fail "the gateway is not healthy after $patience s"
        }
        sleep 1
    done
    say "esb $(told version) runs; keys and passwords of the first start:
  cd $target && docker compose exec gateway cat /secrets/credentials.env"
}

clean_up() {
    status=$?
    test ! -d "$target" || find "$target" -name '*.esb-part' -type f -exec rm -f {} +
    exit $status
}

verify
test -z "$verify_only" || exit 0
for program in docker awk; do
    command -v $program >/dev/null || fail "this machine has no $program. Nothing was changed"
done
check_target
check_engine
check_room
load_images
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
put_files
test -z "$start" || bring_up
