#!/usr/bin/env bats
# Images in and out, names, and what is refused.
load helpers

setup_file() {
  souk_setup_file
  W=$BATS_FILE_TMPDIR
  export W
  # A layout of two layers, made by tools that are not ours
  mkdir -p "$W/rootfs/bin" "$W/rootfs/etc"
  cp "$(command -v busybox)" "$W/rootfs/bin/busybox"
  ln -s busybox "$W/rootfs/bin/sh"
  echo first >"$W/rootfs/etc/one"
  umoci init --layout "$W/layout"
  umoci new --image "$W/layout:v1"
  umoci insert --image "$W/layout:v1" "$W/rootfs" /
  mkdir "$W/second"; echo second >"$W/second/two"
  umoci insert --image "$W/layout:v1" "$W/second" /etc
  umoci config --image "$W/layout:v1" --config.cmd /bin/sh --config.cmd -c --config.cmd '/bin/busybox cat /etc/two/two || /bin/busybox cat /etc/two'
  skopeo copy -q "oci:$W/layout:v1" "oci-archive:$W/oci.tar:v1"
  skopeo copy -q "oci:$W/layout:v1" "docker-archive:$W/docker.tar:example.org/app:v1"
}
teardown_file() { souk_teardown_file; }

@test "load: OCI layout directory" {
  run souk load -i "$W/layout"
  status_is 0
  id=$(souk images -q --no-trunc | sort -u | head -n 1)
  [ -n "$id" ]
}

@test "load: docker-archive, plain, gzip, zstd, from a pipe; run it" {
  run souk load -i "$W/docker.tar"
  status_is 0; has "example.org/app:v1"
  run souk run --rm example.org/app:v1
  has second
  souk rmi example.org/app:v1
  gzip -k "$W/docker.tar"; zstd -q "$W/docker.tar"
  for f in docker.tar.gz docker.tar.zst; do
    run bash -c "souk load <'$W/$f'"
    status_is 0; has "example.org/app:v1"
    souk rmi example.org/app:v1
  done
  cat "$W/docker.tar" | souk load
  souk rmi example.org/app:v1
}

@test "load: oci-archive; the digest is the one that skopeo sees" {
  run souk load -i "$W/oci.tar"
  status_is 0
  wanted=$(skopeo inspect --raw "oci-archive:$W/oci.tar:v1" | sha256sum | cut -d' ' -f1)
  run souk image inspect "$(souk images -q | head -n 1)"
  status_is 0
  found=no
  for i in $(souk images -q --no-trunc | sort -u); do
    souk image inspect "$i" | grep -q "$wanted" && found=yes
  done
  souk images --digests | grep -q "$wanted" && found=yes
  [ "$found" = yes ]
}

@test "load: several images in one archive" {
  souk tag box multi:a
  souk import "$W/rootfs" multi:b
  souk save -o "$W/multi.tar" multi:a multi:b
  souk rmi multi:a multi:b
  run souk load -i "$W/multi.tar"
  has multi:a; has multi:b
  souk rmi multi:a multi:b
}

@test "save and load again give the same image, in both formats" {
  id=$(souk image inspect -f '{{.Id}}' box)
  for format in docker-archive oci-archive; do
    souk tag box again:1
    souk save --format "$format" -o "$W/again.tar" again:1
    souk rmi again:1
    run souk load -i "$W/again.tar"
    has again:1
    [ "$(souk image inspect -f '{{.Id}}' again:1)" = "$id" ]
    skopeo inspect "$format:$W/again.tar" >/dev/null
    souk rmi again:1
  done
}

@test "import: a tar with --change, a directory, compressed" {
  tar -C "$W/rootfs" -cf "$W/root.tar" .
  run souk import -c 'CMD ["/bin/sh","-c","echo $WHO"]' -c 'ENV WHO=me' -c 'USER 33' -c 'WORKDIR /etc' -m 'a message' "$W/root.tar" imp:1
  status_is 0
  run souk run --rm imp:1
  is me
  run souk run --rm imp:1 /bin/sh -c 'echo $(/bin/busybox id -u) $PWD'
  is "33 /etc"
  run souk image history imp:1
  has "a message"
  gzip -kf "$W/root.tar"
  run bash -c "souk import - imp:2 <'$W/root.tar.gz'"
  status_is 0
  souk import "$W/rootfs" imp:3
  run souk import -c 'FROB x' "$W/rootfs" imp:4
  status_is 125; has FROB
  souk rmi imp:1 imp:2 imp:3
}

@test "tag, images, rmi" {
  souk tag box my.host:5000/some/where:2
  run souk images my.host:5000/some/where
  has "my.host:5000/some/where"; has 2
  run souk rmi box:nosuch
  [ "$status" -ne 0 ]; has nosuch
  run souk rmi my.host:5000/some/where:2
  has "Untagged"; hasnt Deleted
  run souk tag box 'Upper/Case'
  status_is 125; has "lower case"
  run souk tag box 'a:b:c'
  status_is 125
  run souk tag nosuch x
  status_is 125; has nosuch
}

@test "an image in use is not removed" {
  souk tag box used:1
  souk create --name user used:1 true
  souk rmi used:1
  run souk rmi "$(souk image inspect -f '{{.Id}}' box)"
  [ "$status" -ne 0 ]
  run souk rmi box
  [ "$status" -ne 0 ]; has user
  souk rm user
  souk image box
}

