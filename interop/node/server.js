'use strict';
// The server of the tests on node's ws: one process listens on three ports,
// plain, with permessage-deflate, and with TLS. What the paths mean is told in
// server_test.go.
const fs = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const [certFile, keyFile] = process.argv.slice(2);
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
      default:
        socket.send(data, { binary });
    }
  });
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
  listen(https.createServer({ cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile) }), false),
]).then((ports) => console.log(`listening ${ports.join(' ')}`));
