// S25, CONNECT: after the tunnel's handshake nobody listens to the socket any more. It stays paused: node itself
// reads ahead and is told of the end, the application never is.
const http = require('node:http')

const server = http.createServer()
const tunnels = []
server.on('connect', (request, socket) => {
  socket.removeAllListeners()
  socket.pause()
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  tunnels.push(socket)
  console.log('{"did":"stuck"}')
})
server.listen(0, '127.0.0.1', () => console.log(`{"did":"listening","port":${server.address().port}}`))
process.stdin.on('end', () => process.exit()).resume()
