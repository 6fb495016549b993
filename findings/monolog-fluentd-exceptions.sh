#!/usr/bin/env bash
# Monolog 2.9.1-1 (Debian 12), PHP's usual logger, with its formatter for Fluentd.
#
# Its other formatters write an exception in the context with class, message, code and place. FluentdFormatter does not:
# an exception, logged as PSR-3 asks for, becomes an empty object, so nothing of it arrives.
#
# Seen:
#   fluentd {}
#   json {"class":"RuntimeException","message":"boom","code":0}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download php-monolog=2.9.1-1 php-psr-log php8.2-cli php8.2-common libargon2-1 libedit2 \
  libonig5 libxml2 libsodium23 libpcre2-8-0 libicu72 libbsd0 libmd0 > /dev/null
for package in *.deb; do dpkg -x "$package" root; done

cat > log.php <<'PHP'
<?php
set_include_path($argv[1]);
require_once 'Monolog/autoload.php';
foreach (['fluentd' => new Monolog\Formatter\FluentdFormatter(), 'json' => new Monolog\Formatter\JsonFormatter()] as $name => $formatter) {
    $handler = new Monolog\Handler\TestHandler();
    $handler->setFormatter($formatter);
    (new Monolog\Logger('shop', [$handler]))->error('it failed', ['exception' => new RuntimeException('boom')]);
    $written = json_decode($handler->getRecords()[0]['formatted'], true);
    $exception = ($name === 'fluentd' ? $written[2] : $written)['context']['exception'];
    unset($exception['file']);
    echo $name, ' ', json_encode((object) $exception), "\n";
}
PHP
libraries=$(dirname "$tmp"/root/usr/lib/*/libxml2.so.2)
seen=$(LD_LIBRARY_PATH="$libraries" timeout 60 "$tmp/root/usr/bin/php8.2" -n log.php "$tmp/root/usr/share/php")
echo "$seen"
expected='fluentd {}
json {"class":"RuntimeException","message":"boom","code":0}'
[ "$seen" = "$expected" ] || { echo "changed" >&2; exit 1; }
