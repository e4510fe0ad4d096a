# What deploy/nginx/holdfast.conf marks with CHANGE, for compose.yaml: both nodes instead of this machine,
# the ports of their roles, its own ports, name and certificate, and places that a user without rights
# can write.
/^upstream holdfast_shop /,/^}/ s|127\.0\.0\.1:8080|127.0.0.1:8081|
/^upstream holdfast_operator /,/^}/ s|127\.0\.0\.1:8080|127.0.0.1:8082|
s|^( +)server 127\.0\.0\.1:([0-9]+)([^;]*);.*|\1server node-1:\2\3;\n\1server node-2:\2\3;|
s|listen 443 ssl|listen 8443 ssl|
s|listen 127\.0\.0\.1:8443 ssl|listen 8444 ssl|
s|server_name [^;]+;|server_name localhost;|
s|allow 127\.0\.0\.0/8;|allow 10.219.78.0/24;|
s|/etc/ssl/[^;]+\.pem;|/run/secrets/tls_certificate;|
s|/etc/ssl/[^;]+\.key;|/run/secrets/tls_key;|
s|/var/cache/nginx/|/tmp/cache-|
s|/var/log/nginx/[a-z-]+\.log|/dev/stdout|
s|include holdfast-|include /etc/holdfast-recipes/holdfast-|
