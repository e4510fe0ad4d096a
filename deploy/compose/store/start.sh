#!/bin/sh
# Starts a Valkey of compose.yaml: start.sh store|sentinel NAME. Sentinel changes the files of both when
# the primary moves, so they lie in /data and are made at the first start only.
set -eu

kind=$1
name=$2
config=/data/$kind.conf
password=$(cat /run/secrets/store_password)

if [ ! -e "$config" ]; then
    umask 077
    {
        echo "include /etc/holdfast-store/$kind.conf"
        if [ "$kind" = sentinel ]; then
            echo "sentinel announce-ip $name"
            echo "sentinel monitor holdfast store-1 6379 2"
            echo "sentinel auth-pass holdfast $password"
            # Longer than min-replicas-max-lag of the stores.
            echo "sentinel down-after-milliseconds holdfast 5000"
            echo "sentinel failover-timeout holdfast 20000"
        else
            echo "replica-announce-ip $name"
            echo "requirepass $password"
            echo "masterauth $password"
            if [ "$name" != store-1 ]; then echo "replicaof store-1 6379"; fi
        fi
    } > "$config.new"
    mv "$config.new" "$config"
fi

if [ "$kind" = sentinel ]; then
    exec valkey-server "$config" --sentinel
fi
exec valkey-server "$config"
