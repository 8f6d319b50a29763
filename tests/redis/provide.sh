#!/bin/sh
# Prints the path of a Redis or Valkey server that runs here: REDIS_SERVER, or one that is installed, or the one of Debian's
# package, which is then unpacked into this folder (with the libraries that the system lacks; nothing is installed outside).
# If there is none, it says why and fails.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
home=$folder/server
export DEBIAN_FRONTEND=noninteractive

# Streams can be read from after an id since 6.2.
runs() {
  version=$("$1" --version 2>/dev/null | sed -n 's/.*v=\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  [ -n "$version" ] && set -- $version && [ "$1" -gt 6 -o "$1" -eq 6 -a "$2" -ge 2 ]
}

for server in "${REDIS_SERVER:-}" "$(command -v redis-server || true)" "$(command -v valkey-server || true)" "$home/redis-server"; do
  if [ -n "$server" ] && runs "$server"; then
    echo "$server"
    exit 0
  fi
done

fail() {
  echo "ssecast: no Redis runs here ($1). Install one of 6.2 or later (Debian: apt-get install redis-server), or set REDIS_SERVER to its path." >&2
  exit 1
}

command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail 'and only a Debian package can be unpacked'
echo 'ssecast: no Redis found; unpacking that of Debian into tests/redis' >&2
# It gets its name when it is whole, so that an interrupted run is repeated.
partial=$(mktemp -d "$folder/.partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
mkdir "$partial/packages" "$partial/server"
cd "$partial/packages"
lacking() {
  apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances redis-tools |
    grep '^lib' | sort -u | while read -r package; do
      dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}
fetch() {
  apt-get download redis-server redis-tools $(lacking) >&2
}
# What is known of the packages may be nothing, or old.
fetch || { apt-get update >&2 && fetch; } || fail 'and apt-get could not get its package'
for package in *.deb; do
  dpkg -x "$package" "$partial/server"
done
cat >"$partial/server/redis-server" <<'END'
#!/bin/sh
home=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$(ls -d "$home"/usr/lib/*-linux-* "$home"/lib/*-linux-* 2>/dev/null | tr '\n' ':')${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH
exec "$home/usr/bin/redis-server" "$@"
END
chmod +x "$partial/server/redis-server"
cd "$folder"
# Another run may have been faster.
mv -T "$partial/server" "$home" 2>/dev/null || true
runs "$home/redis-server" || fail 'and that of Debian does not run here'
echo "$home/redis-server"
