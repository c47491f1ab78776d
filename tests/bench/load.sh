#!/bin/bash
# Loading a real image of four gzip layers (Debian packages, about 700 MB, 30,000 files) against tar -xz of the same layers.
# shellcheck disable=SC2086,SC2116  # lists of files without blanks
set -eu
# shellcheck source=tests/bench/setup.sh
. "$(dirname "$0")/setup.sh"
cache=${SOUK_BENCH_CACHE:-/var/cache/souk-bench}
if [ ! -f "$cache/image/index.json" ]; then
  echo "making the image once, in $cache"
  rm -rf "$cache/image" "$cache/root"
  mkdir -p "$cache/root" "$cache/image/blobs/sha256"
  mmdebstrap --quiet --variant=apt --include=build-essential,python3,git,perl,openjdk-17-jdk-headless,vim bookworm "$cache/root.tar"
  tar -xf "$cache/root.tar" -C "$cache/root"
  rm "$cache/root.tar"
  cd "$cache/root"
  put() { local f=$1 h; h=$(sha256sum "$f" | cut -d' ' -f1); mv "$f" "$cache/image/blobs/sha256/$h"; echo "$h"; }
  diff_ids='' layers=''
  i=0
  for part in "./usr/lib/jvm" "./usr/lib ./lib ./lib64" "./usr/share ./usr/bin" "."; do
    i=$((i + 1))
    exclude=()
    [ "$i" -eq 2 ] && exclude=(--exclude=./usr/lib/jvm)
    [ "$i" -eq 4 ] && exclude=(--exclude=./usr/lib --exclude=./usr/share --exclude=./usr/bin --exclude=./dev)
    # shellcheck disable=SC2086
    tar "${exclude[@]}" --numeric-owner -cf "$cache/l.tar" $part
    d=$(sha256sum "$cache/l.tar" | cut -d' ' -f1)
    gzip -6 -n "$cache/l.tar"
    size=$(stat -c %s "$cache/l.tar.gz")
    h=$(put "$cache/l.tar.gz")
    diff_ids="$diff_ids${diff_ids:+,}\"sha256:$d\""
    layers="$layers${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$h\",\"size\":$size}"
  done
  cd /
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["bash"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$diff_ids" >"$cache/c"
  cs=$(stat -c %s "$cache/c")
  c=$(put "$cache/c")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' "$c" "$cs" "$layers" >"$cache/m"
  ms=$(stat -c %s "$cache/m")
  m=$(put "$cache/m")
  printf '{"imageLayoutVersion":"1.0.0"}' >"$cache/image/oci-layout"
  rm -rf "$cache/root"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"bench:1"}}]}' "$m" "$ms" >"$cache/image/index.json"
fi
tar -C "$cache/image" -cf "$SOUK_ROOT/image.tar" .
blobs=$(find "$cache/image/blobs/sha256" -size +1M)
mkdir "$SOUK_ROOT/x"
cat $blobs "$SOUK_ROOT/image.tar" >/dev/null
hyperfine -N --warmup 1 --runs "${RUNS:-5}" --export-json "$SOUK_ROOT/out" \
  --prepare "sh -c 'rm -rf $SOUK_ROOT/x/*; souk rmi bench:1 >/dev/null 2>&1; true'" \
  -n "tar -xz" "sh -c 'for b in $(echo $blobs); do tar -xzf \$b -C $SOUK_ROOT/x || exit 1; done'" \
  -n "souk load" "souk load -q -i $SOUK_ROOT/image.tar" >/dev/null
echo "loading an image: $(find "$SOUK_ROOT/image.tar" -printf '%k') KiB of archive"
jq -r '.results[] | "  \(.command): \(.median * 1000 | round) ms"' "$SOUK_ROOT/out"
jq -r '"  souk load is \(.results[1].median / .results[0].median * 100 | round / 100) x tar -xz"' "$SOUK_ROOT/out"
souk rmi bench:1 >/dev/null 2>&1 || true
/usr/bin/time -f '%M' souk load -q -i "$SOUK_ROOT/image.tar" 2>"$SOUK_ROOT/mem" >/dev/null || true
echo "  peak memory of the largest process: $(($(tail -n 1 "$SOUK_ROOT/mem") / 1024)) MiB"
