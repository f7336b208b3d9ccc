# Reads to the end and keeps the connection in a list.
require 'socket'
kept = []
server = TCPServer.new('127.0.0.1', ARGV[0].to_i)
loop do
  talk = server.accept
  kept << talk
  Thread.new { talk.read }
end
