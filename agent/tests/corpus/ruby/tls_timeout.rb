# S32: the TLS handshake times out; the exception's path forgets the socket, and something still refers to it.
require 'openssl'
require 'socket'
require 'timeout'

socket = TCPSocket.new('127.0.0.1', ARGV[0])
begin
  Timeout.timeout(0.3) { OpenSSL::SSL::SSLSocket.new(socket).connect }
rescue Timeout::Error
  $last_error = socket
end
puts %({"did":"stuck","fd":#{socket.fileno}})
$stdout.flush
$stdin.read
