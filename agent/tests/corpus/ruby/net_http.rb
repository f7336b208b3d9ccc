# S26 in Ruby: a started Net::HTTP session whose server has closed, until its next request.
require 'net/http'

http = Net::HTTP.start('127.0.0.1', ARGV[0])
http.get('/').value
puts '{"did":"stuck"}'
$stdout.flush
$stdin.read
http.finish
