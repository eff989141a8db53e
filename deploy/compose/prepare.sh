#!/bin/sh
# Makes what compose.yaml needs and no repository may hold: passwords and keys in secrets/, and the image. Run again, it changes nothing
# that is there. COMPOSE names the command where it is another: COMPOSE="podman-compose" ./prepare.sh
set -eu
cd "$(dirname "$0")"
COMPOSE=${COMPOSE:-docker compose}
umask 077
mkdir -p secrets # the folder is closed to others on this machine; the files are open to the users of the containers
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # name: standard input becomes the secret, unless there is one
	[ -s "secrets/$1" ] && return
	cat > "secrets/$1.new"
	[ -s "secrets/$1.new" ] || { echo "nothing came for secrets/$1" >&2; exit 1; }
	chmod 0644 "secrets/$1.new"
	mv "secrets/$1.new" "secrets/$1"
}
password=$(random)
printf 'requirepass %s\nmasterauth %s\n' "$password" "$password" | keep redis_auth
password=$(sed -n 's/^requirepass //p' secrets/redis_auth)
echo "redis+sentinel://:$password@sentinel-1:26379,sentinel-2:26379,sentinel-3:26379/city/0" | keep redis_url
random | keep grafana_password
# Compose wants every file to be there before it runs anything.
for name in gateway_key alertmanager_token; do [ -e "secrets/$name" ] || : > "secrets/$name"; done
$COMPOSE build east
key() { $COMPOSE run --rm --no-deps -T east key add --data /var/lib/banyan-access "$@"; }
[ -s secrets/gateway_key ] || key --role gateway --name gateway | keep gateway_key
[ -s secrets/alertmanager_token ] || key --role source --source alertmanager | keep alertmanager_token
echo "ready: $COMPOSE up -d   (Grafana's admin: secrets/grafana_password)"