@test "inspect, history, prune" {
  run souk image inspect box
  echo "$output" | jq -e '.[0].Os == "linux" and (.[0].RootFS.Layers | length) == 1 and .[0].Config.Cmd == ["sh"]'
  run souk image history box
  has IMAGE
  souk import "$W/second" lonely:1
  souk import "$W/rootfs" lonely:1
  run souk image prune -f
  status_is 0; has Deleted
  souk rmi lonely:1
  run souk system check
  status_is 0
}

@test "a layer that two images share is stored once, and lives as long as one of them" {
  before=$(find "$SOUK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)
  souk load -i "$W/docker.tar"
  skopeo copy -q "oci:$W/layout:v1" "docker-archive:$W/other.tar:other:1"
  souk load -i "$W/other.tar"
  souk rmi other:1
  run souk run --rm example.org/app:v1
  has second
  souk rmi example.org/app:v1
  [ "$(find "$SOUK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -le $((before + 2)) ]
}

refused() { # FILE WORDS
  run souk load -i "$1"
  [ "$status" -ne 0 ] || { echo "$1 was taken: $output"; return 1; }
  has "$2"
}

@test "what is not an archive is refused" {
  : >"$W/empty"
  refused "$W/empty" empty
  head -c 100000 /dev/urandom >"$W/noise"
  refused "$W/noise" souk:
  tar -C "$W/rootfs" -cf "$W/plain.tar" .
  refused "$W/plain.tar" "souk import"
  refused /no/such/file "/no/such/file"
}

@test "truncated and damaged archives are refused, at many points" {
  size=$(stat -c %s "$W/oci.tar")
  for part in 1 2 3 5 8; do
    head -c $((size * part / 10)) "$W/oci.tar" >"$W/cut.tar"
    run souk load -i "$W/cut.tar"
    [ "$status" -ne 0 ]
  done
  blob=$(cd "$W/layout/blobs/sha256" && ls -S | head -n 1)
  cp -r "$W/layout" "$W/bad"
  chmod u+w "$W/bad/blobs/sha256/$blob"
  printf X | dd of="$W/bad/blobs/sha256/$blob" bs=1 seek=5000 conv=notrunc status=none
  souk rmi -f "$(souk images -q | tail -n 1)" || true
  SOUK_ROOT=$W/fresh SOUK_RUN=$W/fresh/run refused "$W/bad" "sha256:"
  rm -rf "$W/fresh"
}

@test "lies about media types, sizes, digests and counts are refused" {
  idx=$W/lie/index.json
  lie() { rm -rf "$W/lie"; cp -r "$W/layout" "$W/lie"; jq "$1" "$W/layout/index.json" >"$idx"; }
  lie '.manifests[0].mediaType = "application/x-unknown"'; refused "$W/lie" "unknown media type"
  lie '.manifests[0].size = 1'; refused "$W/lie" "1 were promised"
  lie '.manifests[0].digest = "sha256:" + ("0" * 64)'; refused "$W/lie" missing
  lie '.manifests[0].digest = "md5:00"'; refused "$W/lie" digest
  lie '.manifests = []'; refused "$W/lie" "no image"
  rm -rf "$W/lie"; cp -r "$W/layout" "$W/lie"
  sed 's/"manifests"/"manifests":[],"manifests"/' "$W/layout/index.json" >"$idx"; refused "$W/lie" "duplicate"
  printf '%s' "$(head -c 300 /dev/zero | tr '\0' '[')" >"$idx"; refused "$W/lie" "nested"
}

@test "a gzip bomb is stopped by its ratio" {
  [ -z "${SOUK_SANITIZED:-}" ] || skip "inflating gigabytes takes long under sanitizers; the release build does it"
  mkdir -p "$W/bomb/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$W/bomb/oci-layout"
  # 1,500 MB of zero bytes, compressed twice as well as one pass of gzip can: by zstd, one long match
  python3 - "$W" <<'PY'
import hashlib, io, json, os, subprocess, sys, tarfile
w = sys.argv[1]
head = tarfile.TarInfo("zeros"); head.size = 1500 << 20
p = subprocess.Popen(["zstd", "-q", "-19", "--long=27", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
import threading
digest = hashlib.sha256()
def feed():
    def put(b):
        digest.update(b); p.stdin.write(b)
    put(head.tobuf(tarfile.USTAR_FORMAT))
    z = bytes(1 << 20)
    for _ in range(1500): put(z)
    put(bytes(1024)); p.stdin.close()
t = threading.Thread(target=feed); t.start()
blob = p.stdout.read(); t.join()
def store(data):
    h = hashlib.sha256(data).hexdigest()
    open(f"{w}/bomb/blobs/sha256/{h}", "wb").write(data)
    return {"digest": "sha256:" + h, "size": len(data)}
config = store(json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest.hexdigest()]}}).encode())
config["mediaType"] = "application/vnd.oci.image.config.v1+json"
layer = store(blob); layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
manifest = store(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode())
manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open(f"{w}/bomb/index.json", "w"))
PY
  refused "$W/bomb" "times its size"
}

@test "image bootstrap debian:bookworm: a real system" {
  [ -z "${SOUK_SANITIZED:-}" ] || skip "mmdebstrap takes a minute; the release build does it"
  command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
  run souk image bootstrap debian:nosuchsuite
  [ "$status" -ne 0 ]
  run souk image bootstrap --quiet debian:bookworm
  status_is 0
  run souk run --rm debian:bookworm cat /etc/os-release
  has bookworm
  run souk run --rm debian:bookworm bash -c 'dpkg -l | grep -c ^ii'
  [ "$output" -gt 50 ]
  souk rmi debian:bookworm
}

@test "the store is whole after all that" {
  run souk system check
  status_is 0
}
