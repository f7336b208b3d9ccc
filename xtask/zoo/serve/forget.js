// Pauses each connection until a word comes that never comes.
const net = require('net');
const kept = [];
net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (talk) => kept.push(talk)).listen(process.argv[2], '127.0.0.1');
