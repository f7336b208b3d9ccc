// Control: a request that is answered only when there is something to say.
const http = require('node:http')

const server = http.createServer((request, response) => setTimeout(() => response.end('at last\n'), 4500))
server.listen(0, '127.0.0.1', () => console.log(`{"did":"listening","port":${server.address().port}}`))
process.stdin.on('end', () => process.exit()).resume()
