// What a program with node's pg driver does, through a port; prints one JSON report.
//
//   PGPASSWORD=... NODE_EXTRA_CA_CERTS=ca.crt node node_driver.js PORT BYTES
'use strict';

const crypto = require('crypto');
const { once } = require('events');
const { Readable, Writable } = require('stream');
const { pipeline } = require('stream/promises');
const { Client } = require('pg');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');

const [port, bytes] = process.argv.slice(2).map(Number);

async function connect(name) {
  const client = new Client({
    host: 'localhost', port, user: 'app', database: 'app', application_name: name,
    ssl: { rejectUnauthorized: true },
  });
  await client.connect();
  return client;
}

function* lines(total, hash) {
  let number = 0;
  for (let written = 0; written < total;) {
    const parts = [];
    for (let i = 0; i < 2000; i++) parts.push(`${number++} ${'abcdefghij'.repeat(9)}\n`);
    const block = Buffer.from(parts.join(''));
    hash.update(block);
    written += block.length;
    yield block;
  }
}

async function copy(client, report) {
  await client.query('CREATE TEMP TABLE bulk (line text)');
  const sent = crypto.createHash('sha256');
  await pipeline(Readable.from(lines(bytes, sent)), client.query(copyFrom('COPY bulk FROM STDIN')));
  const received = crypto.createHash('sha256');
  report.bytes = 0;
  await pipeline(client.query(copyTo('COPY bulk TO STDOUT')), new Writable({
    write(chunk, _, done) { received.update(chunk); report.bytes += chunk.length; done(); },
  }));
  report.sent = sent.digest('hex');
  report.received = received.digest('hex');
}

async function waitActive(client, name) {
  const text = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1"
    + " AND query LIKE '%pg_sleep%' AND state = 'active'";
  while ((await client.query(text, [name])).rows[0].n === 0);
}

async function cancel(client, other, report) {
  const sleeping = client.query('SELECT pg_sleep(100)').catch((error) => error);
  await waitActive(other, 'node-main');
  const canceller = new Client({ host: 'localhost', port, ssl: { rejectUnauthorized: true } });
  canceller.cancel(client, client.activeQuery || client._activeQuery);
  report.cancelled = (await sleeping).code;
  report.after = (await client.query('SELECT 1 AS one')).rows[0].one;
}

async function main() {
  const report = {};
  const client = await connect('node-main');
  const other = await connect('node-other');
  const { rows } = await client.query('SELECT $1::int + 1 AS a, $2::text AS b', [41, 'grüße']);
  report.parameters = [rows[0].a, rows[0].b];
  report.encrypted = client.connection.stream.encrypted === true;
  await copy(client, report);
  await client.query('LISTEN news');
  const notified = once(client, 'notification');
  await other.query("NOTIFY news, 'from elsewhere'");
  report.notified = (await notified)[0].payload;
  await cancel(client, other, report);
  await Promise.all([client.end(), other.end()]);
  console.log(JSON.stringify(report));
}

main().catch((error) => {
  console.error(error.stack || String(error));
  process.exitCode = 1;
});
