#!/bin/sh
# Makes what compose.yaml hands out as secrets: keys, passwords, the URLs that carry them, and a
# certificate for localhost to try it with. Files that are there already stay.
#
# make-secrets.sh [DIRECTORY]; without one, deploy/compose/secrets, which git does not track.
set -eu

directory=${1:-$(dirname "$0")/secrets}
# Only you can enter the directory. The files are readable, because each container reads its own as
# another user.
install -d -m 0700 "$directory"
cd "$directory"

keep() {  # keep NAME: what comes in becomes the file, unless there is one
    if [ -e "$1" ]; then return; fi
    cat > "$1.new"
    chmod 0444 "$1.new"
    mv "$1.new" "$1"
}
random() {
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='
}

for name in secret operator_key store_password ledger_password grafana_password; do
    random | keep $name
done
printf 'redis+sentinel://:%s@sentinel-1,sentinel-2,sentinel-3/holdfast\n' "$(cat store_password)" | keep store_url
printf 'postgresql://holdfast:%s@ledger/holdfast\n' "$(cat ledger_password)" | keep ledger_url

if [ ! -e tls_key ] || [ ! -e tls_certificate ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout tls_key.new -out tls_certificate.new 2>/dev/null
    chmod 0444 tls_key.new tls_certificate.new
    mv tls_certificate.new tls_certificate
    mv tls_key.new tls_key
fi
