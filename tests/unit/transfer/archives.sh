# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests: makes images of all kinds in the current directory, whole ones and, by filters, broken ones.
set -eu
export LC_ALL=C TZ=UTC

hex() { sha256sum <"$1" | cut -c1-64; }

# det_tar OUT DIR: the same bytes each time
det_tar() { tar --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$2" -cf "$1" .; }

# layer_tar N OUT: a layer that is different for each N
layer_tar() {
        rm -rf tree && mkdir -p tree/d && echo "layer $1" >"tree/d/file$1" && ln -s "file$1" "tree/d/link$1" && ln "tree/d/file$1" "tree/hard$1"
        [ "$1" = 1 ] || : >"tree/.wh.hard$(($1 - 1))"
        det_tar "$2" tree && rm -rf tree
}

# squeeze KIND IN OUT
squeeze() {
        case $1 in
        gzip) gzip -n -c "$2" >"$3" ;;
        zstd) zstd -q -c "$2" >"$3" ;;
        *) cp "$2" "$3" ;;
        esac
}

# blob LAYOUT FILE: moved among the blobs; prints its digest
blob() {
        local d
        d=$(hex "$2") && mkdir -p "$1/blobs/sha256" && mv "$2" "$1/blobs/sha256/$d" && echo "$d"
}

media_type() {
        case $1 in
        gzip | zstd) echo "application/vnd.oci.image.layer.v1.tar+$1" ;;
        *) echo "application/vnd.oci.image.layer.v1.tar" ;;
        esac
}

# oci LAYOUT KIND LAYERS: filters in $config, $manifest, $index (jq), $tar (a layer to be the first), $arg (for them)
oci() {
        local i d size ids='[]' layers='[]'
        mkdir -p "$1/blobs/sha256"
        for i in $(seq "$3"); do
                if [ "$i" = 1 ] && [ -n "${tar:-}" ]; then cp "$tar" l.tar; else layer_tar "$i" l.tar; fi
                ids=$(echo "$ids" | jq -c --arg d "sha256:$(hex l.tar)" '. + [$d]')
                squeeze "$2" l.tar l.blob && size=$(stat -c %s l.blob) && d=$(blob "$1" l.blob)
                layers=$(echo "$layers" | jq -c --arg d "sha256:$d" --argjson s "$size" --arg t "$(media_type "$2")" \
                        '. + [{mediaType: $t, digest: $d, size: $s}]')
        done
        oci_texts "$1" "$ids" "$layers"
        rm -f l.tar
}

# oci_texts LAYOUT DIFF-IDS LAYERS: config, manifest, index
oci_texts() {
        local d size
        jq -nc --argjson ids "$2" '{architecture: "amd64", os: "linux", config: {Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: $ids}}' |
                jq -c --arg x "${arg:-}" "${config:-.}" >c.json
        size=$(stat -c %s c.json) && d=$(blob "$1" c.json)
        jq -nc --argjson layers "$3" --arg d "sha256:$d" --argjson s "$size" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
                config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $d, size: $s}, layers: $layers}' |
                jq -c --arg x "${arg:-}" "${manifest:-.}" >m.json
        size=$(stat -c %s m.json) && d=$(blob "$1" m.json)
        jq -nc --arg d "sha256:$d" --argjson s "$size" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
                digest: $d, size: $s, annotations: {"io.containerd.image.name": "docker.io/library/box:1"}}]}' |
                jq -c --arg x "${arg:-}" "${index:-.}" >"$1/index.json"
        printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
}

# docker DIR STYLE LAYERS: docker-archive unpacked; STYLE plain, gzip, symlinks (the last layer is a link to the first)
docker() {
        local i id ids='[]' names='[]' first=
        mkdir -p "$1"
        for i in $(seq "$3"); do
                layer_tar "$i" l.tar && id=$(hex l.tar)
                first=${first:-$id}
                mkdir -p "$1/$id" && squeeze "$2" l.tar "$1/$id/layer.tar"
                ids=$(echo "$ids" | jq -c --arg d "sha256:$id" '. + [$d]')
                names=$(echo "$names" | jq -c --arg n "$id/layer.tar" '. + [$n]')
        done
        if [ "$2" = symlinks ]; then
                mkdir -p "$1/again" && ln -s "../$first/layer.tar" "$1/again/layer.tar"
                ids=$(echo "$ids" | jq -c --arg d "sha256:$first" '. + [$d]')
                names=$(echo "$names" | jq -c '. + ["again/layer.tar"]')
        fi
        jq -nc --argjson ids "$ids" '{architecture: "amd64", os: "linux", config: {Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: $ids}}' |
                jq -c --arg x "${arg:-}" "${config:-.}" >c.json
        id=$(hex c.json) && mv c.json "$1/$id.json"
        jq -nc --arg c "$id.json" --argjson l "$names" '[{Config: $c, RepoTags: ["box:1", "user/other:2"], Layers: $l}]' |
                jq -c --arg x "${arg:-}" "${manifest:-.}" >"$1/manifest.json"
        rm -f l.tar
}

# pack DIR OUT: as an archive
pack() { det_tar "$2" "$1"; }
