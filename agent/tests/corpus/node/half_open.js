// S25: allowHalfOpen: the end is read, and end() is never called.
const net = require('node:net')

const server = net.createServer({ allowHalfOpen: true }, socket => {
  socket.on('data', () => {})
  socket.on('end', () => console.log('{"did":"stuck"}'))
})
server.listen(0, '127.0.0.1', () => console.log(`{"did":"listening","port":${server.address().port}}`))
process.stdin.on('end', () => process.exit()).resume()
