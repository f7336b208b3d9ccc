# Net::HTTP: a kept connection for ten requests, then a new one.
require 'net/http'
loop do
  ARGV.each do |port|
    Net::HTTP.start('127.0.0.1', port.to_i) { |http| 10.times { http.get('/'); sleep 0.5 } }
  rescue StandardError
    sleep 1
  end
end
