# Control: the server has said its last word and half-closed; the client goes on with its upload.
require 'socket'

socket = TCPSocket.new('127.0.0.1', ARGV[0])
socket.write("PUT / HTTP/1.0\r\n\r\n")
socket.read
45.times do
  socket.write("a part of the upload\n")
  sleep 0.1
end
socket.close
puts '{"did":"ready"}'
$stdout.flush
$stdin.read
