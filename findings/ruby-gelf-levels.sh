#!/usr/bin/env bash
# ruby-gelf 1.4.0-4.1 (Debian 12), the Ruby client of Graylog that Rails applications use as their logger, run by the
# distribution's ruby3.1.
#
# Its logger takes Ruby's levels and sends each a step less severe than its name: a warning is a notice (5), an error a
# warning (4), and what is fatal is an error (3), unless `level_mapping = :direct` is set. So whoever asks a Graylog for
# `level:<=3` finds none of its errors. And the place a message came from is looked for outside a folder `lib/gelf`;
# Debian's is `vendor_ruby/gelf`, so `file` and `line` of every message point into the client itself.
#
# Seen: level, then the file behind the packages' folder
#   info 6 vendor_ruby/gelf/notifier.rb
#   warn 5 vendor_ruby/gelf/notifier.rb
#   error 4 vendor_ruby/gelf/notifier.rb
#   fatal 3 vendor_ruby/gelf/notifier.rb
#   error, mapped directly 3 vendor_ruby/gelf/notifier.rb
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download ruby-gelf=1.4.0-4.1 ruby3.1 libruby3.1 libyaml-0-2 libgmp10 libffi8 > /dev/null
for package in *.deb; do dpkg -x "$package" root; done

cat > log.rb <<'RUBY'
$VERBOSE = nil
require 'socket'
require 'gelf'
$server = UDPSocket.new
$server.bind('127.0.0.1', 0)
$logger = GELF::Logger.new('127.0.0.1', $server.addr[1], 'LAN', { :facility => 'shop' })
def show(name)
  bytes, _ = $server.recvfrom(65_536)
  document = JSON.parse(Zlib::Inflate.inflate(bytes))
  puts "#{name} #{document['level']} #{document['file'].sub(/.*ruby\/(?=vendor_ruby)/, '')}"
end
%w[info warn error fatal].each { |level| $logger.send(level, 'x'); show(level) }
$logger.level_mapping = :direct
$logger.error('x')
show('error, mapped directly')
RUBY
libraries="$tmp/root/usr/lib"
machine=$(dirname "$libraries"/*/libruby-3.1.so.3.1)
seen=$(LD_LIBRARY_PATH="$machine" \
  RUBYLIB="$libraries/ruby/vendor_ruby:$libraries/ruby/3.1.0:$machine/ruby/3.1.0:$machine/ruby/vendor_ruby/3.1.0" \
  timeout 60 "$tmp/root/usr/bin/ruby3.1" --disable-gems log.rb)
echo "$seen"
expected='info 6 vendor_ruby/gelf/notifier.rb
warn 5 vendor_ruby/gelf/notifier.rb
error 4 vendor_ruby/gelf/notifier.rb
fatal 3 vendor_ruby/gelf/notifier.rb
error, mapped directly 3 vendor_ruby/gelf/notifier.rb'
[ "$seen" = "$expected" ] || { echo "changed" >&2; exit 1; }
