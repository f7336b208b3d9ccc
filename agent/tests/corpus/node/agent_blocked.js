// S26: the agent's idle connection is closed by the server while the event loop is busy: the next request would meet a FIN.
const fs = require('node:fs')
const http = require('node:http')

const agent = new http.Agent({ keepAlive: true })
http.get({ host: '127.0.0.1', port: process.argv[2], agent }, response => {
  response.resume()
  response.on('end', () => setTimeout(() => {
    fs.writeSync(1, '{"did":"stuck"}\n')
    fs.readSync(0, Buffer.alloc(1)) // a synchronous call that takes very long
    process.exit()
  }, 50))
})
