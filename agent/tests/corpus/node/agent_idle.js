// Control: the agent's idle connection is closed by the server, and node closes it at once.
const http = require('node:http')

const agent = new http.Agent({ keepAlive: true })
http.get({ host: '127.0.0.1', port: process.argv[2], agent }, response => {
  response.resume()
  response.on('end', () => console.log('{"did":"ready"}'))
})
process.stdin.on('end', () => process.exit()).resume()
