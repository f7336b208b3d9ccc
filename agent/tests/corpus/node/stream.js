// Control: server-sent events, a line now and then; half of the clients hang up, and node closes.
const http = require('node:http')

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  const timer = setInterval(() => response.write('data: tick\n\n'), 100)
  request.on('close', () => clearInterval(timer))
})
server.listen(0, '127.0.0.1', () => console.log(`{"did":"listening","port":${server.address().port}}`))
process.stdin.on('end', () => process.exit()).resume()
