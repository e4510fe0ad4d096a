#!/bin/sh
# Starts nginx with the recipe of deploy/nginx and the changes that this deployment needs.
set -eu
sed -E -f /etc/holdfast-nginx/front.sed /etc/holdfast-recipes/holdfast.conf > /tmp/holdfast.conf
exec nginx -c /etc/holdfast-nginx/nginx.conf -g 'daemon off;'
