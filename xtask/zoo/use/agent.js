// Node's agent with keep-alive, toward the ports given; an event stream that is dropped and taken again.
const http = require('http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const ports = process.argv.slice(2);
let turn = 0;
function ask() {
  for (const port of ports) {
    http.get({ port, host: '127.0.0.1', path: '/', agent }, (answer) => answer.resume()).on('error', () => {});
  }
  turn += 1;
  setTimeout(ask, 1000 * (1 + (turn % 10)));
}
function stream() {
  const events = http.get({ port: 8301, host: '127.0.0.1', path: '/events' }, (answer) => answer.resume());
  events.on('error', () => {});
  setTimeout(() => { events.destroy(); stream(); }, 33000);
}
ask();
stream();
