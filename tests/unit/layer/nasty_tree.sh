#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fills the empty directory $1 with every kind of file and attribute that a layer can hold.  Needs root.
set -eu
cd "$1"
umask 022
mkdir -p dir/sub/deeper empty-dir .hidden-dir 'dir with spaces'
echo hello > dir/file
echo other > dir/sub/file
printf '' > empty
printf 'x' > one-byte
head -c 4096 /dev/zero | tr '\0' A > exactly-a-block
head -c 4097 /dev/zero | tr '\0' B > a-block-and-one
head -c 2048 /dev/zero | tr '\0' C > small-limit
head -c 2049 /dev/zero | tr '\0' D > small-limit-and-one
i=0
while [ $i -lt 60 ]; do
        head -c $((i * 67 + 1)) /dev/zero | tr '\0' "$(printf "\\$(printf %03o $((65 + i % 26)))")" > "dir/sub/fill-$i"
        i=$((i + 1))
done
seq 1 400000 > large
head -c 300000 /dev/urandom > random
# links
ln dir/file hard-1
ln dir/file dir/sub/hard-2
ln dir/file dir/sub/deeper/hard-3
ln -s dir/file symlink
ln -s /absolute/nowhere dangling
ln -s ../../../../../../etc/passwd dir/escape
ln -s "$(head -c 300 /dev/zero | tr '\0' t)" long-target
ln -s "$(i=0; while [ $i -lt 40 ]; do printf '%0100d/' 0; i=$((i + 1)); done)end" longest-target
ln symlink hard-to-symlink
ln -s dir symlink-to-dir
# special files
mkfifo -m 600 fifo
mknod -m 640 null c 1 3
mknod -m 640 block b 7 200
mknod -m 660 bigdev c 300 70000
ln null hard-to-device
# modes and owners
touch setuid setgid sticky no-rights
chown 1000:100 setuid setgid
chmod 4755 setuid
chmod 2755 setgid
chmod 1644 sticky
chmod 000 no-rights
mkdir sticky-dir setgid-dir no-rights-dir
chmod 1777 sticky-dir
chmod 2775 setgid-dir
chmod 000 no-rights-dir
touch big-ids bigger-ids
chown 70000:80000 big-ids
chown 4000000000:3999999999 bigger-ids
chown -h 123456:654321 dangling
# names
touch "$(head -c 255 /dev/zero | tr '\0' n)"
mkdir -p "$(head -c 200 /dev/zero | tr '\0' p)/$(head -c 200 /dev/zero | tr '\0' q)/$(head -c 101 /dev/zero | tr '\0' r)"
echo deep > "$(head -c 200 /dev/zero | tr '\0' p)/$(head -c 200 /dev/zero | tr '\0' q)/$(head -c 101 /dev/zero | tr '\0' r)/f"
touch "$(head -c 100 /dev/zero | tr '\0' h)" "$(head -c 99 /dev/zero | tr '\0' g)" '!before-dot' ' ' '-' "$(printf 'new\nline')" "$(printf 'bad\377utf8')"
touch "$(printf 'e\314\201-decomposed')" "$(printf '\303\251-composed')" '...' '..a' '.a'
# times
touch -d '2001-02-03 04:05:06.123456789 UTC' sub-second
touch -d '1969-12-31 23:59:58.25 UTC' before-epoch
touch -d '2200-01-01 UTC' far-future
touch -h -d '1999-09-09 09:09:09.9 UTC' symlink
# attributes
touch xattrs
setfattr -n user.plain -v value xattrs
setfattr -n user.empty xattrs
setfattr -n 'user.odd=name%' -v 0x000102ff00 xattrs
setfattr -n trusted.secret -v t xattrs
setfattr -n user.long -v "$(head -c 2500 /dev/zero | tr '\0' v)" xattrs
setfattr -n user.on-dir -v d dir
setfattr -h -n trusted.on-symlink -v s dangling
setfattr -n trusted.on-fifo -v f fifo
cp /bin/true capable 2>/dev/null || touch capable
setcap cap_net_raw,cap_net_admin+ep capable
touch acl minimal-acl
setfacl -m u:1234:rwx,g:5678:r-x,m::rwx acl
setfacl -m u::rwx,g::r,o::- minimal-acl
mkdir acl-dir
setfacl -m u:1234:r-x acl-dir
setfacl -d -m u:4321:rwx,g::r-x acl-dir
setfacl -d -m u::rwx,g::rx,o::- empty-dir
# sparse
truncate -s 1M sparse-empty
truncate -s 5M sparse-middle
printf middle | dd of=sparse-middle bs=1 seek=3000001 conv=notrunc 2>/dev/null
printf end | dd of=sparse-end bs=1 seek=20000000 2>/dev/null
truncate -s 5G sparse-huge
printf huge | dd of=sparse-huge bs=1 seek=4500000000 conv=notrunc 2>/dev/null
truncate -s 1500 sparse-small
i=0
while [ $i -lt 40 ]; do
        printf "piece $i" | dd of=sparse-many bs=4096 seek=$((i * 5 + 1)) conv=notrunc 2>/dev/null
        i=$((i + 1))
done
# many names: directories of several blocks
mkdir many
(cd many && seq -f 'entry-with-a-rather-long-name-%05g' 1 1500 | xargs touch)
mkdir many-dirs
(cd many-dirs && seq -f 'd%g' 1 300 | xargs mkdir)
# times of directories last
find . -type d -exec touch -d '2020-02-02 02:02:02.020202020 UTC' {} +
