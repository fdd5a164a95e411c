'use strict';
// The server of the tests on node's ws: one process listens on the ports of an
// instance, which is told in server_test.go, as is what the paths mean.
const fs = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const [certFile, keyFile, ...agreements] = process.argv.slice(2);
const offered = new Set(['feed.v2', 'feed.v1']);

function serve(socket, request) {
  const url = new URL(request.url, 'ws://server');
  socket.on('error', (err) => console.log(`error ${err.message}`));
  socket.on('close', (code, reason) => console.log(`closed ${url.pathname} ${code} ${reason}`));
  socket.on('pong', (data) => {
    if (url.pathname === '/ping') socket.send(`pong ${data}`);
  });
  socket.on('message', (data, binary) => {
    switch (url.pathname) {
      case '/close':
        socket.close(Number(url.searchParams.get('code')), url.searchParams.get('reason'));
        break;
      case '/ping':
        socket.ping(String(data));
        break;
      case '/fragments': {
        const third = Math.ceil(data.length / 3);
        socket.send(data.subarray(0, third), { binary, fin: false });
        socket.ping();
        socket.send(data.subarray(third, 2 * third), { binary, fin: false });
        socket.ping();
        socket.send(data.subarray(2 * third), { binary });
        break;
      }
      default:
        socket.send(data, { binary });
    }
  });
}

// imposing returns the options of an agreement, which has the names of RFC 7692 7.1.
function imposing(agreement) {
  return {
    serverNoContextTakeover: agreement.server_no_context_takeover,
    clientNoContextTakeover: agreement.client_no_context_takeover,
    serverMaxWindowBits: agreement.server_max_window_bits,
    clientMaxWindowBits: agreement.client_max_window_bits,
    threshold: agreement.threshold,
  };
}

function listen(server, perMessageDeflate) {
  const wss = new WebSocketServer({
    server,
    perMessageDeflate,
    handleProtocols: (protocols) => [...protocols].find((p) => offered.has(p)) ?? false,
  });
  wss.on('connection', serve);
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
}

Promise.all([
  listen(http.createServer(), false),
  listen(http.createServer(), { threshold: 0 }),
  listen(https.createServer({ cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile) }), { threshold: 0 }),
  ...agreements.map((a) => listen(http.createServer(), imposing(JSON.parse(a)))),
]).then((ports) => console.log(`listening ${ports.join(' ')}`));
