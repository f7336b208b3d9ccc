# Inside the cage, before the first service: what the packages' maintainer scripts would have made, and two networks.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8
rm -rf /var/run
ln -s /run /var/run
mkdir -p /etc /root /var/log /var/tmp /var/empty /run/lock /var/zoo
chmod 1777 /tmp /var/tmp
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n' >/etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\nshadow:x:42:\nmail:x:8:\n' >/etc/group
printf 'root:*:1::::::\n' >/etc/shadow
id=200
for user in www-data postgres mysql sshd redis Debian-exim dovecot dovenull unbound proxy mosquitto icecast ftp \
  irc privoxy zoo; do
  echo "$user:x:$id:65534::/var/zoo/$user:/bin/sh" >>/etc/passwd
  # The password is "zoo".
  echo "$user:$(openssl passwd -6 -salt zoo zoo):1::::::" >>/etc/shadow
  echo "$user:x:$id:" >>/etc/group
  mkdir -p "/var/zoo/$user"
  chown "$id:65534" "/var/zoo/$user"
  id=$((id + 1))
done
printf '127.0.0.1 localhost zoo\n10.77.1.2 lost\n10.77.2.2 down\n' >/etc/hosts
echo 'hosts: files' >/etc/nsswitch.conf
echo zoo >/etc/mailname
ln -sf nc.openbsd /bin/nc
ln -sf php8.2 /usr/bin/php
ln -sf mawk /usr/bin/awk
ln -sf /usr/lib/jvm/java-17-openjdk-amd64/bin/java /usr/bin/java
ldconfig

# The other end of two links: one will lose packets, the other will be taken down.
ip link set lo up
ip netns add far
ip -n far link set lo up
for link in 1 2; do
  ip link add "near$link" type veth peer name "far$link" netns far
  ip address add "10.77.$link.1/24" dev "near$link"
  ip -n far address add "10.77.$link.2/24" dev "far$link"
  ip link set "near$link" up
  ip -n far link set "far$link" up
done

# What is served.
mkdir -p /srv/www /srv/git /srv/ftp /srv/up
echo '<p>zoo</p>' >/srv/www/index.html
dd if=/dev/urandom of=/srv/www/large bs=1M count=20 2>/dev/null
cp /srv/www/large /srv/ftp/large
chmod 755 /srv/ftp
git config --global --add safe.directory '*'
git config --global user.email zoo@localhost
git config --global user.name zoo
git init -q /srv/git/one
dd if=/dev/urandom of=/srv/git/one/file bs=1M count=2 2>/dev/null
git -C /srv/git/one add file
git -C /srv/git/one commit -q -m one

# Keys.
mkdir -p /etc/zoo $HOME/.ssh /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /etc/zoo/host
ssh-keygen -q -t ed25519 -N '' -f $HOME/.ssh/id_ed25519
cp $HOME/.ssh/id_ed25519.pub $HOME/.ssh/authorized_keys
chmod 700 $HOME $HOME/.ssh
printf 'Host *\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\nPort 2222\n' >$HOME/.ssh/config
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30 -keyout /etc/zoo/key.pem -out /etc/zoo/cert.pem \
  2>/dev/null
cat /etc/zoo/key.pem /etc/zoo/cert.pem >/etc/zoo/both.pem

# Databases.
mkdir -p /run/postgresql /run/mysqld /var/lib/zoo
chown postgres /run/postgresql /var/lib/zoo
setpriv --reuid postgres --regid nogroup --clear-groups /usr/lib/postgresql/15/bin/initdb -D /var/lib/zoo/postgres \
  -A trust -N >/dev/null
mariadb-install-db --user=root --datadir=/var/lib/zoo-maria --auth-root-authentication-method=normal >/dev/null 2>&1
