// Node: answers, an event stream, a long poll.
const http = require('http');
http.createServer((request, response) => {
  if (request.url === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: 1\n\n'), 5000);
    response.on('close', () => clearInterval(timer));
  } else if (request.url === '/poll') {
    setTimeout(() => response.end('nothing new\n'), 45000);
  } else {
    request.resume();
    request.on('end', () => response.end('zoo\n'.repeat(300)));
  }
}).listen(8301, '127.0.0.1');
